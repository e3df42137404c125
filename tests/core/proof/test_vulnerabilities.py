"""Known ways in which verifiers of this kind said yes too easily, or died: one test each, by its public number."""

import json
import time
from dataclasses import replace

import pytest
from fakes import sealed, signers, sigstore
from fakes.sigstore import ARTIFACT, NOW, Asked, Tick

from sealwright.core import keys, pem
from sealwright.core.envelope import bundle as bundles
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Signature
from sealwright.core.policy import wanted
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof import attestation, chain
from sealwright.core.proof.chain import Window
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trust import Trust, TrustedKey
from sealwright.core.statement import MEDIA_TYPE

V1, V2 = sigstore.bundle(sigstore.V1_SEALED), sigstore.bundle(sigstore.V2_SEALED)
ELSE = sigstore.bundle(replace(sigstore.V1_SEALED, artifact=b"else"))
OTHER = signers.key("ecdsa-p256", 997)


def refusal(bundle, trust=None, artifact=ARTIFACT):
    with pytest.raises(Untrusted) as raised:
        attestation.prove_bundle(bundle, trust or sigstore.trust(), artifact)
    return raised.value.reason


def test_cve_2022_23649_an_entry_of_another_signature():
    """A valid entry proves nothing about a signature that it is not about."""
    assert Reason.WRONG_ENTRY is refusal(replace(V1, entries=ELSE.entries))


def test_cve_2022_35929_a_predicate_type_that_nobody_attested():
    """Asking for a type that is not there is never a pass."""
    verified = attestation.prove_bundle(V1, sigstore.trust(), ARTIFACT)

    assert not wanted.judge(verified, Wanted(predicate_type="https://spdx.dev/Document")).is_pass
    assert wanted.judge(verified, Wanted(predicate_type=sealed.SLSA_V02)).is_pass


def test_cve_2022_36056_a_file_that_nobody_signed():
    """Each way to pair a bundle with a file, entry, certificate or signature of another one."""
    one = sigstore.bundle(sigstore.V1_FILE)
    other = sigstore.bundle(replace(sigstore.V1_FILE, artifact=b"else"))
    mixed = (
        (one, b"else"),
        (replace(one, message=other.message), ARTIFACT),
        (replace(one, message=other.message), b"else"),
        (replace(one, entries=other.entries), ARTIFACT),
        (replace(other, entries=one.entries), b"else"),
        (
            replace(
                one,
                certificates=(
                    sigstore.leaf(Asked(key=OTHER, more=(sigstore.alternative(), sigstore.fulcio(8, sigstore.ISSUER)))),
                ),
            ),
            ARTIFACT,
        ),
    )
    for bundle, artifact in mixed:
        refusal(bundle, artifact=artifact)


@pytest.mark.parametrize("kind", sigstore.KINDS)
@pytest.mark.parametrize("part", ["what", "raw", "verifier"])
def test_cve_2026_22703_any_entry_with_a_custom_root(kind, part):
    """Hash, signature and key of the body are compared, whichever kind it is."""
    log, is_over_message, make = sigstore.KINDS[kind]
    body = V1.envelope.body
    given = {"what": dsse.pae(MEDIA_TYPE, body) if is_over_message else body, "raw": V1.signature, "verifier": V1.certificates[0]}
    given |= {part: {"what": b"else", "raw": ELSE.signature, "verifier": sigstore.leaf(seen_by=None)}[part]}
    entry = sigstore.logged(log, sigstore.entry_body(kind, make(given["what"], given["raw"], given["verifier"])), kind)

    assert Reason.WRONG_ENTRY is refusal(replace(V1, entries=(entry,), timestamps=V2.timestamps))


@pytest.mark.parametrize("logs_needed", [0, 1])
def test_cve_2026_24122_an_intermediate_that_ended(logs_needed):
    """Whether or not a log is asked for."""
    ended = sigstore.authority("sub", "root", sigstore.SUB, sigstore.CA, serial=2, end=NOW - (NOW - NOW.replace(hour=0)))
    root = sigstore.trusted_root()
    root["certificateAuthorities"] = [sigstore._authority(ended, sigstore.root())]

    assert Reason.BAD_CERTIFICATE is refusal(V2, sigstore.trust(changed=root, logs_needed=logs_needed))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"_type":"x"}', b'{"_type":1}'])
def test_cve_2026_39395_a_payload_that_cannot_be_read(body):
    """A good signature over no statement is no attestation."""
    raw = sigstore.KEY.sign(dsse.pae(MEDIA_TYPE, body), "sha256")
    envelope = dsse.Envelope(payload_type=MEDIA_TYPE, body=body, signatures=(Signature(key_id="", raw=raw),))
    trust = Trust(keys=(TrustedKey(key=sigstore.KEY.public),))

    refusal(bundles.Bundle(envelope=envelope, key_hint=""), trust, artifact=None)


