"""`sealwright verify pipeline`: is everything that a PipelineRun did signed, and true?"""

from collections.abc import Sequence
from pathlib import Path

import click

from sealwright.cli.policies import Whom
from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core.policy import pipelines
from sealwright.core.policy.wanted import Wanted
from sealwright.core.tekton import documents
from sealwright.edge.reading import read_argument

_HELP = """Prove the provenance of each PipelineRun in FILE... and of every task that ran in it.

The files (JSON or YAML as kubectl prints them, - for standard input) hold the PipelineRun with its TaskRuns. A task that its
status names and that is not there, does not belong to it, has not finished, or carries no provenance, is refused.

\b
Examples:
  kubectl get pipelineruns,taskruns -n ci -o yaml | sealwright verify pipeline - --key cosign.pub
  sealwright verify pipeline pipelinerun.yaml taskruns.yaml --key cosign.pub --steps
"""


@click.command("pipeline", help=_HELP, short_help="Prove a PipelineRun and every task that ran in it.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@whom.options
@telling.wishes
@telling.options
@click.pass_context
def command(context: click.Context, *, files: Sequence[Path], trust: Whom, wanted: Wanted, how: telling.Telling) -> None:
    """Read all, put families together, prove, judge, tell."""
    found = [document for file in files for document in documents.runs(read_argument(file), str(file))]
    telling.conclude(context, pipelines.evidence_of(found), trust, wanted, how)
