"""Bundles: what is whole is proven, step by step; what is not is refused by one word. All in a Sigstore of the tests' own."""

import copy
import hashlib
import json
import os
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from fakes import mutation, sealed, signers, sigstore, translog
from fakes.sigstore import ARTIFACT, NOW, Asked, Tick

from sealwright.core import keys, oci, pem
from sealwright.core.envelope import bundle as bundles
from sealwright.core.envelope import cosign
from sealwright.core.envelope.bundle import Bundle
from sealwright.core.errors import Fault, Permanent, Reason, Untrusted
from sealwright.core.model import Signature
from sealwright.core.policy.evidence import of_envelope
from sealwright.core.proof import attestation, trustroot
from sealwright.core.proof.chain import Window
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.signature import Evidence
from sealwright.core.proof.trust import Trust, TrustedKey

MINUTE = timedelta(minutes=1)


def prove(bundle, trust=None, artifact=ARTIFACT):
    return attestation.prove_bundle(bundle, trust or sigstore.trust(), artifact)


def refusal(bundle, trust=None, artifact=ARTIFACT):
    with pytest.raises(Untrusted) as raised:
        prove(bundle, trust, artifact)
    return raised.value


@pytest.mark.parametrize("wanted", sigstore.ALL, ids=lambda wanted: f"{wanted.kind} {'file' if wanted.is_file else 'sealed'}")
def test_what_is_whole_is_proven(wanted):
    """Each kind of log entry, over a file or an envelope, by a certificate or a key: with identity, times and logs."""
    verified = prove(sigstore.bundle(wanted), sigstore.trust(by_key=wanted.by_key))

    assert {NOW} == set(verified.times)
    log = translog.Tree(sigstore.KINDS[wanted.kind][0]).key
    assert (log.log_id,) == verified.log_ids
    assert (attestation.FILE if wanted.is_file else sealed.SLSA_V02) == verified.payload.predicate_type
    assert (ARTIFACT if wanted.is_file else sigstore.payload()) == verified.payload.body
    assert hashlib.sha256(ARTIFACT).hexdigest() == verified.payload.subjects[0].digest["sha256"]
    assert wanted.by_key == (verified.identity is None)


def test_who_signed_is_told_with_what_their_issuer_said_of_them():
    """The claims are values that policies can use."""
    verified = prove(sigstore.bundle(sigstore.V1_SEALED))

    assert verified.identity.names == (("uri", sigstore.NAME),)
    assert verified.identity.issuer == sigstore.ISSUER
    assert verified.identity.claims == {
        "buildSignerURI": "https://git.test/team/ci",
        "sourceRepositoryRef": "refs/heads/main",
        "sourceRepositoryURI": "https://git.test/team/app",
    }


def test_each_step_is_said_in_words():
    """In the order in which they were taken."""
    leaf = keys.public_key(sigstore.LEAF.material.public_key())
    log = translog.Tree("v2").key.log_id.hex()[:16]
    seen = hashlib.sha256(sigstore.spki(sigstore.CT)).hexdigest()[:16]
    said = prove(sigstore.bundle(sigstore.V2_SEALED)).steps

    assert said[:4] == (
        "the envelope is DSSE with 1 signature(s)",
        "its payload type is application/vnd.in-toto+json",
        f"ecdsa-p256 key {leaf.key_id}, that of the certificate, signed these {len(sigstore.payload())} bytes",
        "a trusted clock saw the signature at 2023-11-14T22:13:20+00:00",
    )
    assert said[4] == f"the log is {log}, whose ed25519 key is trusted"
    assert said[-6:] == (
        "its body (hashedrekord 0.0.2) has this signature, its key and the digest of what was signed",
        "the certificate led to a trusted authority at 2023-11-14T22:13:20+00:00",
        f"the certificate log {seen} saw the certificate at 2023-11-14T22:13:20+00:00",
        f"it is for the uri '{sigstore.NAME}', for whom '{sigstore.ISSUER}' vouched",
        f"they are an in-toto Statement with 1 subject(s) and predicate {sealed.SLSA_V02}",
        f"its subject 'app.tar' is the file with sha256 {hashlib.sha256(ARTIFACT).hexdigest()}",
    )


# --- what is refused, class by class ----------------------------------------------------------------------------------------


def leaf(*more, seen_by=sigstore.CT, extensions=b"", moment=NOW, **other):
    """A certificate that is right but for what is given."""
    asked = Asked(more=(sigstore.alternative(), sigstore.fulcio(8, sigstore.ISSUER), *more), **other)
    return lambda: sigstore.leaf(asked, seen_by, extensions, moment)


