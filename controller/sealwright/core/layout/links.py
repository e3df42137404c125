"""A link attestation as the classic link that `in-toto-verify` and `sealwright layout verify` read, ready to be signed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sealwright.core import statement
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Payload
from sealwright.core.tekton import links


def classic(payload: Payload) -> tuple[str, Payload]:
    """The step's name, and the link's bytes under in-toto's own payload type.

    Raises Permanent(BAD_STATEMENT) for another kind of statement.
    """
    _, predicate = statement.parse(payload.body)
    if payload.predicate_type != links.PREDICATE_TYPE:
        raise Permanent(Reason.BAD_STATEMENT, f"wanted a link ({links.PREDICATE_TYPE}), found {quote(payload.predicate_type)}")
    link: Mapping[str, Any] = {
        "_type": "link",
        "name": predicate["name"],
        "command": predicate["command"],
        "materials": {entry["name"]: entry["digest"] for entry in predicate["materials"]},
        "products": {subject.name: dict(subject.digest) for subject in payload.subjects},
        "byproducts": predicate["byproducts"],
        "environment": predicate["environment"],
    }
    return predicate["name"], Payload(media_type=statement.MEDIA_TYPE, body=msgspec.json.encode(link))
