"""The store `oci` over the network: each image's signatures and attestations, beside it or in one repository for all."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from sealwright.core import oci
from sealwright.core.config import Settings
from sealwright.core.envelope import cosign
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Artifact, Attestation, Finding, Origin, Receipt
from sealwright.core.oci import Image
from sealwright.core.registry import address
from sealwright.core.registry.logins import Owner
from sealwright.edge.registry import reading, referrers
from sealwright.edge.registry.access import Access
from sealwright.edge.registry.logins import Logins
from sealwright.edge.registry.reach import Reach
from sealwright.edge.registry.repository import Repository
from sealwright.edge.registry.tags import LayerAddition, TagWriter
from sealwright.edge.registry.together import together
from sealwright.edge.registry.transport import Transport
from sealwright.ports import Clock

# A statement may name as many subjects as fit into it.
IMAGES_LIMIT = 256


class RegistryStore:
    """Keeps an attestation under each image it speaks of. `target` is `storage.oci.repository`: the place for all of them."""

    def __init__(
        self, transport: Transport, access: Access, writer: TagWriter, target: Image | None = None, *, has_bundles: bool = False
    ) -> None:
        self._transport, self.access, self._writer, self._target = transport, access, writer, target
        self._has_bundles = has_bundles

    @property
    def requests(self) -> int:
        """How many were sent until now."""
        return self._transport.requests

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        """Keep it once under each image; every one is tried before the first failure is raised."""
        places, findings = cosign.places(attestation)
        places, unreachable = _reachable(places)
        if len(places) > IMAGES_LIMIT:
            raise Permanent(
                Reason.TOO_LARGE, f"{len(places)} images in one statement, more than the {IMAGES_LIMIT} that are stored"
            )
        owner = owner_of(origin)
        await together([self._keep(image, tag, attestation, owner) for image, tag in places.items()])
        return Receipt(
            store="oci",
            uri=self._uri(places),
            digest=oci.digest_of(attestation.envelope or attestation.payload.body),
            findings=(*findings, *unreachable),
            is_kept=bool(places),
        )

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:
        """What is kept under an image, signatures first. A run's provenance lies under its images: ask for one of these."""
        if artifact.sort != "oci":
            return []
        image = oci.image(f"{artifact.name}@{artifact.digest}")
        repository = self._repository(image, owner_of(origin), "pull")
        if self._has_bundles:
            return [reading.of_bundle(each, image) for each in await referrers.bundles(repository, image.digest)]
        layers = await reading.layers(repository, image)
        return [found for layer in layers if (found := cosign.from_layer(layer, image))]

    async def _keep(self, image: Image, tag: str, attestation: Attestation, owner: Owner) -> None:
        repository = self._repository(image, owner, "pull,push")
        if self._has_bundles:
            await referrers.put(repository, self._writer, image.digest, attestation)
        else:
            await self._writer.append(repository, tag, LayerAddition(layer=cosign.to_layer(attestation)))

    def _repository(self, image: Image, owner: Owner, actions: str) -> Repository:
        at = replace(self._target, digest=image.digest) if self._target else image
        return Repository(self._transport, self.access, at, owner, actions)

    def _uri(self, places: dict[Image, str]) -> str:
        named = [
            image.reference if self._has_bundles else f"{(self._target or image).name}:{tag}" for image, tag in places.items()
        ]
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        return f"{named[0]}{more}" if named else cosign.NOWHERE


def owner_of(origin: Origin) -> Owner:
    """Whose logins are used: those of the run's ServiceAccount, or of the namespace's default one."""
    return Owner(namespace=origin.key.namespace, service_account=origin.service_account or "default")


@asynccontextmanager
async def open_registries(
    settings: Settings, logins: Logins, clock: Clock, chance: Callable[[], float], *, strict: bool
) -> AsyncIterator[RegistryStore]:
    """The store with these settings. Raises Permanent(INVALID_CONFIG)."""
    target = _target(str(settings.get("repository", "")))
    vouched = {host for host in str(settings.get("allowed-hosts", "")).lower().replace(" ", "").split(",") if host}
    if target:
        vouched.add(target.registry)  # what the operator names himself is not what a run leads us to
    reach = Reach(
        vouched=frozenset(vouched),
        strict=strict,
        ca_file=str(settings.get("ca-file", "")),
        insecure=settings.get("repository.insecure") is True,
    )
    has_bundles = settings.get("encoding-format") == "sigstore-bundle"
    async with Transport(reach, clock) as transport:
        access, writer = Access(transport, logins, clock), TagWriter(clock, chance)
        # A bundle refers to its image, so it stands beside it (as in Tekton Chains).
        yield RegistryStore(transport, access, writer, None if has_bundles else target, has_bundles=has_bundles)


def _target(text: str) -> Image | None:
    """`storage.oci.repository`, with a digest that is never used."""
    if not text:
        return None
    try:
        found = oci.image(f"{text}@sha256:{'0' * 64}")
        address.endpoint(found.registry)
        address.repository(found.repository)
    except Permanent as error:
        message = f"storage.oci.repository: {quote(text)} is no repository, wanted HOST/NAME: {error.message}"
        raise Permanent(Reason.INVALID_CONFIG, message) from error
    return found


def _reachable(places: dict[Image, str]) -> tuple[dict[Image, str], list[Finding]]:
    """Names that Chains takes for images, and that no registry can have (`https://host/x`), are no reason to keep nothing."""
    found, findings = {}, []
    for image, tag in places.items():
        try:
            address.endpoint(image.registry)
            address.repository(image.repository)
        except Permanent as error:
            findings.append(Finding(where=f"subject {quote(image.name)}", message=f"not stored with an image: {error.message}"))
        else:
            found[image] = tag
    return found, findings