OTHER = signers.key("ecdsa-p256", 999)
CERTIFICATES = {
    "of an authority that is not trusted": (leaf(by=OTHER), Reason.BAD_CERTIFICATE),
    "of an issuer with another name": (leaf(issuer="other"), Reason.BAD_CERTIFICATE),
    "that had ended": (leaf(end=NOW - timedelta(seconds=1)), Reason.BAD_CERTIFICATE),
    "that had not begun": (leaf(start=NOW + timedelta(seconds=1)), Reason.BAD_CERTIFICATE),
    "of an authority": (leaf(is_authority=True), Reason.BAD_CERTIFICATE),
    "that may not sign": (leaf(signs=False), Reason.BAD_CERTIFICATE),
    "for another use": (leaf(use=sigstore.ExtendedKeyUsageOID.TIME_STAMPING), Reason.BAD_CERTIFICATE),
    "for no use": (leaf(use=None), Reason.BAD_CERTIFICATE),
    "with something critical that is not understood": (
        leaf((sigstore.x509.UnrecognizedExtension(sigstore.ObjectIdentifier("1.2.3"), b""), True)),
        Reason.BAD_CERTIFICATE,
    ),
    "that no log of certificates saw": (leaf(seen_by=None), Reason.BAD_CERTIFICATE),
    "that a log of certificates saw which is not trusted": (leaf(seen_by=OTHER), Reason.BAD_CERTIFICATE),
    "that the log saw before it was trusted": (leaf(moment=NOW - timedelta(days=400)), Reason.BAD_CERTIFICATE),
    "with two issuers": (leaf(sigstore.fulcio(1, "https://other.test", is_old=True)), Reason.BAD_CERTIFICATE),
    "for another name": (
        lambda: sigstore.leaf(
            Asked(more=(sigstore.alternative(sigstore.x509.DNSName("other")), sigstore.fulcio(8, sigstore.ISSUER)))
        ),
        Reason.WRONG_IDENTITY,
    ),
    "for nobody": (lambda: sigstore.leaf(Asked(subject="x", more=(sigstore.fulcio(8, sigstore.ISSUER),))), Reason.WRONG_IDENTITY),
    "by another issuer": (
        lambda: sigstore.leaf(Asked(more=(sigstore.alternative(), sigstore.fulcio(8, "https://other.test")))),
        Reason.WRONG_IDENTITY,
    ),
    "by no issuer": (lambda: sigstore.leaf(Asked(more=(sigstore.alternative(),))), Reason.WRONG_IDENTITY),
    "with another key": (leaf(key=OTHER), Reason.BAD_SIGNATURE),
    "that is none": (lambda: b"0\x03\x02\x01\x01", Reason.BAD_CERTIFICATE),
    "that is huge": (lambda: b"0" * 40_000, Reason.BAD_CERTIFICATE),
}


@pytest.mark.parametrize("row", CERTIFICATES)
def test_a_certificate_is_refused(row):
    """Whoever holds it, signed with it, and logged it."""
    make, reason = CERTIFICATES[row]
    found = refusal(sigstore.bundle(replace(sigstore.V1_SEALED, certificate=make)))

    assert reason is found.reason, found.message


@pytest.mark.parametrize("form", signers.FORMS)
@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_a_certificate_may_have_a_key_of_each_kind(algorithm, form):
    """It signs in either form, unless one was asked for."""
    key = signers.key(algorithm, 5)
    make = leaf(key=key)
    body = sigstore.payload()
    message = sigstore.dsse.pae(sigstore.statement.MEDIA_TYPE, body)
    raw = key.sign(message, form)
    envelope = sigstore.dsse.Envelope(
        payload_type=sigstore.statement.MEDIA_TYPE, body=body, signatures=(Signature(key_id="", raw=raw),)
    )
    entry = sigstore.entry(("dsse", "0.0.1"), message, body, raw, make())
    bundle = Bundle(envelope=envelope, certificates=(make(),), entries=(entry,))
    other = next(each for each in signers.FORMS if each != form)

    assert prove(bundle).identity
    assert prove(bundle, sigstore.trust(form=form)).identity
    if algorithm not in ("ecdsa-p256", "rsa-2048"):
        assert Reason.BAD_SIGNATURE is refusal(bundle, sigstore.trust(form=other)).reason
    assert Reason.BAD_SIGNATURE is refusal(replace(bundle, envelope=replace(envelope, body=body + b" "))).reason


