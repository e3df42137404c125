"""How a command shows what it found: a table for people, JSON or YAML for programs. Foreign text is never markup."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_GAP = 2
# A last column narrower than this is a ladder of single words; then each row is shown as a block of lines.
_READABLE = 30


def output_option(command: F) -> F:
    """Adds `--output`, as the argument `output`: table, json or yaml."""
    formats = click.Choice(["table", "json", "yaml"])
    option = click.option("-o", "--output", type=formats, default="table", show_default=True, help="Form of the output.")
    return option(command)


def data(output: str, value: Any) -> None:
    """Print a value as `json` or `yaml`, in ASCII, so that no text in it can steer a terminal."""
    if output == "yaml":
        import yaml  # noqa: PLC0415  slow to import, rarely wanted

        click.echo(yaml.safe_dump(value, sort_keys=False), nl=False)
        return
    import json  # noqa: PLC0415

    click.echo(json.dumps(value, indent=2))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; each row on one line of plain aligned text where nobody is looking at a terminal."""
    kept = [tuple(map(printable, row)) for row in rows]
    if not sys.stdout.isatty():
        _aligned(columns, kept)
        return
    from rich.text import Text  # noqa: PLC0415  slow to import

    there = console()
    there.print(Text(printable(title), style="bold"))
    if _widths(columns, kept, there.width) is None:
        _blocks(there, columns, kept)
    else:
        _grid(there, columns, kept)


def is_coloured() -> bool:
    """Whether a terminal may get colours and bold type (no-color.org)."""
    return not os.environ.get("NO_COLOR")


def console(*, stderr: bool = False) -> Any:
    """A `rich.console.Console`."""
    from rich.console import Console  # noqa: PLC0415  slow to import

    # Rich's own reading of NO_COLOR leaves bold and dim.
    return Console(stderr=stderr, highlight=False, color_system="auto" if is_coloured() else None)


_LONG_HEX = re.compile(r"[0-9a-f]{40,128}")


def shortened(text: str) -> str:
    """Digests in a text cut to 12 digits, for eyes; programs ask for JSON, which has them whole."""
    return _LONG_HEX.sub(lambda match: f"{match[0][:12]}...", text)


def printable(cell: str) -> str:
    """One line: foreign text must not steer a terminal: what does not print is escaped."""
    return cell if cell.isprintable() else cell.encode("unicode_escape").decode()


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of all columns but the last as they need them; None where too little of `room` is left for the last."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    left = room - sum(widths[:-1]) - _GAP * len(widths)
    return widths if left >= min(widths[-1], _READABLE) else None


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (tuple(column.upper() for column in columns), *rows):
        click.echo((" " * _GAP).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _grid(console: Any, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns[:-1]:
        grid.add_column(column, no_wrap=True)
    grid.add_column(columns[-1], overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _blocks(console: Any, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One block per row: its first cell, then the others with their headings, wrapped under themselves."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    for first, *others in rows:
        console.print(Text(first, style="bold", overflow="fold"))
        block = Table(box=None, pad_edge=False, show_header=False, padding=(0, _GAP, 0, _GAP))
        block.add_column(style="dim", no_wrap=True)
        block.add_column(overflow="fold")
        for heading, cell in zip(columns[1:], others, strict=True):
            block.add_row(heading, Text(cell))
        console.print(block)
