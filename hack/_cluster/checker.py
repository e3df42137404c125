#!/usr/bin/env python3
"""Judges what a signing controller left behind, from every state that the runs of a cluster ever had.

    hack/_cluster/checker.py DIR --key cosign.pub [--namespace NAME] [--since REVISION]

DIR is a folder of `hack/cluster up --keep-history`. Exit code 0: nothing is wrong; 1: the violations that are printed.

It shares no code with the product: signatures are proven with the standard library and `cryptography` alone, so that a mistake of
the signer is not excused by the same mistake here. What it says, for each run by its UID:

LOST       it ended, and is there (or went) without its attestation, those of its images, or its mark
DOUBLED    two different contents were signed for the same thing
FALSE      it was marked `signed: "true"` while something was missing
STUCK      it is signed or being deleted, and a finalizer of ours still holds it
RECREATED  nobody asked for an object with this UID, or it came back
"""

import argparse
import base64
import hashlib
import itertools
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from history import Version, of_cluster

CHAINS = "chains.tekton.dev/"
SIGNED, OURS = f"{CHAINS}signed", ("chains.tekton.dev", f"{CHAINS}taskrun", f"{CHAINS}pipelinerun")
STATEMENT = "application/vnd.in-toto+json"

Json = dict[str, Any]


class Violation(NamedTuple):
    """`what` is one of the words of the module's head."""

    what: str
    uid: str
    name: str
    why: str


class Proven(NamedTuple):
    """What one attestation signs, under the key of its annotation."""

    key: str
    content: str


@dataclass(frozen=True)
class Expected:
    """`uids` are all that were ever asked for; None: whatever is there. Runs in `spoofed` were given false marks by us, so a mark
    counts from the first proof on. Those in `deleted` must be gone. `kept` are envelopes that stand elsewhere, by UID."""

    uids: Collection[str] | None = None
    spoofed: Collection[str] = ()
    deleted: Collection[str] = ()
    kept: Mapping[str, Sequence[bytes]] = ()  # type: ignore[assignment]