def test_a_timestamp_of_the_certificate_log_with_extensions_is_proven():
    """They are signed too."""
    assert prove(sigstore.bundle(replace(sigstore.V1_SEALED, certificate=leaf(extensions=b"\0\0\5abcde"))))


def v1(**more):
    return replace(sigstore.V1_SEALED, **more)


def v2(**more):
    return replace(sigstore.V2_SEALED, **more)


def late(wanted):
    return Tick(moment=wanted.strftime("%Y%m%d%H%M%SZ"))


BUNDLES = {
    "a time after the certificate ended": (v2(ticks=(late(NOW + 10 * MINUTE),)), Reason.BAD_CERTIFICATE),
    "a time before it began": (v2(ticks=(late(NOW - 2 * MINUTE),)), Reason.BAD_CERTIFICATE),
    "one of two times after it ended": (v1(ticks=(late(NOW + 10 * MINUTE),)), Reason.BAD_CERTIFICATE),
    "no time": (v2(ticks=()), Reason.NO_PROVEN_TIME),
    "no log": (sigstore.UNLOGGED, Reason.NOT_LOGGED),
    "a log that is not trusted": (v1(log_key=OTHER), Reason.UNKNOWN_LOG),
    "a tiled log that is not trusted": (v2(log_key=signers.key("ed25519", 3)), Reason.UNKNOWN_LOG),
    "another signer": (v1(signer=OTHER), Reason.BAD_SIGNATURE),
}


@pytest.mark.parametrize("row", BUNDLES)
def test_a_bundle_is_refused_that_has(row):
    """Though each part is what it says."""
    wanted, reason = BUNDLES[row]
    found = refusal(sigstore.bundle(wanted))

    assert reason is found.reason, found.message


def other_entry(bundle, **changed):
    return replace(bundle, entries=(replace(bundle.entries[0], **changed),))


def other_proof(bundle, **changed):
    entry = bundle.entries[0]
    return replace(bundle, entries=(replace(entry, proof=replace(entry.proof, **changed)),))


def with_checkpoint(bundle, change):
    return other_proof(bundle, checkpoint=change(bundle.entries[0].proof.checkpoint))


def spoken(bundle, kind, **changed):
    """The same bundle with a proven entry whose body differs."""
    log, is_over_message, make = sigstore.KINDS[kind]
    opened = bundle.envelope
    message = sigstore.dsse.pae(opened.payload_type, opened.body)
    given = {
        "what": message if is_over_message else opened.body,
        "raw": bundle.signature,
        "verifier": bundle.certificates[0],
    } | changed
    body = sigstore.entry_body(kind, make(given["what"], given["raw"], given["verifier"]))
    return replace(bundle, entries=(sigstore.logged(log, body, kind),))


