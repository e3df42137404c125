"""`sealwright verify run`: is the provenance on these runs true of them?"""

from collections.abc import Sequence
from pathlib import Path

import click

from sealwright.cli.policies import Whom
from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.wanted import Wanted
from sealwright.core.tekton import documents
from sealwright.edge.reading import read_argument

_HELP = """Prove the provenance that the TaskRuns and PipelineRuns in FILE... carry: that it is signed, and true of the run.

A FILE is JSON or YAML as kubectl prints it; - is standard input. A finished run without provenance is refused.

\b
Examples:
  kubectl get taskrun build -o yaml | sealwright verify run - --key cosign.pub
  sealwright verify run runs.yaml --key cosign.pub --builder-id https://tekton.dev/chains/v2 --steps
"""


@click.command("run", help=_HELP, short_help="Prove the provenance in TaskRuns and PipelineRuns.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@whom.options
@telling.wishes
@telling.options
@click.pass_context
def command(context: click.Context, *, files: Sequence[Path], trust: Whom, wanted: Wanted, how: telling.Telling) -> None:
    """Read runs and nothing else, prove, judge, tell."""
    found = (
        piece for file in files for document in documents.runs(read_argument(file), str(file)) for piece in rules.of_run(document)
    )
    telling.conclude(context, found, trust, wanted, how)
