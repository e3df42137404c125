"""What a configuration says, typed. Made by `parsing.parse` alone, so a `Config` that exists is a valid one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from sealwright.core.model import Finding, value

NO_SIGNER = "none"


@value
class Secret:
    """Text that no repr, log or message shows; `text` is for the one who logs in with it."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "(hidden)"


Value: TypeAlias = str | bool | tuple[str, ...] | Secret
# What one back end is told: the part of the key after its prefix (`repository.insecure`) -> what was asked for.
# A key without a default that is unset, or set to nothing, is not in it.
Settings: TypeAlias = Mapping[str, str | bool | Secret]


@value
class ArtifactConfig:
    """What becomes of one sort of artifact. `storage` is sorted, without repeats, and () where the sort is disabled."""

    format: str
    storage: tuple[str, ...]
    signer: str

    @property
    def enabled(self) -> bool:
        """Whether anything is signed: `signer: none` disables as much as an empty storage does, here as in Chains."""
        return bool(self.storage) and self.signer != NO_SIGNER


@value
class Transparency:
    """Whether signatures are logged in public. `manual`: only for runs that ask for it. `entries` is a kind, or auto.

    `public_key` is PEM, `public_key_path` a file with it; both may be empty, and so may `origin`.
    """

    enabled: bool
    manual: bool
    url: str = field(repr=False)  # may hold a password
    version: str = "v1"
    entries: Literal["auto", "dsse", "hashedrekord", "intoto"] = "auto"
    best_effort: bool = False
    public_key: str = ""
    public_key_path: str = ""
    origin: str = ""


@value
class Timestamps:
    """The timestamp authority that sees each signature; without a `url`, none does. `chain_path` may be empty."""

    url: str = field(default="", repr=False)  # may hold a password
    chain_path: str = ""


@value
class Config:
    """The whole ConfigMap. Words are canonical: `slsa/v1` reads `in-toto`, `kafka` reads `pubsub`.

    `storage` and `signers` map a back end's word to its own settings; one without any (`tekton`) is not in it. They may
    hold addresses with passwords, so the repr leaves them out.
    """

    taskrun: ArtifactConfig
    pipelinerun: ArtifactConfig
    oci: ArtifactConfig
    deep_inspection: bool
    builder_id: str
    build_type: str
    transparency: Transparency
    timestamps: Timestamps
    profile: Literal["chains", "strict"]
    metadata: Literal["stable", "chains"]
    managed_by: tuple[str, ...]
    keys_by_namespace: tuple[tuple[str, str], ...]  # pattern, key; the first that fits
    failed_after_s: int
    verdicts: Literal["ignore", "warn", "fail"] | None
    storage: Mapping[str, Settings] = field(repr=False)
    signers: Mapping[str, Settings] = field(repr=False)

    @property
    def artifacts(self) -> Mapping[str, ArtifactConfig]:
        """The three sorts by name, in the order in which a run is worked off."""
        return {"taskrun": self.taskrun, "pipelinerun": self.pipelinerun, "oci": self.oci}

    @property
    def x509_hash(self) -> Literal["sha256", "by-curve"]:
        """How much of a curve's strength is hashed with (design D20)."""
        return "by-curve" if self.signers["x509"]["hash"] == "by-curve" else "sha256"

    @property
    def has_bundles(self) -> bool:
        """Whether registries get Sigstore bundles instead of cosign's tags."""
        return self.storage.get("oci", {}).get("encoding-format") == "sigstore-bundle"

    @property
    def stores_in_use(self) -> frozenset[str]:
        """Stores that an enabled artifact is kept in."""
        return frozenset(store for artifact in self.artifacts.values() if artifact.enabled for store in artifact.storage)

    def signer(self, namespace: str, artifact: ArtifactConfig) -> str:
        """What signs this sort of artifact of a namespace's runs: a key of its own, or the artifact's signer."""
        found = (key for pattern, key in self.keys_by_namespace if _fits(pattern, namespace))
        return next(found, artifact.signer)

    @property
    def signers_in_use(self) -> frozenset[str]:
        """Signers that an enabled artifact is signed by: words, and keys of namespaces."""
        signers = {artifact.signer for artifact in self.artifacts.values() if artifact.enabled}
        return frozenset(signers | {key for _, key in self.keys_by_namespace} if signers else ())


def _fits(pattern: str, namespace: str) -> bool:
    return namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern


@value
class Parsed:
    """A valid configuration, and what its author should know about it."""

    config: Config
    warnings: tuple[Finding, ...]


# Who signs. How to log in to it (`auth.*`, token files) changes neither the signer nor the signature.
_IDENTITY = {"x509": ("fulcio.enabled", "fulcio.address", "fulcio.issuer", "hash"), "kms": ("kmsref",)}


def signing_hash(config: Config) -> str:
    """sha256, hex, of every setting that changes what is signed, by whom, and where it is kept.

    Information for receipts, never a proof. Passwords, addresses of stores and settings of what is disabled are not in
    it, so it stays when they change.
    """
    relevant = {
        "artifacts": {sort: _signing(artifact) for sort, artifact in config.artifacts.items()},
        "deep_inspection": config.deep_inspection,
        "builder_id": config.builder_id,
        "build_type": config.build_type,
        "profile": config.profile,
        "metadata": config.metadata,
        "transparency": _logging(config.transparency),
        "timestamps": config.timestamps.url,
        "signers": {
            word: [config.signers[word].get(name) for name in names]
            for word, names in _IDENTITY.items()
            if word in config.signers_in_use
        },
        **({"keys": config.keys_by_namespace} if config.keys_by_namespace else {}),
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _signing(artifact: ArtifactConfig) -> list[object] | None:
    return [artifact.format, artifact.storage, artifact.signer] if artifact.enabled else None


def _logging(transparency: Transparency) -> list[object] | None:
    if not transparency.enabled:
        return None
    return [transparency.manual, transparency.url, transparency.version, transparency.entries, transparency.best_effort]