def test_cve_2026_49834_one_log_counted_for_two():
    """Two entries of one log are one log."""
    body = sigstore.entry_body(
        ("hashedrekord", "0.0.1"), sigstore.record(dsse.pae(MEDIA_TYPE, V1.envelope.body), V1.signature, V1.certificates[0])
    )
    twice = replace(V1, entries=(*V1.entries, sigstore.logged("v1", body, ("hashedrekord", "0.0.1"))))

    assert attestation.prove_bundle(twice, sigstore.trust(), ARTIFACT)
    assert Reason.NOT_LOGGED is refusal(twice, sigstore.trust(logs_needed=2))


def test_cve_2020_6174_one_key_counted_for_two():
    """Two signatures of one key, with the key named twice, are one signer."""
    body = sealed.body()
    twice = sealed.envelope(body, OTHER, OTHER)
    trusted = tuple(TrustedKey(key=key.public) for key in (OTHER, OTHER, sigstore.KEY))
    both = sealed.envelope(body, OTHER, sigstore.KEY)

    assert len(attestation.prove(both, Trust(keys=trusted, keys_needed=2)).key_ids) == 2
    with pytest.raises(Untrusted) as raised:
        attestation.prove(twice, Trust(keys=trusted, keys_needed=2))

    assert Reason.BAD_SIGNATURE is raised.value.reason


def test_cve_2026_54787_a_key_outside_its_window():
    """A managed key with a window in the past signs nothing now."""
    past = Window(start=NOW - (NOW - NOW.replace(day=1)), end=NOW.replace(day=2))
    trust = Trust(keys=(TrustedKey(key=sigstore.KEY.public, window=past),), root=sigstore.read_root())

    assert Reason.BAD_SIGNATURE is refusal(sigstore.bundle(sigstore.KEY_FILE), trust)


def test_cve_2026_39984_a_clock_of_ones_own():
    """Embedded certificates make no clock, whoever issued them."""
    foreign = sigstore.certificate(sigstore.clock_asked(serial=44, key=OTHER))
    tick = Tick(key=OTHER, certificate=lambda: foreign, embedded=(lambda: foreign, sigstore.clock_root))

    assert Reason.BAD_TIMESTAMP is refusal(sigstore.bundle(replace(sigstore.V2_SEALED, ticks=(tick,))))


def test_sigstore_python_1247_a_time_that_no_log_promised():
    """And sigstore-rust TOB-3: an integrated time without promise is a number that anybody can write."""
    entry = replace(V1.entries[0], promise=b"")

    assert Reason.NO_PROVEN_TIME is refusal(replace(V1, entries=(entry,)))
    tiled = replace(V2.entries[0], integrated_s=int(NOW.timestamp()))
    assert Reason.NO_PROVEN_TIME is refusal(replace(V2, entries=(tiled,), timestamps=()))


def test_sigstore_rust_tob_4_each_time_is_checked():
    """Not only the first that fits."""
    late = Tick(moment="20231114230000Z")
    for ticks in ((Tick(), late), (late, Tick())):
        assert Reason.BAD_CERTIFICATE is refusal(sigstore.bundle(replace(sigstore.V2_SEALED, ticks=ticks)))


def test_sigstore_python_1652_a_digest_that_is_stated_but_not_true():
    """The file's own digest is taken."""
    bundle = sigstore.bundle(sigstore.V1_FILE)
    stated = replace(bundle, message=replace(bundle.message, digest=b"0" * 32))

    assert Reason.WRONG_DIGEST is refusal(stated)


@pytest.mark.parametrize("text", ["", "\n", "a\n1\n", "a\nx\nAAAA\n\n— a AAAA\n", "a\n7\n!\n\n— a AAAA\n", "\ud800\n7\n"])
def test_sigstore_python_1826_a_checkpoint_that_is_malformed(text):
    """The typed refusal, no other exception."""
    entry = V2.entries[0]

    assert Reason.BAD_CHECKPOINT is refusal(replace(V2, entries=(replace(entry, proof=replace(entry.proof, checkpoint=text)),)))


def test_sigstore_python_3_2_an_envelope_with_two_signatures():
    """A bundle has one; the second would be by nobody."""
    loaded = json.loads(bundles.write(V1))
    loaded["dsseEnvelope"]["signatures"] *= 2
    with pytest.raises(Permanent) as raised:
        bundles.read(json.dumps(loaded).encode())

    assert Reason.BAD_BUNDLE is raised.value.reason


