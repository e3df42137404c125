"""`sealwright policy`: judge by policies what a cluster would judge; the group of what judges policies themselves, too."""

from datetime import UTC, datetime
from pathlib import Path

import click

from sealwright.cli import exits, policies, show
from sealwright.core.policy import precedence
from sealwright.core.policy.precedence import Use
from sealwright.core.policy.verificationpolicy import NoMatch
from sealwright.core.tekton import resources
from sealwright.edge import policyfiles
from sealwright.edge.clock import wall_now
from sealwright.edge.reading import read_argument

_HELP = """Judge by policies, and judge policies.

\b
Examples:
  sealwright policy explain policy.yaml
  sealwright policy lint policy.yaml
  sealwright policy test policy.yaml cases.yaml
  sealwright policy evaluate --policies policies --no-match fail --uri git+https://github.com/example/catalog task.yaml
"""

_EVALUATE = """Judge a Task, Pipeline or StepAction as Tekton's controller would, by the VerificationPolicies in a folder.

The folder holds VerificationPolicy objects, as those of the run's namespace, and the Secrets that they name. --uri is the
source as the resolver names it. Prints one line: pass, skip, warn: TEXT, or fail: TEXT. Patterns always span the whole source.

ClusterVerificationPolicy objects (sealwright.dev/v1alpha1) count too, and before the others: what one enforces nothing lifts;
mode skip, with an end, exempts from the rest; their keys may have validFrom and validUntil.

\b
Exit code: 1 for fail, 0 for the others, 2 where the file or a policy cannot be read.

\b
Example:
  sealwright policy evaluate --policies policies --no-match fail --uri git+https://github.com/example/catalog task.yaml
  sealwright policy evaluate --policies policies --namespace team-a --at 2027-01-31T00:00:00 --uri ... task.yaml
"""


@click.group("policy", help=_HELP)
def command() -> None:
    """Holds the subcommands."""


@command.command("evaluate", help=_EVALUATE, short_help="Judge a definition by VerificationPolicies.")
@click.option(
    "--policies", "folder", type=click.Path(path_type=Path), required=True, help="Folder of policies and their Secrets."
)
@click.option("--no-match", type=click.Choice(["ignore", "warn", "fail"]), default="ignore", show_default=True,
              help="What to say where no policy matches the source.")  # fmt: skip
@click.option("--uri", default="", help="Where the definition came from.")
@click.option("--namespace", default="", help="Where it would run.  [default: policies of every namespace count]")
@click.option("--at", type=click.DateTime(), help="When, in UTC.  [default: now]")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def evaluate(
    context: click.Context, *, folder: Path, no_match: NoMatch, uri: str, namespace: str, at: datetime | None, file: Path
) -> None:
    """Read, judge, tell."""
    found = policyfiles.read(folder, namespace)
    resource = resources.read(read_argument(file), str(file))
    use = Use(uri=uri, namespace=namespace, now=at.replace(tzinfo=UTC) if at else wall_now())
    result = precedence.judge(resource, use, found.policies, no_match, found.kept)
    click.echo(show.printable(str(result)))
    context.exit(exits.REFUSED if result.state == "fail" else exits.YES)


for _each in (policies.explain, policies.lint, policies.test):
    command.add_command(_each)
