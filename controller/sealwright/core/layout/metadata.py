"""in-toto layouts and links, in both wrappings: DSSE envelopes and the older `signed` with `signatures` (Metablock).

Unproven: who reads them checks `Metadata.signed` first. A Metablock signs the canonical JSON of exactly the members that the
specification knows, with defaults for those that are missing; so a member that nobody knows is neither signed nor read.
Source: in-toto specification 1.0, 4.3 and 4.4; in-toto-python 3.1 for what it takes.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sealwright.core import statement, strict
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.layout import canonical, rules, signatures
from sealwright.core.layout.pipeline import STEP_LIMIT, moment
from sealwright.core.layout.rules import Artifacts, Digests
from sealwright.core.layout.signatures import Signed, Signer
from sealwright.core.model import value

SIZE_LIMIT = strict.STATEMENT_LIMIT
_HEX = re.compile(r"[0-9a-fA-F]+")
_LAYOUT: Mapping[str, Any] = {"_type": "layout", "steps": [], "inspect": [], "keys": {}, "expires": "", "readme": ""}
_STEP: Mapping[str, Any] = {
    "_type": "step",
    "name": None,
    "expected_materials": [],
    "expected_products": [],
    "pubkeys": [],
    "expected_command": [],
    "threshold": 1,
}
_INSPECTION: Mapping[str, Any] = {
    "_type": "inspection",
    "name": None,
    "expected_materials": [],
    "expected_products": [],
    "run": [],
}
_LINK: Mapping[str, Any] = {
    "_type": "link",
    "name": None,
    "materials": {},
    "products": {},
    "byproducts": {},
    "command": [],
    "environment": {},
}
# The words of each rule, not yet read: parameters may still be put into them.
Words = tuple[tuple[str, ...], ...]


@value
class Item:
    """A step or an inspection: what is asked of the artifacts, in words; `command` is what an inspection runs."""

    name: str
    materials: Words
    products: Words
    command: tuple[Any, ...]
    key_ids: tuple[str, ...] = ()
    threshold: int = 1


@value
class Layout:
    """Steps in order, inspections after them, and the keys of those who may sign links, by id."""

    expires: datetime
    steps: tuple[Item, ...]
    inspections: tuple[Item, ...]
    keys: Mapping[str, Signer]


@value
class Link:
    """What one functionary says of one step. `code` is the command's return value, None where it says none."""

    name: str
    artifacts: Artifacts
    command: tuple[Any, ...]
    code: Any


@value
class Metadata:
    """A layout or a link, and the bytes that are signed."""

    payload: Layout | Link
    signed: Signed


def read(data: bytes, what: str) -> Metadata:
    """One file. Raises Permanent: INVALID_LAYOUT, KEY_UNUSABLE, BAD_ENVELOPE, and what `strict` raises."""
    found = strict.loads(data, what, SIZE_LIMIT)
    match found:
        case {"payload": _, "payloadType": statement.MEDIA_TYPE}:
            return _of_envelope(data, what)
        case {"signed": dict(signed), **others} if "payload" not in others:
            return _of_block(signed, others.get("signatures", []), what)
    raise _invalid(what, "wanted an in-toto layout or link, in a DSSE envelope or with `signed` and `signatures`")


def _of_envelope(data: bytes, what: str) -> Metadata:
    envelope = dsse.open_envelope(data)
    pairs = tuple((each.key_id, each.raw) for each in envelope.signatures)
    if len({key_id for key_id, _ in pairs}) != len(pairs):
        raise _invalid(what, "two signatures under one key id")
    message = dsse.pae(envelope.payload_type, envelope.body)
    payload, _ = _payload(strict.loads(envelope.body, what, SIZE_LIMIT), what)
    return Metadata(payload=payload, signed=Signed(message=message, signatures=pairs))


def _of_block(found: Mapping[str, Any], signed_by: Any, what: str) -> Metadata:
    payload, known = _payload(found, what)
    if not isinstance(signed_by, list) or len(signed_by) > dsse.SIGNATURE_LIMIT:
        raise _invalid(what, f"signatures: wanted a list of at most {dsse.SIGNATURE_LIMIT}")
    return Metadata(
        payload=payload,
        signed=Signed(message=canonical.encode(known), signatures=tuple(_signature(each, what) for each in signed_by)),
    )


def _signature(found: Any, what: str) -> tuple[str, bytes]:
    match found:
        case {"keyid": str(key_id), "sig": str(digits)}:
            try:
                return key_id, bytes.fromhex(digits)
            except ValueError as error:
                raise _invalid(what, f"a signature: wanted hex, found {quote(digits)}") from error
    raise _invalid(what, "a signature: wanted keyid and sig (OpenPGP signatures are not read)")


