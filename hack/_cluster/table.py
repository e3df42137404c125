"""Figures of `measure.py` as a Markdown table, one column for each controller, and into a page between two marks."""

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Figures = Mapping[str, float]
BEGIN, END = "<!-- measured by {} -->\n", "<!-- end -->"


class Row(NamedTuple):
    """`needs` are the figures that it shows; a cell is empty where they are not there. `wanted` is the design's bar."""

    what: str
    needs: Sequence[str]
    show: Callable[..., str]
    wanted: str = ""


def ms(figure: float) -> str:
    return f"{figure:.1f} ms"


def mib(figure: float) -> str:
    return f"{figure:.0f} MiB"


def seconds(figure: float) -> str:
    return f"{figure:.1f} s"


def rate(figure: float) -> str:
    return f"{figure:.0f}/s"


def pair(show: Callable[[float], str]) -> Callable[[float, float], str]:
    return lambda one, other: f"{show(one)}, {show(other)}"


def part(figure: float) -> str:
    return f"{figure * 100:.0f}%"


def multiple(own: float, floor: float) -> str:
    return f"{own / floor:.1f} times"


def signed(share: float, waited_ms: float) -> str:
    return f"{part(share)}, {ms(waited_ms)}"


def calls(writes: float, reads: float) -> str:
    return f"{writes:.2f}, {reads:.2f}"


ROWS = [
    Row("bare writes, the floor: rate", ["floor_rate"], rate),
    Row("bare writes: processor time of writer, server, for each", ["floor_ms", "floor_server_ms"], pair(ms)),
    Row("draining finished TaskRuns: rate", ["drain_rate"], rate),
    Row("**draining: rate as part of the bare writes' rate**", ["drain_ratio"], part, "75%"),
    Row("draining: processor time of the controller, for each", ["drain_ms"], ms, "1.2 ms"),
    Row("draining: the same, as a multiple of a bare writer's", ["drain_ms", "floor_ms"], multiple),
    Row("draining: processor time of the server, for each", ["drain_server_ms"], ms, "15 ms"),
    Row("draining: the same, as a multiple of a bare write's", ["drain_server_ms", "floor_server_ms"], multiple),
    Row("draining: writes, reads, for each", ["drain_writes", "drain_reads"], calls, "1, 0"),
    Row("live at 10/s: processor time of the server, beyond Tekton's own writes", ["live_10_server_ms"], ms, "22 ms"),
    Row("live at 10/s: writes, reads, for each", ["live_10_writes", "live_10_reads"], calls, "2, 0"),
    Row("live at 20/s: writes, reads, for each", ["live_20_writes", "live_20_reads"], calls, "2, 0"),
    Row("live at 10/s: signed", ["live_10_signed"], part, "100%"),
    Row("live at 20/s: signed", ["live_20_signed"], part, "100%"),
    Row("finished to signed at 10/s: p50, p99", ["live_10_p50", "live_10_p99"], pair(ms), "10, 30 ms"),
    Row("finished to signed at 20/s: p50, p99", ["live_20_p50", "live_20_p99"], pair(ms), "10, 40 ms"),
    Row("memory after 1,500 and after 2,250 runs", ["memory_1500", "memory_2000"], pair(mib), "90 MiB"),
    Row("memory at the peak", ["memory_peak"], mib, "160 MiB"),
    Row(
        "memory when the history below is drained, at the peak", ["memory_history", "memory_history_peak"], pair(mib), "the same"
    ),
    Row("restart beside unsigned runs of yesterday: first new run signed", ["restart_first_s"], seconds, "2 s"),
    Row("the same: new runs that were signed", ["restart_signed"], part, "100%"),
    Row("the same: finished to signed while history drains, p99", ["restart_p99_ms"], ms, "2000 ms"),
    Row("the same: history signed, in", ["history_signed", "history_s"], lambda a, b: f"{part(a)}, {seconds(b)}"),
    Row("beside old runs of last month, which are left: memory, peak", ["memory_old", "memory_old_peak"], pair(mib), "the same"),
    Row("the same: finished to signed, p99", ["old_p99"], ms),
    *(
        row
        for count in (2500, 5000, 7500)
        for row in (
            Row(f"{count:,} runs end at once: signed", [f"burst_{count}_signed"], part, "100%"),
            Row(
                "the same: another namespace's runs, p99", [f"burst_{count}_calm", f"burst_{count}_p99"], signed, "100%, 5000 ms"
            ),
            Row("the same: memory at the peak", [f"burst_{count}_peak"], mib),
        )
    ),
    Row("start to ready", ["ready_s"], seconds, "5 s"),
    Row("SIGTERM to the end", ["stop_s"], seconds, "30 s"),
]


def markdown(columns: Mapping[str, Figures]) -> str:
    """Rows for which some controller has figures."""
    lines = [f"| | {' | '.join(columns)} | wanted |", "|---|" + "---|" * (len(columns) + 1)]
    for row in ROWS:
        cells = [cell(row, found) for found in columns.values()]
        if any(cells):
            lines.append(f"| {row.what} | {' | '.join(cells)} | {row.wanted} |")
    return "\n".join(lines) + "\n"


def cell(row: Row, found: Figures) -> str:
    return row.show(*(found[name] for name in row.needs)) if all(name in found for name in row.needs) else ""


def machine() -> str:
    """What the figures were measured on, and how busy it was besides."""
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    processor, load = models[0] if models else platform.machine(), os.getloadavg()[1]
    return f"{len(models)} x {processor}, Python {platform.python_version()}, load before {load:.1f}"


def replaced(page: Path, command: str, text: str) -> None:
    """Puts the text where the page has the marks of this command."""
    begin = BEGIN.format(command)
    before, found, rest = page.read_text().partition(begin)
    if not found:
        raise LookupError(f"{page} has no line {begin.strip()}")
    page.write_text(f"{before}{begin}{text}{END}{rest.partition(END)[2]}")


def saved(path: Path, found: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
