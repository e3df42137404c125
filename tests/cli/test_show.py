"""How tables look: aligned text for programs, a grid on a wide terminal, blocks where a grid would be unreadable."""

import io
import re
import sys

import pytest

from sealwright.cli import show

ROWS = [("artifacts.pipelinerun.enable-deep-inspection", "true", "Read the results of a pipeline's TaskRuns too.")]
STYLE = re.compile("\x1b\\[[0-9;]*m")
COLUMNS = ("setting", "value", "what it does")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(monkeypatch, width, rows=ROWS):
    """What a terminal of this width gets, without colours."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    show.table("Settings", COLUMNS, rows)
    return [line.rstrip() for line in STYLE.sub("", terminal.getvalue()).splitlines()]


def test_a_wide_terminal_gets_one_row_on_one_line(monkeypatch):
    lines = shown(monkeypatch, 120)

    assert lines[0] == "Settings"
    assert " ".join(lines[2].split()) == " ".join(ROWS[0])


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_gets_blocks_and_no_line_is_wider_than_it(monkeypatch, width):
    """No word of a sentence is broken, and no key is squeezed into a column of letters."""
    lines = shown(monkeypatch, width)

    assert max(map(len, lines)) <= width
    assert "".join(lines[1:]).startswith(ROWS[0][0])
    assert any(line.strip().startswith("what it does") for line in lines)
    assert "TaskRuns" in " ".join(lines)


def test_markup_and_escapes_in_cells_are_text(monkeypatch):
    lines = shown(monkeypatch, 120, [("a[red]", "\x1b[31m", "x\ny\u202e")])

    assert lines[2].split() == ["a[red]", "\\x1b[31m", "x\\ny\\u202e"]
