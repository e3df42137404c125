"""Labels and annotations that go into a statement, and those that must not."""

from collections.abc import Mapping
from typing import Any

from sealwright.core.tekton.runs import Metadata

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CHAINS = "chains.tekton.dev/"
REPRODUCIBLE_LABEL = "chains.tekton.dev/reproducible"

# Others write these after a run has completed, so with them in a statement a retry would sign other bytes (design D11).
MUTABLE = (CHAINS, "results.tekton.dev/", "sealwright.dev/")


def environment(metadata: Metadata, *, stable: bool) -> dict[str, dict[str, str]]:
    """`invocation.environment` of SLSA v0.2: annotations and labels, each only if there are any.

    Chains leaves out its own annotations and kubectl's copy of the object; `stable` leaves out all of MUTABLE.
    """
    hidden = MUTABLE if stable else (CHAINS,)
    annotations = without(metadata.annotations or {}, (APPLIED, *hidden))
    labels = without(metadata.labels or {}, MUTABLE[1:] if stable else ())
    return {name: found for name, found in (("annotations", annotations), ("labels", labels)) if found}


def without(found: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {key: text for key, text in found.items() if not key.startswith(prefixes)}


def settled(found: dict[str, Any]) -> dict[str, Any]:
    """A whole object's metadata without what changes after the run has completed: versions, field managers, finalizers."""
    lasting = {name: without(found.get(name, {}), MUTABLE) for name in ("annotations", "labels")}
    kept = {name: lasting.get(name, member) for name, member in found.items() if name not in _UNSETTLED}
    return {name: member for name, member in kept.items() if member != {}}


# A deletion that waits for finalizers counts the generation up.
_UNSETTLED = frozenset(
    {"resourceVersion", "generation", "managedFields", "finalizers", "deletionTimestamp", "deletionGracePeriodSeconds"}
)
