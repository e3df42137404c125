#!/usr/bin/env python3
"""Counts the calls in the audit log of hack/cluster: `hack/_cluster/audit.py DIR/audit.log [USER]`.

The line of a call is written while its answer is sent, so a count taken at once after an answer can miss that last one.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Call(NamedTuple):
    """`resource` with its group and subresource, `code` the HTTP status. A watch counts once, when it begins."""

    user: str
    verb: str
    resource: str
    code: int


def calls(log: Path, offset: int = 0) -> Iterator[Call]:
    """From `offset` bytes on; take `log.stat().st_size` before the work to count what the work did."""
    with log.open("rb") as lines:
        lines.seek(offset)
        for line in lines:
            event = json.loads(line)
            if event["stage"] == ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"):
                yield read(event)


def read(event: dict[str, Any]) -> Call:
    who = event.get("impersonatedUser") or event["user"]
    aim = event.get("objectRef")
    resource = (
        ".".join(filter(None, (aim.get("resource"), aim.get("apiGroup")))) if aim else event["requestURI"].partition("?")[0]
    )
    part = f"/{aim['subresource']}" if aim and "subresource" in aim else ""
    return Call(who.get("username", ""), event["verb"], resource + part, event.get("responseStatus", {}).get("code", 0))


def main(log: Path, user: str = "") -> None:
    for call, count in sorted(Counter(call for call in calls(log) if user in call.user).items()):
        print(f"{count:>8}  {call.verb:<8} {call.resource:<48} {call.code}  {call.user}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