class Checker:
    """`key` is the public key in PEM: ECDSA over SHA-256, as cosign makes them."""

    def __init__(self, key: bytes, expected: Expected = Expected()) -> None:
        found = load_pem_public_key(key)
        assert isinstance(found, ec.EllipticCurvePublicKey)
        self.key, self.expected = found, expected
        self.proofs: dict[tuple[str, str, str], Proven | None] = {}

    def judge(self, history: Iterable[Version]) -> list[Violation]:
        """Of all runs in it, in the order of their first version."""
        lives: dict[str, list[Version]] = defaultdict(list)
        for version in history:
            lives[version.uid].append(version)
        return [violation for life in lives.values() for violation in self.life(life)]

    def life(self, life: Sequence[Version]) -> Iterator[Violation]:
        """One run, from its first version to its last."""
        first, last = life[0], next(version for version in reversed(life) if version.body is not None or version is life[0])
        is_gone = life[-1].body is None

        def violation(what: str, why: str) -> Violation:
            return Violation(what, first.uid, first.name, why)

        if self.expected.uids is not None and first.uid not in self.expected.uids:
            yield violation("RECREATED", "nobody asked for this object")
        if any(before.body is None and after.body is not None for before, after in itertools.pairwise(life)):
            yield violation("RECREATED", "it was gone, and came back")
        if first.uid in self.expected.deleted and not is_gone:
            yield violation("STUCK", "it was deleted and is still there")
        body = last.body or {}
        if (missing := self.missing(body)) and not self.is_kept(body):
            yield violation("LOST", missing)
        elif not is_gone and not missing and is_done(body) and annotations(body).get(SIGNED) != "true":
            yield violation("LOST", f"all is signed, and the mark is {annotations(body).get(SIGNED)!r}")
        holds = [name for name in body.get("metadata", {}).get("finalizers") or () if name in OURS]
        if not is_gone and holds and (is_done(body) or "deletionTimestamp" in body["metadata"]):
            yield violation("STUCK", f"held by {', '.join(holds)}")
        yield from (violation("DOUBLED", why) for why in self.doubled(life))
        yield from (violation("FALSE", why) for why in self.false(life))

    def missing(self, body: Json) -> str:
        """What a finished run lacks; "" where nothing is."""
        if not is_done(body):
            return ""
        proven = {found.key for found in self.proven(body)}
        absent = sorted(due(body) - proven)
        return f"no proven attestation for {', '.join(absent)}" if absent else ""

    def is_kept(self, body: Json) -> bool:
        """A run that had to go before it could be signed may have its envelope elsewhere."""
        uid = body.get("metadata", {}).get("uid", "")
        return any(self.statement(envelope, body) for envelope in dict(self.expected.kept).get(uid, ()))

    def doubled(self, life: Sequence[Version]) -> Iterator[str]:
        contents: dict[str, dict[str, int]] = defaultdict(dict)
        for version in life:
            for found in self.proven(version.body or {}):
                contents[found.key].setdefault(found.content, version.revision)
        for key, found in contents.items():
            if len(found) > 1:
                yield f"{key}: {len(found)} contents, first at the revisions {', '.join(map(str, found.values()))}"

    def false(self, life: Sequence[Version]) -> Iterator[str]:
        """The first version that claims too much."""
        counts = life[0].uid not in self.expected.spoofed
        for version in life:
            body = version.body or {}
            counts = counts or any(found.key == own_key(body) for found in self.proven(body))
            if counts and annotations(body).get(SIGNED) == "true" and (why := self.missing(body) or unfinished(body)):
                yield f"marked at revision {version.revision}: {why}"
                return

    def proven(self, body: Json) -> Iterator[Proven]:
        """The attestations on this object that are good, and speak of it."""
        kept = annotations(body)
        for name, text in kept.items():
            key = name.removeprefix(f"{CHAINS}signature-")
            if key == name or (payload := kept.get(f"{CHAINS}payload-{key}")) is None:
                continue
            mark = (key, text + payload, fingerprint(body))
            if mark not in self.proofs:
                self.proofs[mark] = self.prove(key, payload, text, body)
            if proven := self.proofs[mark]:
                yield proven

    def prove(self, key: str, payload: str, signature: str, body: Json) -> Proven | None:
        try:
            signed, raw = base64.b64decode(signature, validate=True), base64.b64decode(payload, validate=True)
        except ValueError:
            return None
        is_good = self.image(key, raw, signed, body) if key != own_key(body) else self.statement(signed, body) == raw
        return Proven(key, hashlib.sha256(signed + raw).hexdigest()[:16]) if is_good else None

    def statement(self, envelope: bytes, body: Json) -> bytes | None:
        """The payload of a DSSE envelope that our key signed and that speaks of this run; None for every other."""
        try:
            found = json.loads(envelope)
            raw = base64.b64decode(found["payload"], validate=True)
            message = b"DSSEv1 %d %s %d %s" % (len(STATEMENT), STATEMENT.encode(), len(raw), raw)
            (signature,) = found["signatures"]
            is_ours = found["payloadType"] == STATEMENT and self.verifies(base64.b64decode(signature["sig"]), message)
            return raw if is_ours and speaks_of(json.loads(raw), body) else None
        except (ValueError, KeyError, TypeError):
            return None

    def image(self, key: str, payload: bytes, signature: bytes, body: Json) -> bool:
        try:
            named = json.loads(payload)["critical"]["image"]["docker-manifest-digest"]
        except (ValueError, KeyError, TypeError):
            return False
        return named in images(body) and image_key(named) == key and self.verifies(signature, payload)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        try:
            self.key.verify(signature, message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


# --- what a run says ------------------------------------------------------------------------------------------------------


def annotations(body: Json) -> Mapping[str, str]:
    return body.get("metadata", {}).get("annotations") or {}


def is_done(body: Json) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(found["type"] == "Succeeded" and found["status"] in ("True", "False") for found in conditions)


def unfinished(body: Json) -> str:
    return "" if is_done(body) else "it has not finished"


def own_key(body: Json) -> str:
    return f"{body.get('kind', '').lower()}-{body.get('metadata', {}).get('uid', '')}"


def images(body: Json) -> dict[str, str]:
    """Name (without tag) of each image that the results name, by digest. The driver names them in pairs of one form."""
    results = {found["name"]: found["value"] for found in (body.get("status") or {}).get("results") or ()}
    urls = {name.removesuffix("_URL"): text for name, text in results.items() if name.endswith("_IMAGE_URL")}
    return {results[f"{stem}_DIGEST"]: url.rpartition(":")[0] for stem, url in urls.items()}


def image_key(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def due(body: Json) -> set[str]:
    """The keys of all attestations that a finished run must carry: its own, and each image of a TaskRun."""
    own = images(body) if body["kind"] == "TaskRun" else ()
    return {own_key(body), *map(image_key, own)}


def fingerprint(body: Json) -> str:
    """Of what a proof depends on beside the attestation."""
    status = body.get("status") or {}
    facts = [own_key(body), status.get("startTime"), status.get("completionTime"), status.get("results")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def speaks_of(statement: Json, body: Json) -> bool:
    """Kind, UID (where the format has one), times and subjects are those of the run."""
    predicate, status = statement["predicate"], body["status"]
    if "buildDefinition" in predicate:
        facts = predicate["runDetails"]["metadata"]
        agrees = facts["invocationId"] == body["metadata"]["uid"]
        times = facts["startedOn"], facts["finishedOn"]
    else:
        facts = predicate["metadata"]
        agrees = predicate["buildType"] == f"tekton.dev/v1beta1/{body['kind']}" or body["kind"] in predicate["buildType"]
        times = facts["buildStartedOn"], facts["buildFinishedOn"]
    subjects = {(subject["name"], f"sha256:{subject['digest']['sha256']}") for subject in statement.get("subject") or ()}
    named = {(name, digest) for digest, name in images(body).items()}
    is_same_built = subjects == named if body["kind"] == "TaskRun" else subjects >= named
    return agrees and is_same_built and times == (status["startTime"], status["completionTime"])


# --- the command ----------------------------------------------------------------------------------------------------------


def counts(violations: Iterable[Violation]) -> dict[str, int]:
    found = Counter(violation.what for violation in violations)
    return {word: found[word] for word in ("LOST", "DOUBLED", "FALSE", "STUCK", "RECREATED")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="the public key that the controller signs with")
    parser.add_argument("--namespace", default="", help="only the runs there")
    parser.add_argument("--since", type=int, default=1, help="the revision to begin with (default: the oldest that is kept)")
    asked = parser.parse_args()
    history = [version for version in of_cluster(asked.folder, asked.since) if asked.namespace in ("", version.namespace)]
    violations = Checker(asked.key.read_bytes()).judge(history)
    for violation in violations:
        print(*violation)
    uids = {version.uid for version in history}
    print(f"{len(uids)} runs in {len(history)} versions: {counts(violations)}", file=sys.stderr)
    sys.exit(bool(violations))


if __name__ == "__main__":
    main()
