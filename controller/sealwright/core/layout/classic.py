"""Does a software product keep an in-toto layout? Layout, keys, links and the time -> Verdict; equal to in-toto-python's.

The steps, in the specification's order (in-toto 1.0, 5.2):

1. every key that was given has signed the layout;
2. the layout has not expired;
3. parameters are put into its texts;
4. each step has as many links as its threshold, filed as `STEP.KEYID8.link`;
5. as many different functionaries of the step have signed them; links by others count for nothing;
6. a link that is a layout itself is verified with that functionary's key and the links in the folder `STEP.KEYID8`;
7. where several functionaries are asked for, their links name the same artifacts;
8. artifact rules of each step;
9. artifact rules of each inspection, over what it left behind. Running its command is left to the caller, who is asked for
   nothing else that touches the world; without its result the verdict is could-not-tell.

Stricter than in-toto-python, never laxer: OpenPGP and weak keys, a layout without an end, two ids for one key, format strings
that look into objects, endless recursion and endless work are refused. What it lets pass and a careful reader would not is told
in `Checked.cautions`: the caller decides whether they matter.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from string import Formatter

from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.layout import metadata, rules, signatures
from sealwright.core.layout.metadata import Item, Layout, Link, Metadata, Words
from sealwright.core.layout.rules import Artifacts, Digests, Has, Side
from sealwright.core.layout.signatures import Signer
from sealwright.core.model import value
from sealwright.core.policy import verdict
from sealwright.core.policy.verdict import Breach, State, Verdict

DEPTH_LIMIT = 8  # layouts inside layouts
LINK_LIMIT = 10_000  # links that are looked at in all
_ID_SHOWN = 8


@value
class Question:
    """What is asked. `files` are the links by path relative to their folder, with `/`; `inspected` what each inspection left.

    `parameters` None leaves `{braces}` alone, as in-toto does.
    """

    layout: bytes
    keys: Sequence[Signer]
    files: Mapping[str, bytes]
    now: datetime
    parameters: Mapping[str, str] | None = None
    inspected: Mapping[str, Artifacts] = dataclasses.field(default_factory=dict)


@value
class Checked:
    """The verdict, what should make one think although it is a yes, and what the whole chain used and made."""

    verdict: Verdict
    cautions: tuple[str, ...]
    summary: Artifacts | None = None


class _BrokenError(Exception):
    """Carries the breach that ends a verification."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(str(breach))
        self.breach = breach


def file_name(step: str, key_id: str) -> str:
    """Where a functionary's link of a step is looked for."""
    return f"{step}.{key_id[:_ID_SHOWN]}.link"


def verify(question: Question) -> Checked:
    """All nine steps. Never raises for hostile input; Permanent(KEY_MISSING) without a key."""
    if not question.keys:
        raise Permanent(Reason.KEY_MISSING, "no key to verify the layout with: name every key that must have signed it")
    work = _Work(question)
    try:
        found = metadata.read(question.layout, "the layout")
        summary = work.layout(found, question.keys, question.parameters, "", 0)
    except _BrokenError as broken:
        return Checked(verdict=verdict.of_breach(broken.breach), cautions=tuple(work.cautions))
    except Fault as fault:
        return Checked(verdict=verdict.of_fault(fault), cautions=tuple(work.cautions))
    said = verdict.all_of([verdict.passed(*work.proven), *map(verdict.of_breach, work.unknown)])
    return Checked(verdict=said, cautions=tuple(work.cautions), summary=summary.artifacts)