# --- payloads -----------------------------------------------------------------------------------------------------------


def _payload(found: Any, what: str) -> tuple[Layout | Link, dict[str, Any]]:
    """The value, and the members that count."""
    kind = found.get("_type") if isinstance(found, dict) else None
    if kind == "link":
        known = _known(found, _LINK, what)
        return _link(known, what), known
    if kind == "layout":
        return _layout(found, what)
    raise _invalid(what, f"wanted _type layout or link, found {quote(kind)}")


def _known(found: Any, shape: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The members of this shape, each of the type that its default has."""
    if not isinstance(found, dict):
        raise _invalid(what, f"wanted an object with {', '.join(shape)}")
    known = {name: found.get(name, default) for name, default in shape.items()}
    for name, default in shape.items():
        wanted = str if default is None else type(default)
        if not isinstance(known[name], wanted) or (wanted is int and isinstance(known[name], bool)):
            raise _invalid(what, f"{name}: wanted {wanted.__name__}, found {quote(known[name])}")
    if known["_type"] != shape["_type"]:
        raise _invalid(what, f"wanted _type {shape['_type']}, found {quote(known['_type'])}")
    return known


def _link(known: Mapping[str, Any], what: str) -> Link:
    sides = {side: _artifacts(known[side], f"{what}: {side}") for side in ("materials", "products")}
    code = known["byproducts"].get("return-value")
    return Link(name=known["name"], artifacts=Artifacts(**sides), command=tuple(known["command"]), code=code)


def _artifacts(found: Mapping[str, Any], what: str) -> dict[str, Digests]:
    for name, digests in found.items():
        if not isinstance(digests, dict) or not all(isinstance(text, str) and _HEX.fullmatch(text) for text in digests.values()):
            raise _invalid(what, f"{quote(name)}: wanted digests in hex by algorithm")
    return dict(found)


def _layout(found: Mapping[str, Any], what: str) -> tuple[Layout, dict[str, Any]]:
    known = _known(found, _LAYOUT, what)
    if len(known["steps"]) + len(known["inspect"]) > STEP_LIMIT:
        raise _invalid(what, f"more than {STEP_LIMIT} steps and inspections")
    known["steps"] = [_known(step, _STEP, f"{what}: steps[{n}]") for n, step in enumerate(known["steps"])]
    known["inspect"] = [_known(each, _INSPECTION, f"{what}: inspect[{n}]") for n, each in enumerate(known["inspect"])]
    names = [item["name"] for item in (*known["steps"], *known["inspect"])]
    if len(set(names)) != len(names):
        raise _invalid(what, "two steps or inspections have the same name")
    layout = Layout(
        expires=moment(known["expires"], what),
        steps=tuple(_step(step, what) for step in known["steps"]),
        inspections=tuple(_item(each, each["run"], what) for each in known["inspect"]),
        keys=_keys(known["keys"], what),
    )
    if sum(len(item.materials) + len(item.products) for item in (*layout.steps, *layout.inspections)) > rules.RULE_LIMIT:
        raise _invalid(what, f"more than {rules.RULE_LIMIT} artifact rules")
    return layout, known


def _step(known: Mapping[str, Any], what: str) -> Item:
    key_ids = known["pubkeys"]
    if not all(isinstance(key_id, str) and _HEX.fullmatch(key_id) for key_id in key_ids):
        raise _invalid(what, f"step {quote(known['name'])}: pubkeys: wanted key ids in hex")
    return _item(known, known["expected_command"], what, tuple(dict.fromkeys(key_ids)), known["threshold"])


def _item(known: Mapping[str, Any], command: list[Any], what: str, key_ids: tuple[str, ...] = (), threshold: int = 1) -> Item:
    sides = {}
    for side in ("materials", "products"):
        words = known[f"expected_{side}"]
        for each in words:
            if isinstance(each, str):
                raise _invalid(what, f"{quote(known['name'])}: a rule is a list of words, found {quote(each)}")
            rules.parse(each)
        sides[side] = tuple(map(tuple, words))
    return Item(name=known["name"], command=tuple(command), key_ids=key_ids, threshold=threshold, **sides)


def _keys(found: Mapping[str, Any], what: str) -> dict[str, Signer]:
    read_keys = {key_id: signatures.read(each) for key_id, each in found.items()}
    for key_id, signer in read_keys.items():
        # One key under two ids could count as two functionaries.
        if key_id != signer.key_id:
            raise _invalid(what, f"keys: {quote(key_id)} holds the key {quote(signer.key_id)}")
    return read_keys


def _invalid(what: str, why: str) -> Permanent:
    return Permanent(Reason.INVALID_LAYOUT, f"{what}: {why}")
