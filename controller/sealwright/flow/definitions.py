"""A finished run's remote definition, judged again: what upstream said of it, or wrote on the run, counts for nothing here.

Policies and keys are read anew for each definition, so a verdict is never stale.
"""

from sealwright.core.errors import Reason
from sealwright.core.model import Finding
from sealwright.core.policy import precedence
from sealwright.core.policy.precedence import Use
from sealwright.core.tekton import resolution, resources
from sealwright.core.tekton.runs import Run
from sealwright.ports import Definitions

WHERE = "definition"

_REASONS = {"fail": Reason.DEFINITION_REFUSED, "warn": Reason.DEFINITION_DOUBTED}


async def judge(run: Run, definitions: Definitions) -> tuple[Finding, ...]:
    """What is to be told of the definition that a resolver found for this run; nothing for a run without one.

    Raises Fault where it cannot be told.
    """
    name = resolution.request_name(run)
    if not name:
        return ()
    namespace = run.metadata.namespace
    found = resolution.read(await definitions.request(namespace, name), run.metadata.uid)
    resource = resources.read(found.body, "the definition")
    policies, kept = await definitions.policies(namespace)
    use = Use(uri=found.uri, namespace=namespace, now=definitions.now())
    result = precedence.judge(resource, use, policies, definitions.no_match, kept)
    told = f"sha256:{resource.digest.hex()} from {found.uri or 'an unnamed source'}: {result}"
    reason = _REASONS.get(result.state)
    return (Finding(where=WHERE, message=f"{reason}: {told}" if reason else told),)