class _Work:
    """One verification, sublayouts included: what was proven, what gave pause, and how many links were looked at."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.proven: list[str] = []
        self.cautions: list[str] = []
        self.unknown: list[Breach] = []
        self.links_read = 0

    def layout(
        self, found: Metadata, keys: Sequence[Signer], parameters: Mapping[str, str] | None, folder: str, depth: int
    ) -> Link:
        """Verify a layout; the link that sums it up. `folder` is where its links are, "" or ending in a slash."""
        what = f"the layout {quote(folder.rstrip('/'))}" if folder else "the layout"
        if depth > DEPTH_LIMIT:
            raise _broken(Reason.INVALID_LAYOUT, "", "sublayouts", f"at most {DEPTH_LIMIT} layouts inside each other", "more")
        self._check_signed(found, keys, what)
        layout = found.payload
        if not isinstance(layout, Layout):
            raise _broken(Reason.INVALID_LAYOUT, "", what, "a layout", "a link")
        if layout.expires <= self.question.now:
            until, now = layout.expires.isoformat(), self.question.now.isoformat()
            raise _broken(Reason.LAYOUT_EXPIRED, "", f"{what}: expires", f"a time after {now}", until)
        if parameters is not None:
            layout = _filled(layout, parameters)
        self._remark(layout, what)
        by_key = {step.name: self._signed_links(layout, step, folder) for step in layout.steps}
        chain = {step.name: self._flat(layout, step, by_key[step.name], folder, depth) for step in layout.steps}
        links = {step.name: self._agreed(step, chain[step.name]) for step in layout.steps}
        for step in layout.steps:
            self._keep_rules(step, links[step.name].artifacts, links)
        self._inspections(layout, links)
        return _summed_up(layout, links)

    def _check_signed(self, found: Metadata, keys: Sequence[Signer], what: str) -> None:
        """Step 1: every key, not any."""
        for signer in keys:
            if not signatures.is_by(found.signed, signer):
                signed_by = ", ".join(key_id[:_ID_SHOWN] for key_id, _ in found.signed.signatures) or "nobody"
                expected = f"a good signature by the {signer.key.algorithm} key {signer.key_id[:_ID_SHOWN]}"
                raise _broken(Reason.BAD_SIGNATURE, "", f"{what}: signatures", expected, f"signatures by {signed_by}, none of it")
        self.proven.append(f"{what} is signed by {', '.join(signer.key_id[:_ID_SHOWN] for signer in keys)}")

    # --- links ----------------------------------------------------------------------------------------------------------

    def _signed_links(self, layout: Layout, step: Item, folder: str) -> dict[str, Metadata]:
        """Steps 4 and 5: key id -> what this functionary signed, in the order of the step's key ids."""
        filed = {key_id: folder + file_name(step.name, key_id) for key_id in step.key_ids}
        there = {key_id: name for key_id, name in filed.items() if name in self.question.files}
        self.links_read += len(there)
        if self.links_read > LINK_LIMIT:
            raise _broken(Reason.TOO_LARGE, step.name, "links", f"at most {LINK_LIMIT} links in all", "more")
        if len(there) < step.threshold:
            expected = f"{step.threshold} of {', '.join(filed.values()) or 'no key at all'}"
            raise _broken(Reason.STEP_MISSING, step.name, "links", expected, ", ".join(there.values()) or "none")
        read = {key_id: metadata.read(self.question.files[name], name) for key_id, name in there.items()}
        known = {key_id: found for key_id, found in read.items() if key_id in layout.keys}
        good = {key_id: found for key_id, found in known.items() if signatures.is_by(found.signed, layout.keys[key_id])}
        if len(good) < max(step.threshold, 1):
            expected = f"{max(step.threshold, 1)} link(s) signed by different functionaries of the step"
            bad = ", ".join(there[key_id] for key_id in read if key_id not in good)
            found = f"{len(good)}; not signed by a functionary: {bad}" if bad else f"{len(good)}"
            raise _broken(Reason.WRONG_FUNCTIONARY, step.name, "functionaries", expected, found)
        return good

    def _flat(self, layout: Layout, step: Item, by_key: Mapping[str, Metadata], folder: str, depth: int) -> dict[str, Link]:
        """Step 6: layouts among the links become the links that sum them up."""
        found = {}
        for key_id, each in by_key.items():
            if isinstance(each.payload, Link):
                found[key_id] = each.payload
                self._remark_link(step, each.payload)
            else:
                inside = f"{folder}{step.name}.{key_id[:_ID_SHOWN]}/"
                found[key_id] = self.layout(each, [layout.keys[key_id]], None, inside, depth + 1)
        return found

    def _agreed(self, step: Item, by_key: Mapping[str, Link]) -> Link:
        """Step 7: the link that stands for the step."""
        first, *others = by_key.values()
        if step.threshold > 1:
            for other in others:
                if other.artifacts != first.artifacts:
                    names = ", ".join(file_name(step.name, key_id) for key_id in by_key)
                    raise _broken(
                        Reason.RULE_BROKEN, step.name, "threshold", "links with the same artifacts", f"others in {names}"
                    )
        signers = ", ".join(key_id[:_ID_SHOWN] for key_id in by_key)
        self.proven.append(f"step {quote(step.name)}: {len(by_key)} link(s), signed by {signers}")
        return first

    # --- rules ----------------------------------------------------------------------------------------------------------

    def _keep_rules(self, item: Item, artifacts: Artifacts, links: Mapping[str, Link]) -> None:
        """Steps 8 and 9."""
        sides: tuple[tuple[Side, Words], ...] = (("materials", item.materials), ("products", item.products))
        for side, words in sides:
            broken = rules.judge([rules.parse(list(each)) for each in words], artifacts, side, _relation(links))
            if broken:
                raise _broken(Reason.RULE_BROKEN, item.name, f"{side}: {broken.rule}", broken.expected, broken.found)
        self.proven.append(f"{quote(item.name)} keeps its {len(item.materials) + len(item.products)} artifact rules")

    def _inspections(self, layout: Layout, links: Mapping[str, Link]) -> None:
        left = {
            name: Link(name=name, artifacts=found, command=(), code=0)
            for name, found in self.question.inspected.items()
            if any(name == each.name for each in layout.inspections)
        }
        for each in layout.inspections:
            if each.name in left:
                self._keep_rules(each, left[each.name].artifacts, {**links, **left})
            else:
                expected = f"what the command {quote(' '.join(map(str, each.command)))} leaves behind"
                missing = _breach(
                    Reason.STEP_MISSING, each.name, "inspection", expected, "nothing: no command is run unless asked for"
                )
                self.unknown.append(dataclasses.replace(missing, state=State.UNKNOWN))

    # --- what gives pause -----------------------------------------------------------------------------------------------

    def _remark(self, layout: Layout, what: str) -> None:
        if not layout.steps:
            self.cautions.append(f"{what} has no steps, so it asks for nothing")
        for step in layout.steps:
            if not step.materials and not step.products:
                self.cautions.append(f"step {quote(step.name)} has no artifact rules: whatever it used and made will do")
            elif not any(words[0].upper() in ("REQUIRE", "DISALLOW") for words in (*step.materials, *step.products)):
                self.cautions.append(f"step {quote(step.name)} has neither REQUIRE nor DISALLOW: none of its rules can say no")
            if step.threshold < 1:
                self.cautions.append(f"step {quote(step.name)} has the threshold {step.threshold}, less than one functionary")

    def _remark_link(self, step: Item, link: Link) -> None:
        name = quote(step.name)
        if link.name != step.name:
            self.cautions.append(f"step {name}: a link that calls its step {quote(link.name)} is filed as one of this step")
        if link.code not in (None, 0):
            self.cautions.append(f"step {name}: its command ended with {quote(link.code)}")
        if step.command and link.command != step.command:
            self.cautions.append(
                f"step {name}: its command was {quote(list(link.command))}, planned was {quote(list(step.command))}"
            )


