"""`sealwright config`: what a ConfigMap asks for, in words, before a cluster is asked to obey it."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import click

from sealwright import plugins
from sealwright.cli import show
from sealwright.core import config, strict
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Finding

_HELP = """Look at the configuration.

\b
Example:
  sealwright config check chains-config.yaml
"""

_VALID, _INVALID = 0, 2
_NAME = "chains-config"
# A value is shown up to here; a whole key ring in a table helps nobody.
_SHOWN_CHARACTERS = 256

_CHECK_HELP = """Check the ConfigMap chains-config in FILE (YAML or JSON; - reads standard input).

FILE holds the whole ConfigMap, a bare mapping of its keys, or a release with many documents, one of them named
chains-config. Shown are the settings that FILE gives, then what does not do what it seems to, then what is wrong.
Nothing is sent anywhere.

Exit code: 0 valid, also with warnings; 2 invalid.

\b
Examples:
  sealwright config check chains-config.yaml
  sealwright config check --all chains-config.yaml
  kubectl get configmap chains-config -n tekton-chains -o yaml | sealwright config check -
  sealwright config check -o json chains-config.yaml
"""


@click.group("config", help=_HELP)
def command() -> None:
    """Holds the subcommands."""


@command.command("check", help=_CHECK_HELP, short_help="Say what a ConfigMap asks for, and what is wrong with it.")
@click.argument("file", type=click.File("rb"))
@click.option("--all", "every", is_flag=True, help="Show the settings that FILE does not give, too.")
@show.output_option
@click.pass_context
def check(context: click.Context, file: BinaryIO, every: bool, output: str) -> None:
    """Report on one ConfigMap; exit 2 if a controller would refuse it."""
    examined = _examine(file)
    entries = [entry for entry in examined.entries if every or entry.is_given]
    if output == "table":
        _tell(entries, examined)
    else:
        show.data(output, _report(entries, examined))
    context.exit(_INVALID if examined.errors else _VALID)


def _examine(file: BinaryIO) -> config.Examined:
    """A document that is no ConfigMap is one more error to report, not another kind of answer."""
    what = getattr(file, "name", "<stdin>")
    try:
        data = config.from_document(_pick(strict.documents(file.read(), what)))
    except Permanent as fault:
        errors = tuple(Finding(where=what, message=line) for line in fault.message.splitlines())
        return config.Examined(entries=(), config=None, warnings=(), errors=errors)
    return config.examine(
        data,
        formats=tuple(plugins.members("sealwright.core.provenance")),
        stores=tuple(plugins.members("sealwright.edge.stores")),
        signers=tuple(plugins.members("sealwright.edge.signers")),
    )


def _pick(documents: Sequence[Any]) -> Any:
    """The only document, or the only one that is the ConfigMap in question."""
    named = documents if len(documents) == 1 else [document for document in documents if _is_named(document)]
    if len(named) != 1:
        found = f"found {len(documents)} documents, {len(named)} of them so named"
        raise Permanent(Reason.INVALID_CONFIG, f"wanted one ConfigMap {_NAME}; {found}")
    return named[0]


def _is_named(document: Any) -> bool:
    match document:
        case {"kind": "ConfigMap", "metadata": {"name": name}}:
            return bool(name == _NAME)
    return False


def _tell(entries: Sequence[config.Entry], examined: config.Examined) -> None:
    rows = [(entry.setting.name, _shown(entry), _origin(entry), entry.setting.effect) for entry in entries]
    _list("Settings", ("setting", "value", "from", "what it does"), rows)
    for noun, findings in (("warning", examined.warnings), ("error", examined.errors)):
        _list(f"{noun.title()}s", (noun, "message"), [(finding.where, finding.message) for finding in findings])
    click.echo(_verdict(examined))


def _list(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        show.table(title, columns, rows)
        click.echo()


def _verdict(examined: config.Examined) -> str:
    if examined.errors:
        return f"Invalid: {_count(examined.errors, 'error')}, {_count(examined.warnings, 'warning')}."
    return f"Valid, with {_count(examined.warnings, 'warning')}." if examined.warnings else "Valid."


def _count(findings: Sequence[Finding], noun: str) -> str:
    return f"{len(findings)} {noun}{'' if len(findings) == 1 else 's'}"


def _origin(entry: config.Entry) -> str:
    return "default" if entry.is_default else "file"


def _shown(entry: config.Entry) -> str:
    match _plain(entry):
        case None:
            return "(wrong)"
        case bool() as switch:
            return str(switch).lower()
        case list() as words:
            return ", ".join(words) or "(none)"
        case text:
            return _cut(str(text)) or "(empty)"


def _cut(text: str) -> str:
    return text[:_SHOWN_CHARACTERS] + "..." if len(text) > _SHOWN_CHARACTERS else text


def _plain(entry: config.Entry) -> str | bool | list[str] | None:
    """The value as JSON has it, without secrets."""
    match entry.value:
        case str() as text:
            return config.without_password(text)
        case config.Secret() as secret:
            return str(secret)
        case tuple() as words:
            return list(words)
        case other:
            return other


def _report(entries: Sequence[config.Entry], examined: config.Examined) -> dict[str, Any]:
    return {
        "valid": not examined.errors,
        "settings": [
            {
                "name": entry.setting.name,
                "value": _plain(entry),
                "default": entry.is_default,
                "effect": entry.setting.effect,
            }
            for entry in entries
        ],
        "warnings": _findings(examined.warnings),
        "errors": _findings(examined.errors),
    }


def _findings(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"setting": finding.where, "message": finding.message} for finding in findings]