V1, V2, FILE = (sigstore.bundle(each) for each in (sigstore.V1_SEALED, sigstore.V2_SEALED, sigstore.V1_FILE))
ELSE = sigstore.bundle(v1(artifact=b"something else"))
ENTRIES = {
    "of another index": (other_entry(V1, index=77), Reason.BAD_PROMISE),
    "of another time": (other_entry(V1, integrated_s=1_700_000_001), Reason.BAD_PROMISE),
    "with a promise of another entry": (other_entry(V1, promise=ELSE.entries[0].promise), Reason.BAD_PROMISE),
    "with neither promise nor proof": (other_entry(V1, promise=b"", proof=None), Reason.BAD_LOG_ENTRY),
    "without the promise that gives its time": (other_entry(V1, promise=b""), Reason.NO_PROVEN_TIME),
    "with another root": (other_proof(V1, root=b"0" * 32), Reason.BAD_INCLUSION),
    "with another number": (other_proof(V1, index=4), Reason.BAD_INCLUSION),
    "with another size": (other_proof(V1, size=6), Reason.BAD_INCLUSION),
    "with a path that is too short": (other_proof(V1, hashes=V1.entries[0].proof.hashes[1:]), Reason.BAD_INCLUSION),
    "with a checkpoint of another tree": (other_proof(V2, checkpoint=ELSE.entries[0].proof.checkpoint), Reason.BAD_CHECKPOINT),
    "with a checkpoint of another origin": (
        with_checkpoint(V1, lambda text: text.replace("log.", "lag.")),
        Reason.BAD_CHECKPOINT,
    ),
    "with a checkpoint without origin": (with_checkpoint(V2, lambda text: text.partition("\n")[2]), Reason.BAD_CHECKPOINT),
    "with a checkpoint without size": (with_checkpoint(V2, lambda text: text.replace("\n7\n", "\n")), Reason.BAD_CHECKPOINT),
    "with a checkpoint without signature": (
        with_checkpoint(V2, lambda text: text.partition("\n\n")[0] + "\n\n"),
        Reason.BAD_CHECKPOINT,
    ),
    "that says it is another number": (other_entry(V2, index=6), Reason.BAD_LOG_ENTRY),
    "of another kind than its body": (other_entry(V2, kind="dsse"), Reason.WRONG_ENTRY),
    "of another signature": (spoken(V1, ("dsse", "0.0.1"), raw=ELSE.signature), Reason.WRONG_ENTRY),
    "of another payload": (spoken(V1, ("dsse", "0.0.1"), what=b"else"), Reason.WRONG_ENTRY),
    "of another certificate": (spoken(V1, ("dsse", "0.0.1"), verifier=sigstore.leaf(seen_by=None)), Reason.WRONG_ENTRY),
    "of a bare key": (spoken(V1, ("dsse", "0.0.1"), verifier=sigstore.spki(sigstore.LEAF)), Reason.WRONG_ENTRY),
    "of another signature, as record": (spoken(V1, ("hashedrekord", "0.0.1"), raw=ELSE.signature), Reason.WRONG_ENTRY),
    "of another payload, as record": (spoken(V1, ("hashedrekord", "0.0.1"), what=b"else"), Reason.WRONG_ENTRY),
    "of another signature, as intoto": (spoken(V1, ("intoto", "0.0.2"), raw=ELSE.signature), Reason.WRONG_ENTRY),
    "of another payload, as intoto": (spoken(V1, ("intoto", "0.0.2"), what=b"else"), Reason.WRONG_ENTRY),
    "of another signature, tiled": (spoken(V2, ("hashedrekord", "0.0.2"), raw=ELSE.signature), Reason.WRONG_ENTRY),
    "of another payload, tiled": (spoken(V2, ("hashedrekord", "0.0.2"), what=b"else"), Reason.WRONG_ENTRY),
    "of another certificate, tiled": (spoken(V2, ("hashedrekord", "0.0.2"), verifier=b"0\0"), Reason.WRONG_ENTRY),
    "of another signature, tiled envelope": (spoken(V2, ("dsse", "0.0.2"), raw=ELSE.signature), Reason.WRONG_ENTRY),
    "of another payload, tiled envelope": (spoken(V2, ("dsse", "0.0.2"), what=b"else"), Reason.WRONG_ENTRY),
    "of a kind that has no signature": (
        replace(V1, entries=(sigstore.logged("v1", sigstore.entry_body(("intoto", "0.0.1"), {}), ("intoto", "0.0.1")),)),
        Reason.WRONG_ENTRY,
    ),
    "with a body that is none": (replace(V1, entries=(sigstore.logged("v1", b"[]", ("dsse", "0.0.1")),)), Reason.WRONG_ENTRY),
    "of something else": (replace(V1, entries=ELSE.entries), Reason.WRONG_ENTRY),
    "good, and one that is of something else": (replace(V1, entries=V1.entries + ELSE.entries), Reason.WRONG_ENTRY),
}


@pytest.mark.parametrize("row", ENTRIES)
def test_a_log_entry_is_refused(row):
    """Though signature and certificate are good."""
    bundle, reason = ENTRIES[row]
    found = refusal(bundle)

    assert reason is found.reason, found.message


def test_a_file_is_proven_with_its_own_digest_only():
    """Another file is told from a broken signature."""
    assert Reason.WRONG_DIGEST is refusal(FILE, artifact=b"else").reason
    assert (
        Reason.BAD_SIGNATURE
        is refusal(replace(FILE, message=replace(FILE.message, algorithm="", digest=b"")), artifact=b"else").reason
    )
    with pytest.raises(Permanent, match="name the file"):
        prove(FILE, artifact=None)


def test_an_envelope_is_proven_with_a_file_that_is_its_subject():
    """Without a file, what it says is the answer."""
    assert Reason.WRONG_SUBJECT is refusal(V1, artifact=b"else").reason
    assert prove(V1, artifact=None).steps == prove(V1).steps[:-1]


def test_an_encoding_never_passes_as_a_file():
    """One key signs both: what an envelope signs is no file."""
    opened = V1.envelope
    message = sigstore.dsse.pae(opened.payload_type, opened.body)

    assert (
        Reason.WRONG_PAYLOAD_TYPE
        is refusal(sigstore.bundle(replace(sigstore.V1_FILE, artifact=message)), artifact=message).reason
    )


# --- whom one trusts --------------------------------------------------------------------------------------------------------