def test_cve_2023_47122_a_log_that_vouches_for_itself():
    """And CVE-2024-51746: logs are those of the trusted root; nothing is searched for."""
    stranger = sigstore.bundle(replace(sigstore.V1_SEALED, log_key=OTHER))

    assert Reason.UNKNOWN_LOG is refusal(stranger)


def test_cve_2026_44309_what_is_verified_is_what_is_used():
    """The statement is parsed from the very bytes under the signature, and those are what is handed on."""
    verified = attestation.prove_bundle(V1, sigstore.trust(), ARTIFACT)

    assert V1.envelope.body == verified.payload.body
    twin = V1.envelope.body.replace(b'"_type"', b'"_type":"https://in-toto.io/Statement/v0.1","_type"')
    raw = sigstore.KEY.sign(dsse.pae(MEDIA_TYPE, twin), "sha256")
    with pytest.raises(Untrusted) as raised:
        attestation.prove(dsse.seal(MEDIA_TYPE, twin, [Signature(key_id="", raw=raw)]), (TrustedKey(key=sigstore.KEY.public),))
    assert Reason.REPEATED_KEY is raised.value.reason


def test_cve_2025_29778_a_name_that_is_like_another():
    """Patterns are for the whole name, and the issuer is asked too."""
    for identity in (
        {"name_pattern": "https://kubernetes[.]io", "issuer": sigstore.ISSUER},
        {"name_pattern": "serviceaccounts/builder$", "issuer": sigstore.ISSUER},
        {"name_pattern": ".*", "issuer": "https://other.test"},
        {"name": sigstore.NAME, "issuer_pattern": "https://other[.].*"},
    ):
        assert Reason.WRONG_IDENTITY is refusal(V1, sigstore.trust(identities=(TrustedIdentity(**identity),)))
    assert attestation.prove_bundle(
        V1, sigstore.trust(identities=(TrustedIdentity(name_pattern=".*/builder", issuer=sigstore.ISSUER),))
    )


def test_ghsa_r2xv_vpr2_42m9_a_signature_over_another_payload():
    """A payload beside the signature that was made over another one."""
    other = replace(V1, envelope=replace(V1.envelope, body=ELSE.envelope.body))

    assert Reason.BAD_SIGNATURE is refusal(other, artifact=b"else")


def test_cve_2024_45395_a_bundle_without_end():
    """A hundred thousand entries cost less than a second."""
    loaded = json.loads(bundles.write(V1))
    loaded["verificationMaterial"]["tlogEntries"] *= 10_000
    data = json.dumps(loaded).encode()
    begun = time.perf_counter()
    with pytest.raises(Permanent):
        bundles.read(data[: 40 << 20])

    assert time.perf_counter() - begun < 1


def test_cve_2025_66564_a_token_that_says_it_is_huge():
    """Lengths are compared with what is there before anything is made."""
    for token in (b"\x30\x84\xff\xff\xff\xff", b"\x30\x84\x7f\xff\xff\xff" + b"\0" * 100, b"\x06\x84\x7f\xff\xff\xff"):
        assert Reason.BAD_TIMESTAMP is refusal(replace(V2, timestamps=(token,)))


def test_cve_2026_32280_a_flood_of_intermediates():
    """Certificates that come with a signature are eight at most, wherever they come from."""
    flood = tuple(
        sigstore.authority("sub", "sub", sigstore.SUB, sigstore.SUB, serial=100 + n).public_bytes(sigstore.Encoding.DER)
        for n in range(30)
    )
    begun = time.perf_counter()
    assert attestation.prove_bundle(replace(V1, certificates=(V1.certificates[0], *flood)), sigstore.trust(), ARTIFACT)

    assert time.perf_counter() - begun < 1
    assert chain.CERTIFICATE_LIMIT == 8


def test_cve_2024_12401_a_certificate_in_a_megabyte_of_dashes():
    """PEM is read in linear time, and not at all above its limit."""
    begun = time.perf_counter()
    for data in (b"-" * (1 << 20), b"-----BEGIN " * 5_000, b"-----BEGIN A-----\n" * 3_000):
        with pytest.raises(Permanent):
            pem.first_block(data, "x")

    assert time.perf_counter() - begun < 0.5


def test_cve_2019_14859_a_signature_in_another_encoding():
    """And CVE-2022-29217: the algorithm is the key's, the encoding strict DER."""
    key = sigstore.KEY
    raw = key.sign(b"m", "sha256")
    long_form = raw[:1] + b"\x81" + raw[1:]
    padded = raw[:1] + bytes([raw[1] + 1]) + raw[2:3] + bytes([raw[3] + 1]) + b"\0" + raw[4:]
    for changed in (long_form, padded, raw + b"\0", raw[:-1], b"", b"0\6\2\1\0\2\1\0"):
        with pytest.raises(Untrusted):
            keys.verify(key.public, "sha256", b"m", changed)
