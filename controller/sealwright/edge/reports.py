"""Reports -> log lines. Every line is a function of one value; nothing else in the program logs what became of a run."""

import sys
from collections.abc import MutableMapping
from typing import Any, Protocol

# structlog takes rich for its tracebacks where it finds it: 6 MiB and a fifth of a second that a controller has no use for.
_rich = sys.modules.get("rich")
if _rich is None:
    sys.modules["rich"] = None  # type: ignore[assignment]  # which is how an import is told that there is none
import structlog  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

from sealwright.core.errors import Fault  # noqa: E402
from sealwright.core.model import Failure, Finding, Key, Outcome  # noqa: E402

# Chains' levels: what a run came to is info, what waits or was known is debug, what failed is a warning or an error.
# `kept` and `released` are runs that were deleted before they could be signed: with the outbox, and without.
_LEVEL = {"signed": "info", "skipped": "info", "failed": "warning", "kept": "warning", "released": "error"}


class Look(Protocol):
    """What a story reports of one look at a run: `flow.reconcile.Report`, which no edge imports."""

    @property
    def key(self) -> Key: ...
    @property
    def state(self) -> str: ...
    @property
    def outcomes(self) -> tuple[Outcome, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def failures(self) -> tuple[Failure, ...]: ...
    @property
    def bug(self) -> BaseException | None: ...


class Log:
    """Writes to standard error: JSON lines for programs, text for a terminal. `level` is debug, info, warning or error."""

    def __init__(self, level: str, *, is_coloured: bool = True) -> None:
        is_terminal = sys.stderr.isatty()
        last: Any = structlog.dev.ConsoleRenderer(colors=is_coloured) if is_terminal else structlog.processors.JSONRenderer()
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                *([_printable] if is_terminal else []),
                last,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            cache_logger_on_first_use=True,
        )

    def run(self, found: Look) -> None:
        """What one look at a run came to."""
        key = found.key
        members: dict[str, Any] = {"kind": key.kind, "namespace": key.namespace, "name": key.name}
        stored = [f"{receipt.store}: {receipt.uri}" for outcome in found.outcomes for receipt in outcome.receipts]
        texts = {"stored": stored, "findings": [*map(str, found.findings)], "failures": [*map(str, found.failures)]}
        members |= {name: lines for name, lines in texts.items() if lines}
        if found.failures:
            members["reason"] = str(found.failures[0].reason)
        level = "error" if found.bug else _LEVEL.get(found.state, "debug")
        getattr(self._logger, level)(found.state, exc_info=found.bug, **members)

    def problem(self, where: str, fault: Fault) -> None:
        """Something that could not be read, and will be tried again."""
        self._logger.warning("unreadable", where=where, reason=str(fault.reason), message=fault.message)

    def note(self, event: str, **members: Any) -> None:
        """Something a user should see once, like a key that was made."""
        self._logger.info(event, **members)


def _printable(_logger: Any, _method: str, members: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Foreign text must not steer a terminal. Lists are shown by their repr, and tracebacks have lines."""
    for name, member in members.items():
        if isinstance(member, str) and name != "exception" and not member.isprintable():
            members[name] = member.encode("unicode_escape").decode()
    return members