def changed(*path, to):
    """The trusted root with one member changed; None takes it away."""
    root = sigstore.trusted_root()
    place = root
    for name in path[:-1]:
        place = place[name]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return root


ENDED = sigstore.span(end=NOW - timedelta(seconds=1))
LAST = sigstore.span(end=NOW)
NOT_YET = sigstore.span(start=NOW + timedelta(seconds=1))
ROOTS = {
    "the log ended before": (("tlogs", 1, "publicKey", "validFor"), ENDED, Reason.UNKNOWN_LOG),
    "the log began after": (("tlogs", 1, "publicKey", "validFor"), NOT_YET, Reason.UNKNOWN_LOG),
    "the log has no start": (("tlogs", 1, "publicKey", "validFor"), {}, Reason.UNKNOWN_LOG),
    "the log is not named": (("tlogs",), [], Reason.UNKNOWN_LOG),
    "the authority ended before": (("certificateAuthorities", 0, "validFor"), ENDED, Reason.BAD_CERTIFICATE),
    "the authority has no start": (("certificateAuthorities", 0, "validFor"), {}, Reason.BAD_CERTIFICATE),
    "no authority is named": (("certificateAuthorities",), [], Reason.BAD_CERTIFICATE),
    "the clock ended before": (("timestampAuthorities", 0, "validFor"), ENDED, Reason.BAD_TIMESTAMP),
    "the clock began after": (("timestampAuthorities", 0, "validFor"), NOT_YET, Reason.BAD_TIMESTAMP),
    "no clock is named": (("timestampAuthorities",), None, Reason.BAD_TIMESTAMP),
    "the certificate log ended before": (("ctlogs", 0, "publicKey", "validFor"), ENDED, Reason.BAD_CERTIFICATE),
    "no certificate log is named": (("ctlogs",), None, Reason.BAD_CERTIFICATE),
}


@pytest.mark.parametrize("row", ROOTS)
def test_nothing_is_proven_by_a_root_in_which(row):
    """What is trusted is trusted in its time alone."""
    path, to, reason = ROOTS[row]
    found = refusal(V2, sigstore.trust(changed=changed(*path, to=to)))

    assert reason is found.reason, found.message


@pytest.mark.parametrize(
    "path",
    [
        ("tlogs", 1, "publicKey", "validFor"),
        ("certificateAuthorities", 0, "validFor"),
        ("timestampAuthorities", 0, "validFor"),
        ("ctlogs", 0, "publicKey", "validFor"),
    ],
)
def test_the_last_second_of_a_time_belongs_to_it(path):
    """Ends are inclusive."""
    assert prove(V2, sigstore.trust(changed=changed(*path, to=LAST)))


def test_whoever_is_named_twice_is_trusted_in_either_time():
    """A root may list a log, an authority or a clock again when its time was renewed."""
    root = sigstore.trusted_root()
    for name in ("tlogs", "certificateAuthorities", "timestampAuthorities", "ctlogs"):
        for each in copy.deepcopy(root[name]):
            (each.get("publicKey") or each)["validFor"] = ENDED
            root[name].insert(0, each)

    assert prove(V2, sigstore.trust(changed=root))


def test_an_authority_without_a_log_of_certificates_is_trusted_when_that_is_asked_for():
    """A private authority may have none; nobody else's certificate gets through by that."""
    bundle = sigstore.bundle(v1(certificate=leaf(seen_by=None)))
    root = changed("ctlogs", to=None)

    assert Reason.BAD_CERTIFICATE is refusal(bundle, sigstore.trust(changed=root)).reason
    assert prove(bundle, sigstore.trust(changed=root, certificate_logs_needed=0))


def test_thresholds_count_distinct_logs_and_clocks():
    """One log twice, under two ids or with two entries, is one; so is one clock."""
    both = replace(V1, entries=V1.entries + spoken(V1, ("hashedrekord", "0.0.2")).entries)
    twice = replace(V1, entries=V1.entries + spoken(V1, ("hashedrekord", "0.0.1")).entries)
    clocks = replace(V2, timestamps=(*V2.timestamps, sigstore.stamp(V2.signature, late(NOW + MINUTE))))

    assert len(prove(both, sigstore.trust(logs_needed=2)).log_ids) == 2
    assert Reason.NOT_LOGGED is refusal(twice, sigstore.trust(logs_needed=2)).reason
    assert Reason.NO_PROVEN_TIME is refusal(clocks, sigstore.trust(clocks_needed=2)).reason
    assert Reason.NO_PROVEN_TIME is refusal(V1, sigstore.trust(clocks_needed=1)).reason
    assert prove(clocks, sigstore.trust(clocks_needed=1)).times == (NOW, NOW + MINUTE)
    assert prove(sigstore.bundle(sigstore.UNLOGGED), sigstore.trust(logs_needed=0)).log_ids == ()


