"""Saying yes or no. No is not an error; "could not tell" is a third answer and never a yes (design D13)."""

from collections.abc import Sequence
from enum import StrEnum

from sealwright.core.errors import Fault, Transient
from sealwright.core.model import value


class State(StrEnum):
    """How a judgement ended."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


@value
class Verdict:
    """`reasons` are sentences: what was proven, and where it failed, why."""

    state: State
    reasons: tuple[str, ...]

    @property
    def is_pass(self) -> bool:
        return self.state is State.PASS


def of_fault(fault: Fault) -> Verdict:
    """A proof that failed, or that could not be tried."""
    state = State.UNKNOWN if isinstance(fault, Transient) else State.FAIL
    return Verdict(state=state, reasons=(str(fault),))


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Fail if any fails, unknown if any is unknown; nothing at all is not a pass."""
    if not verdicts:
        return Verdict(state=State.FAIL, reasons=("there is nothing that could pass",))
    worst = next((state for state in (State.FAIL, State.UNKNOWN) for found in verdicts if found.state is state), State.PASS)
    return Verdict(state=worst, reasons=tuple(reason for found in verdicts for reason in found.reasons))
