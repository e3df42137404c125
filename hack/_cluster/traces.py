"""What was done to each run, and when, by the API server's own word: its audit log."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rig import ACCOUNT

Json = dict[str, Any]


@dataclass
class Trace:
    """Of one run. `calls` are the controller's, by verb; times are seconds after 1970, 0 where it has not happened."""

    calls: Counter[str] = field(default_factory=Counter)
    finished: float = 0.0
    first: float = 0.0
    written: float = 0.0

    @property
    def waited_ms(self) -> float:
        """From the answer to Tekton's last write to the answer to the controller's."""
        return (self.written - self.finished) * 1e3


class Traces:
    """The runs of one namespace by name. `read` takes in what the log has got since."""

    def __init__(self, log: Path, namespace: str) -> None:
        self.log, self.namespace = log, namespace
        self.offset, self.rest = log.stat().st_size, b""
        self.runs: dict[str, Trace] = defaultdict(Trace)
        self.other: Counter[str] = Counter()  # the controller's calls that are no calls to a run
        self.codes: Counter[int] = Counter()

    def read(self) -> "Traces":
        with self.log.open("rb") as lines:
            lines.seek(self.offset)
            found = lines.read()
        self.offset += len(found)
        *whole, self.rest = (self.rest + found).split(b"\n")
        for line in whole:
            self._take(json.loads(line))
        return self

    def _take(self, event: Json) -> None:
        aim = event.get("objectRef") or {}
        user = (event.get("impersonatedUser") or event["user"])["username"]
        is_run = aim.get("resource") in ("taskruns", "pipelineruns") and "name" in aim
        if user == ACCOUNT and not is_run:
            self.other[f"{event['verb']} {aim.get('resource', event['requestURI'])}"] += 1
        if not is_run or aim.get("namespace") != self.namespace or event["stage"] != "ResponseComplete":
            return
        code, run, at = event.get("responseStatus", {}).get("code", 0), self.runs[aim["name"]], seconds(event["stageTimestamp"])
        if user == ACCOUNT:
            run.calls[event["verb"]] += 1
            self.codes[code] += 1
            if event["verb"] != "get" and code < 300:
                run.first, run.written = run.first or seconds(event["requestReceivedTimestamp"]), at
        elif aim.get("subresource") == "status" and code < 300:
            run.finished = at

    def signed_after_end(self, names: Iterable[str]) -> list[str]:
        """Those that were written to by the controller after their end."""
        return [name for name in names if 0 < self.runs[name].finished < self.runs[name].written]

    def span_s(self, names: Sequence[str]) -> float:
        """From the first of the controller's writes to the last."""
        found = [self.runs[name] for name in names if self.runs[name].written]
        return max(run.written for run in found) - min(run.first for run in found)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def percentile(values: Sequence[float], part: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