def test_a_key_is_trusted_without_a_root_and_then_logs_prove_nothing():
    """What was not looked at is said."""
    bundle = sigstore.bundle(sigstore.KEY_SEALED)
    verified = prove(bundle, Trust(keys=(TrustedKey(key=sigstore.KEY.public),)))

    assert (verified.times, verified.log_ids) == ((), ())
    assert any(step.startswith("2 log entries and timestamps were not looked at") for step in verified.steps)


def test_a_key_with_a_window_needs_a_proven_time_inside():
    """With a root whose logs or clocks say when."""
    bundle = sigstore.bundle(sigstore.KEY_SEALED)
    root = sigstore.read_root()

    def trust(start, end, root=root):
        window = Window(start=start, end=end)
        return Trust(keys=(TrustedKey(key=sigstore.KEY.public, window=window),), root=root)

    assert prove(bundle, trust(NOW, NOW))
    assert Reason.BAD_SIGNATURE is refusal(bundle, trust(NOW - 2 * MINUTE, NOW - MINUTE)).reason
    assert Reason.BAD_SIGNATURE is refusal(bundle, trust(None, None)).reason
    assert Reason.NO_PROVEN_TIME is refusal(bundle, trust(NOW, NOW, None)).reason


def test_a_key_does_not_verify_what_another_signed():
    """Nor an identity what a plain key signed, nor a key what a certificate did."""
    by_key = sigstore.bundle(sigstore.KEY_FILE)
    other = Trust(keys=(TrustedKey(key=OTHER.public),), root=sigstore.read_root())

    assert Reason.BAD_SIGNATURE is refusal(by_key, other).reason
    assert Reason.BAD_SIGNATURE is refusal(by_key, sigstore.trust()).reason
    assert Reason.BAD_SIGNATURE is refusal(V1, sigstore.trust(by_key=True)).reason


def test_an_empty_trust_is_a_mistake():
    """Never "anybody"."""
    for given, reason in (
        ({}, Reason.KEY_MISSING),
        ({"identities": (sigstore.WHO,)}, Reason.INVALID_INPUT),
        ({"keys": (TrustedKey(key=OTHER.public),), "keys_needed": 0}, Reason.INVALID_INPUT),
        ({"keys": (TrustedKey(key=OTHER.public),), "logs_needed": -1}, Reason.INVALID_INPUT),
    ):
        with pytest.raises(Permanent) as raised:
            Trust(**given)

        assert reason is raised.value.reason


def test_what_cosign_keeps_beside_an_image_is_proven_as_a_bundle_is():
    """Certificate, chain, promise and time come from the layer's annotations; each one changed is refused."""
    envelope, leaf = V1.envelope, V1.certificates[0]
    certificate, chain = (
        pem.write(pem.Block(label="CERTIFICATE", body=raw)).decode()
        for raw in (leaf, sigstore.sub().public_bytes(sigstore.Encoding.DER))
    )
    image = oci.image(f"registry.test/app@sha256:{'ab' * 32}")
    made = replace(
        of_envelope(sigstore.dsse.seal(envelope.payload_type, envelope.body, envelope.signatures)),
        signature=Signature(key_id="", raw=b"", certificate=certificate, chain=chain),
        entries=V1.entries,
        timestamps=V2.timestamps,
    )
    found = cosign.from_layer(cosign.to_layer(made), image)
    trust = sigstore.trust()

    assert attestation.prove_attestation(found, trust).times == (NOW, NOW)
    for changed, reason in (
        (replace(found, signature=replace(found.signature, certificate="", chain="")), Reason.BAD_SIGNATURE),
        (replace(found, signature=replace(found.signature, certificate="x\n-----BEGIN X-----\n")), Reason.BAD_CERTIFICATE),
        (replace(found, entries=(replace(found.entries[0], index=3),)), Reason.BAD_PROMISE),
        (replace(found, entries=ELSE.entries), Reason.WRONG_ENTRY),
        (replace(found, entries=()), Reason.NOT_LOGGED),
        (replace(found, timestamps=ELSE.timestamps or (sigstore.stamp(b"else"),)), Reason.BAD_TIMESTAMP),
    ):
        with pytest.raises(Untrusted) as raised:
            attestation.prove_attestation(changed, trust)
        assert reason is raised.value.reason, raised.value.message


