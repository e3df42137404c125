"""Saying yes or no. No is not an error; "could not tell" is a third answer and never a yes (design D13)."""

from collections.abc import Sequence
from enum import StrEnum

from sealwright.core.errors import Fault, Reason, Transient, quote
from sealwright.core.model import value


class State(StrEnum):
    """How a judgement ended."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


@value
class Breach:
    """One demand that was not met: whose (`step`, a task's name; "" for the whole), which (`rule`), what it asked for and what
    was there. UNKNOWN where waiting may still bring it.
    """

    reason: Reason
    step: str
    rule: str
    expected: str
    found: str
    state: State = State.FAIL

    def __str__(self) -> str:
        where = f"step {quote(self.step)}: {self.rule}" if self.step else self.rule
        return f"{self.reason}: {where}: wanted {self.expected}, found {self.found}"


@value
class Verdict:
    """`reasons` are sentences: what was proven, and where it failed, why. `breaches` are the failures among them, in parts."""

    state: State
    reasons: tuple[str, ...]
    breaches: tuple[Breach, ...] = ()

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
    return Verdict(
        state=worst,
        reasons=tuple(reason for found in verdicts for reason in found.reasons),
        breaches=tuple(breach for found in verdicts for breach in found.breaches),
    )


def of_breach(breach: Breach) -> Verdict:
    """A demand that was not met, as a verdict."""
    return Verdict(state=breach.state, reasons=(str(breach),), breaches=(breach,))


def passed(*reasons: str) -> Verdict:
    """What was proven."""
    return Verdict(state=State.PASS, reasons=reasons)
