"""What a valid configuration says in vain, or does not say enough of: settings that do nothing given the rest, and back
ends that are asked for without what they need.

None of it stops anything: Chains starts with all of it, and so do we.
"""

from collections.abc import Callable, Iterator

from sealwright.core.config.values import NO_SIGNER, Config
from sealwright.core.model import Finding

Why = Callable[[Config], str]


def advise(config: Config, changed: frozenset[str]) -> Iterator[Finding]:
    """Findings about the whole. `changed` are the keys that were given another value than their default."""
    yield from _unsigned(config)
    yield from _incomplete(config)
    for name in sorted(changed):
        reasons = (why(config) for key, why in _IDLE if _covers(key, name))
        reason = next(filter(None, reasons), "")
        if reason:
            yield Finding(where=name, message=f"does nothing: {reason}")


def _covers(key: str, name: str) -> bool:
    return name.startswith(key) if key.endswith(".") else name == key


def _unsigned(config: Config) -> Iterator[Finding]:
    for sort, artifact in config.artifacts.items():
        if artifact.signer == NO_SIGNER and artifact.storage:
            told = "'none' disables more than the signature: nothing is made or kept; to say so, empty the storage too"
            yield Finding(where=f"artifacts.{sort}.signer", message=told)
    if not config.stores_in_use:
        yield Finding(where="artifacts", message="nothing is signed: every sort of artifact is disabled")


# What a back end cannot work without.
_NEEDS = {
    "gcs": "storage.gcs.bucket",
    "s3": "storage.s3.bucket",
    "azblob": "storage.azblob.container",
    "file": "storage.file.path",
    "docdb": "storage.docdb.url",
    "grafeas": "storage.grafeas.projectid",
    "pubsub": "storage.pubsub.topic",
    "archivista": "storage.archivista.url",
    "kms": "signers.kms.kmsref",
}


def _incomplete(config: Config) -> Iterator[Finding]:
    for word in sorted(config.stores_in_use | config.signers_in_use):
        key = _NEEDS.get(word)
        if key and not str(_get(config, key) or "").strip():
            yield Finding(where=key, message=f"is not set, and {word} cannot work without it")


def _unless_stored_in(store: str) -> Why:
    return lambda config: "" if store in config.stores_in_use else f"no artifact is kept in {store}"


def _unless_signed_by(signer: str) -> Why:
    """A key of a namespace is opened with the settings of the signer that it is of."""

    def is_used(config: Config) -> bool:
        own = {"x509" if key.startswith("file:") else "kms" for key in config.signers_in_use if ":" in key}
        return signer in config.signers_in_use | own

    return lambda config: "" if is_used(config) else f"no artifact is signed by {signer}"


def _unless_enabled(*sorts: str) -> Why:
    def why(config: Config) -> str:
        artifacts = config.artifacts
        return "" if any(artifacts[sort].enabled for sort in sorts) else f"{' and '.join(sorts)} artifacts are disabled"

    return why


def _get(config: Config, key: str) -> object:
    """What a back end's key was set to; None where it was not."""
    room, member, name = key.split(".", 2)
    return (config.storage if room == "storage" else config.signers)[member].get(name)


def _if_set(key: str) -> Why:
    return lambda config: f"{key} goes before it" if _get(config, key) else ""


def _unless_set(key: str) -> Why:
    return lambda config: "" if _get(config, key) else f"{key} is not set"


def _unless_keyless(config: Config) -> str:
    return "" if _get(config, "signers.x509.fulcio.enabled") else "signers.x509.fulcio.enabled is not true"


def _if_keyless(config: Config) -> str:
    return "" if _unless_keyless(config) else "signers.x509.fulcio.enabled brings keys of its own, for SHA-256"


def _unless_vault(config: Config) -> str:
    key = str(_get(config, "signers.kms.kmsref") or "")
    others = any(other.startswith("hashivault://") for _, other in config.keys_by_namespace)
    elsewhere = bool(key) and not key.startswith("hashivault://") and not others
    return "only Vault reads it, and signers.kms.kmsref is not hashivault://" if elsewhere else ""


def _unless_mongo(config: Config) -> str:
    url = str(_get(config, "storage.docdb.url") or "")
    return "" if not url or url.startswith("mongo://") else "storage.docdb.url is not mongo://"


def _if_bundles(config: Config) -> str:
    bundles = _get(config, "storage.oci.encoding-format") == "sigstore-bundle"
    return "a sigstore-bundle always stands beside its image" if bundles else ""


