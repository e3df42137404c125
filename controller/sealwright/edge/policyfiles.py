"""A folder of policies and the Secrets they name: what a cluster would hold, for those who have none at hand."""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.policy import clusterpolicy, verificationpolicy
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.clusterpolicy import ClusterVerificationPolicy
from sealwright.core.policy.precedence import Policies
from sealwright.core.policy.verificationpolicy import SecretName, VerificationPolicy
from sealwright.edge.reading import read_argument

_SUFFIXES = (".yaml", ".yml", ".json")
_FILE_LIMIT = 1000


@value
class PolicyFolder:
    """The policies in order of file and document, and the keys that are kept in Secrets."""

    policies: Policies
    kept: Kept


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Secret(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None


def read(folder: Path, namespace: str = "") -> PolicyFolder:
    """What the folder holds, of the policies in namespaces those in this one or in none; objects of other kinds are left out.

    Raises Permanent: NOT_FOUND (no such folder), TOO_LARGE (over 1,000 files), INVALID_CONFIG, and as `strict.documents` does.
    """
    namespaced: list[VerificationPolicy] = []
    cluster: list[ClusterVerificationPolicy] = []
    secrets: dict[SecretName, dict[str, bytes]] = {}
    for found, what in _objects(folder):
        if found.get("kind") == verificationpolicy.KIND:
            namespaced.append(verificationpolicy.read(found, what))
        elif found.get("kind") == clusterpolicy.KIND:
            cluster.append(clusterpolicy.read(found, what))
        elif found.get("kind") == "Secret":
            secrets.update([_secret(found, what)])
    here = tuple(found for found in namespaced if not namespace or found.namespace in ("", namespace))
    return PolicyFolder(policies=Policies(namespaced=here, cluster=tuple(cluster)), kept=Kept(secrets=secrets))


def _objects(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for path in _files(folder):
        for document in strict.documents(read_argument(path), str(path)):
            listed = document.get("items") if isinstance(document, dict) and "items" in document else [document]
            for found in listed if isinstance(listed, list) else [listed]:
                if not isinstance(found, dict):
                    raise Permanent(Reason.INVALID_CONFIG, f"{path}: wanted Kubernetes objects, found {quote(found)}")
                yield found, str(path)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise Permanent(Reason.NOT_FOUND, f"{quote(folder)}: no such folder; name one that holds VerificationPolicies")
    files = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    if len(files) > _FILE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{quote(folder)}: {len(files)} files, more than the {_FILE_LIMIT} that are read")
    return files


def _secret(found: dict[str, Any], what: str) -> tuple[SecretName, dict[str, bytes]]:
    try:
        secret = msgspec.convert(found, _Secret)
        data = {name: base64.b64decode(text, validate=True) for name, text in (secret.data or {}).items()}
    except (msgspec.ValidationError, binascii.Error) as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: not a Secret that can be read: {error}") from error
    data |= {name: text.encode() for name, text in (secret.string_data or {}).items()}
    return SecretName(namespace=secret.metadata.namespace, name=secret.metadata.name), data
