"""`sealwright verify`: is it signed, by somebody you trust, and is it what you asked for?

`verify PATH...` takes whatever it is given; `verify file|image|run|pipeline` says what it should be, and refuses anything else.
"""

from importlib import import_module

import click
from click.shell_completion import CompletionItem

# subcommand, also the module of this package that holds it as `command` -> what the list says of it
_KINDS = {
    "file": "Prove who signed a file, with a Sigstore bundle.",
    "image": "Prove what is signed about an image in a registry or OCI layout.",
    "pipeline": "Prove a PipelineRun and every task that ran in it.",
    "run": "Prove the provenance in TaskRuns and PipelineRuns.",
}

_HELP = """Prove what a file, image, run, pipeline, layout or folder claims.

`sealwright verify PATH...` looks for itself: a PATH is a DSSE envelope, a Sigstore bundle, a Statement (with --envelope), an
annotated TaskRun or PipelineRun, an OCI layout with cosign tags, a folder that the controller wrote, or - for standard input.
The commands below say what it must be. Each attestation is proven step by step: the envelope, its type, the signature
over exactly its bytes, who made it, when, which log has it, the Statement in it, that it belongs where it was found, then
what you asked for. Nothing is fetched unless you name a registry, and no key is taken from what is verified.

Trust keys (--key), or identities in certificates (--certificate-identity and --certificate-oidc-issuer) below a trusted root
(--trusted-root, else the public Sigstore's). With a trusted root, times and log entries are proven too.

With --policy all that was proven is judged together, for each artifact or for the one that --subject names; its signers are
trusted too, and its verdict is the exit code. --summary keeps the verdict as a signed Verification Summary.

\b
Exit code: 0 all verified, 1 something was refused, 2 wrong input, 3 could not tell.

\b
Examples:
  sealwright verify runs --key cosign.pub
  sealwright verify build.signed.json --key cosign.pub --steps
  sealwright verify envelope.json --key cosign.pub --subject gcr.io/app@sha256:0123... --type slsaprovenance1
  sealwright verify statement.json --envelope envelope.json --key cosign.pub --builder-id https://tekton.dev/chains/v2
  sealwright verify runs --policy policy.yaml --subject sha256:0123... --summary summary.json --summary-keys secrets
  sealwright verify file app.tar --bundle b.json --certificate-identity me@x.dev --certificate-oidc-issuer https://x.dev

Options of `sealwright verify PATH...`: see `sealwright verify . --help`.
"""


class _Verify(click.Group):
    """What is no subcommand begins the paths and options of `verify PATH...`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_KINDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found: click.Command = import_module(f"sealwright.cli.verify.{cmd_name if cmd_name in _KINDS else 'paths'}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        found = self.get_command(ctx, args[0])
        return (args[0], found, args[1:]) if args[0] in _KINDS else ("", found, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_KINDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        paths = self.get_command(ctx, "")
        more = paths.shell_complete(ctx, incomplete) if paths and incomplete.startswith("-") else []
        return [*super().shell_complete(ctx, incomplete), *more]


# Options that are not known here are those of `paths`.
_SETTINGS = {"ignore_unknown_options": True}


@click.group("verify", cls=_Verify, help=_HELP, short_help="Prove what is signed, and by whom.", context_settings=_SETTINGS)
def command() -> None:
    """Holds the commands."""
