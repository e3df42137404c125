"""From an authority of a VerificationPolicy to a key that verifies, or to Tekton's own words for why there is none."""

import re
from collections.abc import Mapping
from dataclasses import field

from sealwright.core import keys, pem
from sealwright.core.errors import Permanent
from sealwright.core.keys import PublicKey
from sealwright.core.model import value
from sealwright.core.policy.verificationpolicy import Authority, KeyReference, SecretName
from sealwright.core.proof.resource import HASHES, Hash, ResourceKey

_UUID = r"m?r?k?-?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}"
_ARN = r"arn:(?:aws|aws-us-gov|aws-cn):kms:[a-z0-9-]+:\d{12}:"
_HOST = r"([^/]*)/"
_KMS = {
    "awskms://": (
        rf"awskms://{_HOST}(?:{_UUID}|{_ARN}key/{_UUID}|(?:{_ARN})?alias/.*)",
        "awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)",
    ),
    "gcpkms://": (
        r"gcpkms://projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+(?:/(?:cryptoKeyVersions|versions)/[^/]+)?",
        "gcpkms://projects/[PROJECT_ID]/locations/[LOCATION]/keyRings/[KEY_RING]/cryptoKeys/[KEY]/cryptoKeyVersions/[VERSION]",
    ),
    "azurekms://": (
        r"azurekms://[^/]+/[^/]+(?:/[a-z0-9]*)?",
        "azurekms://[VAULT_NAME][VAULT_URL]/[KEY_NAME]/[VERSION (optional)]",
    ),
    "hashivault://": (r"hashivault://\w(?:[\w.-]*\w)?", "hashivault://<key>"),
    "openbao://": (r"openbao://\w(?:[\w.-]*\w)?", "hashivault://<key>"),
}


class NoKeyError(Exception):
    """Its text says why, in Tekton's words."""


@value
class Kept:
    """What was fetched for a set of policies. A name that is absent is not there; a key that is text is a failure to fetch it."""

    secrets: Mapping[SecretName, Mapping[str, bytes]] = field(default_factory=dict, repr=False)
    services: Mapping[str, PublicKey | str] = field(default_factory=dict)


def key_of(authority: Authority, kept: Kept) -> ResourceKey:
    """The key that verifies for this authority. Raises NoKeyError."""
    if authority.key is None:
        raise NoKeyError(_NO_KEY)
    hash_ = _hash(authority.name, authority.key.hash)
    return ResourceKey(key=_found(authority.key, hash_, kept), hash=hash_)


_NO_KEY = "key doesn't contain data or keyRef"


def _hash(authority: str, word: str) -> Hash:
    found = next((known for known in HASHES if known == (word.lower() or "sha256")), None)
    if found is None:
        raise NoKeyError(f'authority "{authority}" contains an invalid hash algorithm: unknown digest algorithm: {word}')
    return found


def _found(reference: KeyReference, hash_: Hash, kept: Kept) -> PublicKey:
    if reference.text:
        return _loaded(reference.text.encode(), hash_, "failed to get verifier from data: ")
    if reference.secret is not None:
        return _of_secret(reference.secret, hash_, kept)
    if reference.kms:
        return _of_service(reference.kms, kept)
    raise NoKeyError(_NO_KEY)


def _loaded(data: bytes, hash_: Hash, context: str) -> PublicKey:
    try:
        label = pem.first_block(data, "key").label
    except Permanent as fault:
        raise NoKeyError(f"{context}key cannot be decoded: PEM decoding failed") from fault
    if label not in keys.PUBLIC_LABELS:
        asked = f"unknown Public key PEM file type: {label}. Are you passing the correct public key?"
        raise NoKeyError(f"{context}key cannot be decoded: {asked}")
    try:
        key = keys.load_public(data)
    except Permanent as fault:
        raise NoKeyError(f"{context}key cannot be decoded: {fault.message}") from fault
    if not keys.fits(key, hash_):
        raise NoKeyError(f"{context}verifier cannot to be loaded: invalid hash function specified")
    return key


def _of_secret(name: SecretName, hash_: Hash, kept: Kept) -> PublicKey:
    context = "failed to get verifier from secret: "
    entries = kept.secrets.get(name) if name.namespace else None
    shown = f'secret "k8s://{name.namespace}/{name.name}"'
    if entries is None:
        raise NoKeyError(f'{context}failed to get secret: secret not found: secrets "{name.name}" not found')
    if not entries:
        raise NoKeyError(f"{context}{shown} contains no data secret data is empty")
    if len(entries) > 1:
        raise NoKeyError(f"{context}{shown} contains multiple data entries, only one is supported. secret contains multiple data")
    (data,) = entries.values()
    return _loaded(data, hash_, f"{context}failed to get verifier from secret data: ")


def _of_service(uri: str, kept: Kept) -> PublicKey:
    context = "failed to get verifier from kms: "
    fault = malformed(uri)
    if fault:
        raise NoKeyError(context + fault)
    found = kept.services.get(uri, "the key service was not asked")
    if isinstance(found, str):
        raise NoKeyError(context + found)
    return found


def malformed(uri: str) -> str:
    """What is wrong with the form of a key service's URI; "" if nothing is.

    Tekton runs a program named by an unknown scheme, if the controller's PATH has one. A tenant writes this URI, so we never do.
    """
    for scheme, (form, shown) in _KMS.items():
        if uri.startswith(scheme):
            return "" if re.fullmatch(form, uri, re.ASCII) else f"kms specification should be in the format {shown}"
    name, *rest = uri.split("://")
    why = f'exec: "sigstore-kms-{name}": executable file not found in $PATH'
    if len(rest) != 1:
        why = f"parsing input key resource id: expected format: [plugin name]://[key ref], got: {uri}"
    return f"no kms provider found for key reference: {uri}: {why}"