# --- mutants ----------------------------------------------------------------------------------------------------------------

# Of each kind with nothing to spare: where both a log and a clock give the time, one of them may go.
BARE = [replace(each, ticks=() if each is sigstore.V1_INTOTO else each.ticks) for each in sigstore.ALL]
PAIRS = [(sigstore.bundle(each), sigstore.bundle(replace(each, artifact=b"another"))) for each in BARE]
THEN = TrustedKey(key=sigstore.KEY.public, window=Window(start=NOW, end=NOW))
TRUSTS = [sigstore.trust(**({"by_key": True, "keys": (THEN,)} if each.by_key else {})) for each in BARE]


def meaning(bundle: Bundle) -> Bundle:
    """Without hints, which nobody signed and nobody believes."""
    envelope = bundle.envelope
    if envelope:
        envelope = replace(envelope, signatures=tuple(replace(each, key_id="") for each in envelope.signatures))
    message = replace(bundle.message, algorithm="", digest=b"") if bundle.message else None
    return replace(bundle, envelope=envelope, message=message, key_hint=bundle.key_hint and "", version="0.3")


def accepted(data, original, trust):
    """Whether a mutant is proven, though it is another bundle."""
    try:
        read = bundles.read(data)
        if meaning(read) == meaning(original):
            return None
        attestation.prove_bundle(read, trust, ARTIFACT)
    except Fault:
        return False
    return True


def at(loaded, place):
    for name in place:
        loaded = loaded[name]
    return loaded


def found(loaded, place):
    try:
        return at(loaded, place)
    except (KeyError, IndexError):
        return None


def mutants(loaded, others):
    """Each member dropped; doubled, if it stands in a list; swapped for what another bundle has there, and for a stranger."""
    for place in mutation.places(loaded):
        dropped = copy.deepcopy(loaded)
        del at(dropped, place[:-1])[place[-1]]
        yield dropped
        if isinstance(place[-1], int):
            doubled = copy.deepcopy(loaded)
            listed = at(doubled, place[:-1])
            listed.insert(place[-1], copy.deepcopy(listed[place[-1]]))
            yield doubled
        for stranger in ("", "AAAA", 0, {}):
            replaced = copy.deepcopy(loaded)
            at(replaced, place[:-1])[place[-1]] = stranger
            yield replaced
        for other in others:
            there = found(other, place)
            if there is not None and there != at(loaded, place):
                swapped = copy.deepcopy(loaded)
                at(swapped, place[:-1])[place[-1]] = there
                yield swapped


def test_no_mutant_of_two_thousand_is_accepted():
    """Each member of each bundle: dropped, doubled, replaced, swapped with what bundles over another file have there."""
    written = [json.loads(bundles.write(one)) for one, _ in PAIRS]
    others = [json.loads(bundles.write(twin)) for _, twin in PAIRS]
    count = 0
    for loaded, (original, _), trust in zip(written, PAIRS, TRUSTS, strict=True):
        for mutant in mutants(loaded, others):
            verdict = accepted(json.dumps(mutant).encode(), original, trust)
            count += verdict is not None

            assert not verdict, mutant
    assert count >= 2000


def test_no_changed_byte_is_accepted():
    """Of signature, payload, proof, checkpoint and promise each, of the rest every fourth: the lowest bit of the byte flipped."""
    steps = {"payload": 1, "signature": 1, "root": 1, "checkpoint": 1, "hash": 1, "certificate": 4, "stamp": 4, "body": 4}
    mutants = [(name, n, mutant) for name, step in steps.items() for n, mutant in flipped(V2, name, step)]
    mutants += [("promise", n, mutant) for n, mutant in flipped(V1, "promise", 1)]
    survivors = [(name, n) for name, n, mutant in mutants if survives(mutant)]

    # That a request was granted "with modifications" (RFC 3161, 2.4.2) is no less granted, and nobody signs that word.
    assert survivors == [("stamp", V2.timestamps[0].index(b"\x30\x03\x02\x01\x00") + 4)]


def survives(mutant):
    try:
        prove(mutant, sigstore_trust)
    except Untrusted:
        return False
    return True


sigstore_trust = sigstore.trust()