def _relation(links: Mapping[str, Link]) -> Has:
    def has(step: str, side: Side, name: str, digests: Digests) -> bool | None:
        if step not in links:
            return None
        there = links[step].artifacts
        return (there.materials if side == "materials" else there.products).get(name) == digests

    return has


def _summed_up(layout: Layout, links: Mapping[str, Link]) -> Link:
    """What goes into the first step and comes out of the last."""
    if not layout.steps:
        return Link(name="", artifacts=Artifacts(materials={}, products={}), command=(), code=None)
    first, last = links[layout.steps[0].name], links[layout.steps[-1].name]
    artifacts = Artifacts(materials=first.artifacts.materials, products=last.artifacts.products)
    return Link(name=last.name, artifacts=artifacts, command=last.command, code=last.code)


# --- parameters ---------------------------------------------------------------------------------------------------------


def _filled(layout: Layout, parameters: Mapping[str, str]) -> Layout:
    """Step 3: `{name}` becomes the parameter's value in rules and commands; `{{` and `}}` are braces."""
    return dataclasses.replace(
        layout,
        steps=tuple(_filled_item(step, parameters) for step in layout.steps),
        inspections=tuple(_filled_item(each, parameters) for each in layout.inspections),
    )


def _filled_item(item: Item, parameters: Mapping[str, str]) -> Item:
    def fill(words: Sequence[str]) -> tuple[str, ...]:
        return tuple("".join(_fill(word, parameters)) for word in words)

    return dataclasses.replace(
        item,
        command=fill(item.command),
        materials=tuple(map(fill, item.materials)),
        products=tuple(map(fill, item.products)),
    )


def _fill(text: str, parameters: Mapping[str, str]) -> Iterator[str]:
    """Python's format strings look into objects (`{a.b}`, `{a[0]}`); here a name is a name and nothing else."""
    try:
        parts = list(Formatter().parse(text))
    except (ValueError, TypeError) as error:
        raise Permanent(Reason.INVALID_LAYOUT, f"a text with braces that do not close: {quote(text)}") from error
    for literal, name, form, conversion in parts:
        yield literal
        if name is None:
            continue
        if name not in parameters or form or conversion:
            known = ", ".join(sorted(parameters)) or "none"
            raise Permanent(Reason.INVALID_LAYOUT, f"{quote(text)}: no parameter {quote(name)} was given (given: {known})")
        yield parameters[name]


def _breach(reason: Reason, step: str, rule: str, expected: str, found: str) -> Breach:
    return Breach(reason=reason, step=step, rule=rule, expected=expected, found=found)


def _broken(reason: Reason, step: str, rule: str, expected: str, found: str) -> _BrokenError:
    return _BrokenError(_breach(reason, step, rule, expected, found))
