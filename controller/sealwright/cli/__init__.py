"""Words for people at a terminal: one file a command, imported when it is asked for, so that help is quick."""

import sys
from importlib import import_module

import click

from sealwright import __version__

# command, also the module of this package that holds it as `command` -> what the list of commands says of it
_COMMANDS = {
    "config": "Look at the configuration.",
    "controller": "Sign every finished run of a cluster, or of a folder.",
    "doctor": "Try each signer, store, log and registry, and say what to do.",
    "export": "Write attestations with their proof as Sigstore bundles.",
    "key": "Make and look at keys.",
    "layout": "Say whether steps were done as a layout asks.",
    "migrate": "Copy key and configuration from Chains before it is deleted.",
    "policy": "Judge by policies, and judge policies.",
    "provenance": "Print the Statement of a run.",
    "resource": "Sign and verify Tasks, Pipelines and StepActions.",
    "search": "Find attestations by digest, name, material or run.",
    "sign": "Sign runs or a Statement by hand.",
    "verify": "Prove what a file, run, layout or folder claims.",
    "why": "Say what is signed of a run, what is not, and why.",
}

_HELP = """Sign, verify and explain what Tekton builds.

\b
Sealwright reads finished TaskRuns and PipelineRuns, writes in-toto provenance, signs it, stores it, and
verifies it: the same ConfigMap, Secret, annotations and tags as Tekton Chains.

\b
Try it on a folder of runs (kubectl get taskruns,pipelineruns -o yaml > runs/all.yaml):
  sealwright controller --source runs --once
  sealwright verify runs --key runs/signing-secrets/cosign.pub
  sealwright why runs/all.yaml

\b
Exit codes: 0 yes, 1 refused, 2 wrong input or usage, 3 could not tell, 70 a bug.
Completion: eval "$(_SEALWRIGHT_COMPLETE=bash_source sealwright)"  (also zsh_source, fish_source)
"""


class _Lazy(click.Group):
    """Imports a subcommand when it is used: listing them must not load the cryptography."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = import_module(f"sealwright.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
def root() -> None:
    """Holds the commands."""


def main() -> None:
    """The console script: runs a command and turns what it raises into a sentence and an exit code."""
    from sealwright.cli.exits import run  # noqa: PLC0415  only now, so that a broken install still has --help

    sys.exit(run(root))