def flipped(bundle, name, step):
    entry = bundle.entries[0]
    proof = entry.proof
    signature = bundle.envelope.signatures[0]
    held = {
        "payload": (bundle.envelope.body, lambda raw: replace(bundle, envelope=replace(bundle.envelope, body=raw))),
        "signature": (
            signature.raw,
            lambda raw: replace(bundle, envelope=replace(bundle.envelope, signatures=(replace(signature, raw=raw),))),
        ),
        "certificate": (bundle.certificates[0], lambda raw: replace(bundle, certificates=(raw,))),
        "stamp": (bundle.timestamps[0] if bundle.timestamps else b"", lambda raw: replace(bundle, timestamps=(raw,))),
        "body": (entry.body, lambda raw: other_entry(bundle, body=raw)),
        "promise": (entry.promise, lambda raw: other_entry(bundle, promise=raw)),
        "root": (proof.root, lambda raw: other_proof(bundle, root=raw)),
        "hash": (proof.hashes[0], lambda raw: other_proof(bundle, hashes=(raw, *proof.hashes[1:]))),
        "checkpoint": (
            proof.checkpoint.encode(),
            lambda raw: other_proof(bundle, checkpoint=raw.decode(errors="surrogateescape")),
        ),
    }
    raw, put = held[name]
    for n in range(0, len(raw), step):
        yield n, put(raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :])


# --- the public conformance suite, where it lies at hand ---------------------------------------------------------------------

CONFORMANCE = (
    Path(os.environ.get("SEALWRIGHT_CONFORMANCE", Path(__file__).parents[4] / "shared" / "conformance")) / "sigstore-bundles"
)
CASES = sorted(path for path in CONFORMANCE.iterdir() if path.is_dir()) if CONFORMANCE.is_dir() else []
PUBLIC_NAME = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)


@pytest.mark.skipif(
    not CASES, reason="the public bundles of Sigstore's conformance suite are not here: set SEALWRIGHT_CONFORMANCE"
)
def test_the_public_conformance_cases_get_their_verdicts():
    """Each folder whose name ends in _fail is refused, each other accepted."""
    wrong = [case.name for case in CASES if is_proven(case) == case.name.endswith("_fail")]

    assert wrong == []


def is_proven(case):
    def text(name, default):
        return (case / name).read_text().strip() if (case / name).exists() else default

    artifact = case / "artifact" if (case / "artifact").exists() else CONFORMANCE / "a.txt"
    try:
        root = trustroot.read(
            (case / "trusted_root.json").read_bytes() if (case / "trusted_root.json").exists() else public_root()
        )
        if (case / "key.pub").exists():
            trust = Trust(keys=(TrustedKey(key=keys.load_public((case / "key.pub").read_bytes())),), root=root)
        else:
            issuer = text("issuer", "https://token.actions.githubusercontent.com")
            trust = Trust(identities=(TrustedIdentity(name=text("identity", PUBLIC_NAME), issuer=issuer),), root=root)
        attestation.prove_bundle(bundles.read((case / "bundle.sigstore.json").read_bytes()), trust, artifact.read_bytes())
    except Fault:
        return False
    return True


def public_root():
    """As the package `sigstore` carries it."""
    package = pytest.importorskip("sigstore", reason="the public instance's trusted root comes with the extra 'keyless'")
    [found] = Path(package.__file__).parent.glob("_store/*cdn.sigstore.dev/trusted_root.json")
    return found.read_bytes()


def test_every_pair_of_kinds_is_told_apart():
    """No bundle is proven with the material of another, in any combination."""
    for (one, trust), (other, _) in product(zip([pair[0] for pair in PAIRS], TRUSTS, strict=True), repeat=2):
        if one is not other and one.signature != other.signature:
            mixed = replace(other, envelope=one.envelope, message=one.message)
            with pytest.raises(Untrusted):
                prove(mixed, trust)


def test_an_old_entry_is_proven_with_the_envelopes_own_text():
    """What Chains logged before 0.29 (`intoto` 0.0.1) names no signature, but the digest of the envelope that holds it."""
    key, kind = sigstore.KEY, ("intoto", "0.0.1")
    body = sigstore.payload()
    text = sealed.envelope(body, key)
    entry = sigstore.logged("v1", sigstore.entry_body(kind, sigstore.old_intoto(text, body, sigstore.spki(key))), kind)
    evidence, trust = Evidence(entries=(entry,)), sigstore.trust(by_key=True)

    assert attestation.prove(text, trust, evidence).times == (NOW,)
    for other in (text.replace(b'":', b'": ', 1), sealed.envelope(sigstore.payload(b"else"), key)):
        with pytest.raises(Untrusted) as raised:
            attestation.prove(other, trust, evidence)
        assert Reason.WRONG_ENTRY is raised.value.reason
    opened = replace(V1, entries=(entry,), certificates=(), key_hint="")
    assert Reason.BAD_SIGNATURE is refusal(opened, trust).reason
