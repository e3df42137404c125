"""What the verifier's user asked for: a kind of claim, a subject, a builder. Judges Verified things only."""

import re

from sealwright.core import statement
from sealwright.core.errors import Reason, quote
from sealwright.core.model import Verified, value
from sealwright.core.policy.verdict import State, Verdict, all_of

_DIGEST = re.compile(r"(sha1|sha256|sha384|sha512):([0-9a-f]{40,128})")

# Short names for the predicate types that people ask for most.
PREDICATES = {
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
}


@value
class Wanted:
    """Each empty member asks for nothing. `subject` is a name, `algorithm:hex`, or `name@algorithm:hex`."""

    predicate_type: str = ""
    subject: str = ""
    builder_id: str = ""


def judge(verified: Verified, wanted: Wanted) -> Verdict:
    """Pass if every wish holds for this one statement; with no wish, the proof alone is the pass."""
    proven = Verdict(state=State.PASS, reasons=verified.steps)
    return all_of([proven, *_predicate(verified, wanted), *_subject(verified, wanted), *_builder(verified, wanted)])


def _predicate(verified: Verified, wanted: Wanted) -> list[Verdict]:
    if not wanted.predicate_type:
        return []
    asked = PREDICATES.get(wanted.predicate_type, wanted.predicate_type)
    found = verified.payload.predicate_type
    return [_say(found == asked, Reason.WRONG_PREDICATE, f"the predicate type is {quote(found)}", quote(asked))]


def _subject(verified: Verified, wanted: Wanted) -> list[Verdict]:
    if not wanted.subject:
        return []
    name, algorithm, digits = _split(wanted.subject)
    is_there = any(
        (not name or subject.name == name) and (not digits or subject.digest.get(algorithm) == digits)
        for subject in verified.payload.subjects
    )
    names = ", ".join(quote(subject.name) for subject in verified.payload.subjects[:3]) or "none"
    said = f"{quote(wanted.subject)} is a subject" if is_there else f"the subjects are {names}"
    return [_say(is_there, Reason.WRONG_SUBJECT, said, quote(wanted.subject))]


def _builder(verified: Verified, wanted: Wanted) -> list[Verdict]:
    if not wanted.builder_id:
        return []
    found = statement.builder_id(verified.predicate)
    said = f"the builder is {quote(found)}"
    return [_say(found == wanted.builder_id, Reason.WRONG_BUILDER, said, quote(wanted.builder_id))]


def _split(text: str) -> tuple[str, str, str]:
    """Name, algorithm, hex; each "" where the text has none."""
    name, at, digest = text.rpartition("@")
    match = _DIGEST.fullmatch(digest)
    if match is None:
        return text, "", ""
    return (name if at else ""), match[1], match[2]


def _say(is_met: bool, reason: Reason, found: str, wanted: str) -> Verdict:
    if is_met:
        return Verdict(state=State.PASS, reasons=(found,))
    return Verdict(state=State.FAIL, reasons=(f"{reason}: {found}, wanted {wanted}",))
