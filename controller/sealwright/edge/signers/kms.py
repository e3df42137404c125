"""Signs with a key that somebody else keeps: `signers.kms.kmsref` names it, and its scheme the file in `edge/kms`."""

from sealwright import plugins
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge.signing import CheckedSigner, Tools

NAMES = ("kms",)

_ROOM = "sealwright.edge.kms"


async def open(settings: Settings, tools: Tools) -> CheckedSigner:  # noqa: A001  the word of every plug-in room
    """Raises Permanent(INVALID_CONFIG) for a reference that cannot be read, else what asking for the public key raises."""
    reference = str(settings.get("kmsref", ""))
    schemes = plugins.members(_ROOM)
    scheme = reference.partition(":")[0]
    if scheme not in schemes:
        there_are = ", ".join(schemes)
        raise Permanent(
            Reason.INVALID_CONFIG, f"signers.kms.kmsref: {quote(reference)} names no key (it begins with one of: {there_are})"
        )
    return await CheckedSigner.open(await schemes[scheme].hold(reference, settings, tools), tools)
