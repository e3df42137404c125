"""Reads lines of shell, as far as examples need it."""

import shlex
from collections.abc import Iterator, Sequence

import click

from sealwright.cli import root

_OPERATORS = "|<>;&"


def calls(line: str) -> Iterator[list[str]]:
    """The words after `sealwright` in each part of a line; comments and what it is piped to are left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    part: list[str] = []
    for word in [*lexer, ";"]:
        if word[0] in _OPERATORS:
            if part and part[0] == "sealwright":
                yield part[1:]
            part = []
        else:
            part.append(word)


def parse(words: Sequence[str], command: click.Command = root) -> None:
    """Let click read the words after `sealwright`, without looking at the files that they name.

    Raises click.UsageError where an option is unknown or lacks its value, AssertionError where a command is unknown.
    """
    # With root's names: a command keeps the help option of the first context that asks for it.
    context = click.Context(command, help_option_names=root.context_settings["help_option_names"])
    _, left, _ = command.make_parser(context).parse_args(list(words))
    if isinstance(command, click.Group) and left:
        found = command.get_command(context, left[0])
        assert found, f"no command {left[0]}"
        parse(left[1:], found)
