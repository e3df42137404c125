"""What judging a definition needs of the cluster: what resolvers answered, the policies of a namespace, and keys in Secrets.

Read anew each time, so that nothing is stale. Keys are read from Secrets of our own namespace alone: a policy is written by
tenants, and must not make us read what they may not.
"""

import base64
import binascii
from datetime import datetime
from urllib.parse import quote

import msgspec

from sealwright.core.errors import Permanent, Reason
from sealwright.core.policy import clusterpolicy, verificationpolicy
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.precedence import Policies
from sealwright.core.policy.verificationpolicy import NoMatch, SecretName, VerificationPolicy
from sealwright.core.tekton import resolution
from sealwright.edge.clock import wall_now
from sealwright.edge.kube.client import Api

# More policies in one namespace would make each verdict slow, and nobody could say what they mean together.
_POLICY_LIMIT = "500"


class _Secret(msgspec.Struct):
    data: dict[str, str] | None = None


class ClusterDefinitions:
    """A `ports.Definitions`. `own` is our namespace; `no_match` what becomes of a definition that no policy matches."""

    def __init__(self, api: Api, own: str, no_match: NoMatch) -> None:
        self._api = api
        self._own = own
        self.no_match = no_match

    def now(self) -> datetime:
        """The time of day."""
        return wall_now()

    async def request(self, namespace: str, name: str) -> bytes:
        """The ResolutionRequest's JSON. Raises Permanent(DEFINITION_UNKNOWN) where there is none."""
        path = f"/apis/resolution.tekton.dev/v1beta1/namespaces/{quote(namespace)}/resolutionrequests/{quote(name, safe='')}"
        body = await self._api.get(path)
        if body is None:
            told = f"there is no ResolutionRequest {name} any more, or the run's reference has variables"
            raise Permanent(Reason.DEFINITION_UNKNOWN, told)
        return body

    async def policies(self, namespace: str) -> tuple[Policies, Kept]:
        """All policies that may count in a namespace, and the keys that they keep in Secrets."""
        listed = await self._list(f"/apis/tekton.dev/v1alpha1/namespaces/{quote(namespace)}/verificationpolicies")
        ours = await self._list("/apis/sealwright.dev/v1alpha1/clusterverificationpolicies")
        found = Policies(
            namespaced=tuple(verificationpolicy.read(each, f"a VerificationPolicy of {namespace}") for each in listed),
            cluster=tuple(clusterpolicy.read(each, "a ClusterVerificationPolicy") for each in ours),
        )
        everyone = (*found.namespaced, *(each.policy for each in found.cluster))
        return found, Kept(secrets=await self._secrets(everyone))

    async def _list(self, path: str) -> list[object]:
        """The objects of a kind; none where the kind is not there."""
        body = await self._api.get(path, limit=_POLICY_LIMIT)
        return [] if body is None else resolution.items(body, path)

    async def _secrets(self, policies: tuple[VerificationPolicy, ...]) -> dict[SecretName, dict[str, bytes]]:
        keys = [authority.key for policy in policies for authority in policy.authorities]
        wanted = {key.secret for key in keys if key and not key.text and key.secret and key.secret.namespace == self._own}
        found = {name: await self._secret(name) for name in wanted}
        return {name: entries for name, entries in found.items() if entries is not None}

    async def _secret(self, name: SecretName) -> dict[str, bytes] | None:
        body = await self._api.get(f"/api/v1/namespaces/{quote(name.namespace)}/secrets/{quote(name.name, safe='')}")
        if body is None:
            return None
        try:
            secret = msgspec.json.decode(body, type=_Secret)
            return {key: base64.b64decode(text, validate=True) for key, text in (secret.data or {}).items()}
        except (msgspec.MsgspecError, binascii.Error) as error:
            raise Permanent(Reason.INVALID_INPUT, f"Secret {name.namespace}/{name.name} cannot be read") from error
