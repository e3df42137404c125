"""Between signing and storing: what is kept carries its proof (design D3).

Where the log fails, a request that needs it is not stored at all, and waits; one that merely wishes for it is stored without, and
says so.
"""

from dataclasses import replace

from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.model import LOG, Attestation, Finding, Receipt, SignRequest, value
from sealwright.core.proof import author
from sealwright.ports import Equipment


@value
class Logged:
    """An attestation with the proof that it is in the log, where it was to be; `findings` say that it is not."""

    attestation: Attestation
    receipts: tuple[Receipt, ...] = ()
    findings: tuple[Finding, ...] = ()


async def log(attestation: Attestation, request: SignRequest, tools: Equipment) -> Logged:
    """Have it timestamped where that is configured, and log it, if it is to be logged.

    Raises what the authority raises; and what the log raises, unless the request goes on without it.
    """
    if tools.timestamper and not attestation.timestamps:
        stamp = await tools.timestamper.stamp(attestation.signature.raw)
        attestation = replace(attestation, timestamps=(*attestation.timestamps, stamp))
    if not request.log or attestation.entries:
        return Logged(attestation=attestation)
    try:
        return await _log(attestation, tools)
    except Fault as error:
        if request.log == "needed":
            raise
        message = f"{LOG}: missing; {error}; it is kept without, as transparency.on-failure: best-effort asks"
        return Logged(attestation=attestation, findings=(Finding(where=request.artifact.name, message=message),))


async def _log(attestation: Attestation, tools: Equipment) -> Logged:
    if tools.log is None:
        raise Permanent(Reason.INVALID_CONFIG, "no transparency log is open")
    entry, receipt = await tools.log.append(attestation, author.of(attestation, tools.trusted))
    return Logged(attestation=replace(attestation, entries=(*attestation.entries, entry)), receipts=(receipt,))