def _if_in_memory(config: Config) -> str:
    return "storage.pubsub.provider is inmemory" if _get(config, "storage.pubsub.provider") == "inmemory" else ""


def _unless_logged(config: Config) -> str:
    return "" if config.transparency.enabled else "transparency.enabled is off"


def _unless_stamped(config: Config) -> str:
    return "" if config.timestamps.url else "timestamps.url is not set"


def _if_key_file(config: Config) -> str:
    return "transparency.public-key-path goes before it" if config.transparency.public_key_path else ""


def _if_tiled(config: Config) -> str:
    return "a v2 log keeps hashedrekord only" if config.transparency.version == "v2" else ""


def _unless_slsa_v1(config: Config) -> str:
    formats = {artifact.format for artifact in (config.taskrun, config.pipelinerun) if artifact.enabled}
    return "" if formats & {"slsa/v2alpha3", "slsa/v2alpha4"} else "only slsa/v2alpha3 and slsa/v2alpha4 say it"


_STORES_WITH_SETTINGS = ("archivista", "azblob", "docdb", "file", "gcs", "grafeas", "oci", "pubsub", "s3")

# A key, or all keys that begin so where it ends in a dot -> why it does nothing. The first reason is told.
_IDLE: tuple[tuple[str, Why], ...] = (
    ("artifacts.taskrun.format", _unless_enabled("taskrun")),
    ("artifacts.pipelinerun.format", _unless_enabled("pipelinerun")),
    ("artifacts.pipelinerun.enable-deep-inspection", _unless_enabled("pipelinerun")),
    ("builder.", _unless_enabled("taskrun", "pipelinerun")),
    ("builddefinition.", _unless_enabled("taskrun", "pipelinerun")),
    ("builddefinition.", _unless_slsa_v1),
    ("provenance.", _unless_enabled("taskrun", "pipelinerun")),
    *((f"transparency.{name}", _unless_logged) for name in ("url", "version", "entries", "on-failure", "public-key", "origin")),
    ("transparency.public-key-path", _unless_logged),
    ("timestamps.chain-path", _unless_stamped),
    ("transparency.public-key", _if_key_file),
    ("transparency.entries", _if_tiled),
    *((f"storage.{store}.", _unless_stored_in(store)) for store in _STORES_WITH_SETTINGS),
    ("storage.oci.repository", _if_bundles),
    ("storage.docdb.mongo-server-url", _unless_mongo),
    ("storage.docdb.mongo-server-url-dir", _unless_mongo),
    ("storage.docdb.mongo-server-url-path", _unless_mongo),
    ("storage.docdb.mongo-server-url", _if_set("storage.docdb.mongo-server-url-path")),
    ("storage.docdb.mongo-server-url", _if_set("storage.docdb.mongo-server-url-dir")),
    ("storage.docdb.mongo-server-url-dir", _if_set("storage.docdb.mongo-server-url-path")),
    ("storage.pubsub.kafka.", _if_in_memory),
    *((f"signers.{signer}.", _unless_signed_by(signer)) for signer in ("x509", "kms", "spiffe")),
    ("signers.x509.fulcio.address", _unless_keyless),
    ("signers.x509.fulcio.issuer", _unless_keyless),
    ("signers.x509.fulcio.provider", _unless_keyless),
    ("signers.x509.identity.", _unless_keyless),
    ("signers.x509.tuf.", _unless_keyless),
    ("signers.x509.trusted-root", _unless_keyless),
    ("signers.x509.tuf.", _if_set("signers.x509.trusted-root")),
    ("signers.x509.hash", _if_keyless),
    ("keys.", _unless_enabled("taskrun", "pipelinerun", "oci")),
    ("signers.kms.auth.", _unless_vault),
    ("signers.kms.auth.token", _if_set("signers.kms.auth.token-path")),
    ("signers.kms.auth.oidc.path", _unless_set("signers.kms.auth.oidc.role")),
    ("signers.kms.auth.oidc.role", _unless_set("signers.kms.auth.oidc.path")),
    ("signers.kms.auth.oidc.token-path", _unless_set("signers.kms.auth.oidc.path")),
    ("signers.kms.auth.oidc.token-path", _unless_set("signers.kms.auth.oidc.role")),
    ("signers.kms.auth.oidc.token-path", _if_set("signers.kms.auth.token-path")),
    ("signers.kms.auth.oidc.token-path", _if_set("signers.kms.auth.token")),
    ("signers.kms.auth.oidc.token-path", _if_set("signers.kms.auth.spire.sock")),
    ("signers.kms.auth.spire.audience", _unless_set("signers.kms.auth.spire.sock")),
)
