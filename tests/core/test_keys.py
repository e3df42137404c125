"""Keys: what is read, what is refused, and that each form signs what it verifies and nothing else."""

import base64
import hashlib
import json
import re
from contextlib import suppress
from functools import cache

import msgspec
import nacl.bindings
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    ssh_key_fingerprint,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealwright.core import keys, pem, sealedkey
from sealwright.core.errors import Permanent, Reason, Untrusted

ALGORITHMS = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"]
FORMS = ["sha256", "by-curve"]
SAME_IN_BOTH = {"ecdsa-p256", "rsa-2048"}
CURVES = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SALT, NONCE = bytes(32), bytes(24)


@cache
def key(algorithm: str) -> keys.PrivateKey:
    """The same key in every test of this file."""
    if algorithm == "ed25519":
        return keys.private_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    if algorithm == "rsa-2048":
        return keys.private_key(rsa.generate_private_key(65537, 2048))
    return keys.private_key(ec.derive_private_key(0xC0FFEE, CURVES[algorithm]))


@cache
def boxed() -> bytes:
    """One sealed key for all tests: each scrypt takes 0.2 s."""
    return keys.seal_private(key("ed25519"), b"pass word\n", SALT, NONCE)


def refusal(read, *arguments) -> Permanent:
    with pytest.raises(Permanent) as refused:
        read(*arguments)
    assert len(refused.value.message) < 600
    return refused.value


def public_pem(material, form=PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return material.public_bytes(Encoding.PEM, form)


def private_pem(material, form=PrivateFormat.PKCS8, encryption=None) -> bytes:
    return material.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


# --- key ids ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_id_is_the_openssh_fingerprint(algorithm):
    """As `ssh-keygen -l -E sha256` shows it, and as Chains writes it."""
    digest = ssh_key_fingerprint(key(algorithm).public.material, hashes.SHA256())

    assert "SHA256:" + base64.b64encode(digest).decode().rstrip("=") == key(algorithm).public.key_id
    assert algorithm == key(algorithm).public.algorithm


def test_a_key_id_covers_the_ssh_wire_form():
    """RFC 8709: the string `ssh-ed25519` and the string of 32 bytes, hashed."""
    point = key("ed25519").public.material.public_bytes_raw()
    wire = b"\x00\x00\x00\x0bssh-ed25519" + b"\x00\x00\x00\x20" + point
    fingerprint = base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")

    assert "SHA256:" + fingerprint == key("ed25519").public.key_id


# --- signing and verifying ---


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_it_verifies(algorithm, form):
    """Each algorithm in each form, and twice the same bytes (design D11)."""
    signature = key(algorithm).sign(b"message", form)
    keys.verify(key(algorithm).public, form, b"message", signature)

    assert signature == key(algorithm).sign(b"message", form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_forms_differ_where_cosign_and_chains_do(algorithm, form):
    """P-384, P-521 and Ed25519 of one form are refused in the other; P-256 and RSA are the same in both."""
    other = next(each for each in FORMS if each != form)
    signature = key(algorithm).sign(b"message", form)
    if algorithm in SAME_IN_BOTH:
        keys.verify(key(algorithm).public, other, b"message", signature)
        return
    with pytest.raises(Untrusted) as refused:
        keys.verify(key(algorithm).public, other, b"message", signature)

    assert refused.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_changed_signature_verifies(algorithm, form):
    """Each byte changed, cut, longer, empty, or over another message: refused as untrusted."""
    signature = key(algorithm).sign(b"message", form)
    changed = [signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :] for at in range(len(signature))]
    for wrong in [*changed, b"", signature[:-1], signature + b"\x00", b"\x00" + signature, bytes(len(signature))]:
        with pytest.raises(Untrusted):
            keys.verify(key(algorithm).public, form, b"message", wrong)
    with pytest.raises(Untrusted):
        keys.verify(key(algorithm).public, form, b"messagf", signature)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("signer", ALGORITHMS)
@pytest.mark.parametrize("verifier", ALGORITHMS)
def test_no_key_verifies_for_another(signer, verifier, form):
    """A signature is refused under every other algorithm's key (threat T13)."""
    if signer == verifier:
        return
    with pytest.raises(Untrusted):
        keys.verify(key(verifier).public, form, b"message", key(signer).sign(b"message", form))


def der_signature(r: bytes, s: bytes) -> bytes:
    body = b"\x02" + bytes([len(r)]) + r + b"\x02" + bytes([len(s)]) + s
    return b"\x30" + bytes([len(body)]) + body


def integer(number: int) -> bytes:
    return number.to_bytes((number.bit_length() // 8) + 1)


R, S = decode_dss_signature(
    ec.derive_private_key(0xC0FFEE, CURVES["ecdsa-p256"]).sign(b"message", ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
)
GOOD = encode_dss_signature(R, S)
NOT_DER = {
    "r is zero": encode_dss_signature(0, S),
    "s is zero": encode_dss_signature(R, 0),
    "both are zero": encode_dss_signature(0, 0),
    "r is the order": encode_dss_signature(ORDER_P256, S),
    "s is the order": encode_dss_signature(R, ORDER_P256),
    "r plus the order": encode_dss_signature(R + ORDER_P256, S),
    "s plus the order": encode_dss_signature(R, S + ORDER_P256),
    "r is negative": der_signature(b"\x80" + integer(R)[-31:], integer(S)),
    "r has a needless zero": der_signature(b"\x00\x00" + integer(R), integer(S)),
    "huge numbers": encode_dss_signature(1 << 4000, 1 << 4000),
    "BER: indefinite length": b"\x30\x80" + GOOD[2:] + b"\x00\x00",
    "BER: length in two bytes": b"\x30\x81" + GOOD[1:],
    "bytes after the sequence": GOOD + b"\x00",
    "a third number": b"\x30" + bytes([GOOD[1] + 3]) + GOOD[2:] + b"\x02\x01\x01",
    "raw r and s": R.to_bytes(32) + S.to_bytes(32),
}


@pytest.mark.parametrize("row", NOT_DER)
def test_an_ecdsa_signature_is_strict_der(row):
    """Anything but the one encoding of two numbers below the order is refused (bad inputs B7)."""
    keys.verify(key("ecdsa-p256").public, "sha256", b"message", GOOD)
    with pytest.raises(Untrusted):
        keys.verify(key("ecdsa-p256").public, "sha256", b"message", NOT_DER[row])


def test_a_high_s_is_accepted():
    """n - s verifies too, as in cosign and OpenSSL: signatures do not identify, keys do."""
    keys.verify(key("ecdsa-p256").public, "sha256", b"message", encode_dss_signature(R, ORDER_P256 - S))


def test_p256_signing_is_rfc_6979():
    """RFC 6979, A.2.5: curve P-256, SHA-256, message `sample`."""
    scalar = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    signature = keys.private_key(ec.derive_private_key(scalar, ec.SECP256R1())).sign(b"sample", "sha256")

    assert decode_dss_signature(signature) == (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )


def test_by_curve_ed25519_is_ed25519ph():
    """RFC 8032, 7.3: the message `abc`."""
    secret = bytes.fromhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
    expected = "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    signer = keys.private_key(ed25519.Ed25519PrivateKey.from_private_bytes(secret))

    assert expected == signer.sign(b"abc", "by-curve").hex()


# --- public keys ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_comes_back(algorithm):
    """What `pem` writes, `load_public` reads; text around the first block and line ends do not matter."""
    public = key(algorithm).public
    around = b"a comment\n" + public.pem.replace(b"\n", b"\r\n") + b"\n-----BEGIN PUBLIC KEY-----\nignored"

    assert public == keys.load_public(public.pem) == keys.load_public(around)


def test_pkcs1_public_keys_are_read():
    """`RSA PUBLIC KEY` is the same key, with the same id and SPKI."""
    public = key("rsa-2048").public

    assert public == keys.load_public(public_pem(public.material, PublicFormat.PKCS1))


def rsa_public(bits: int, exponent: int) -> bytes:
    return public_pem(rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) + 0x10001).public_key())


def small_order() -> bytes:
    return public_pem(ed25519.Ed25519PublicKey.from_public_bytes(b"\x01" + bytes(31)))


P256_DER = key("ecdsa-p256").public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def spki(body: bytes) -> bytes:
    return pem.write(pem.Block(label="PUBLIC KEY", body=body))


REFUSED_PUBLIC = {
    "P-224": (public_pem(ec.derive_private_key(7, ec.SECP224R1()).public_key()), Reason.KEY_UNUSABLE),
    "secp256k1": (public_pem(ec.derive_private_key(7, ec.SECP256K1()).public_key()), Reason.KEY_UNUSABLE),
    "RSA of 1024 bits": (rsa_public(1024, 65537), Reason.KEY_UNUSABLE),
    "RSA of 2047 bits": (rsa_public(2047, 65537), Reason.KEY_UNUSABLE),
    "RSA of 16384 bits": (rsa_public(16384, 65537), Reason.KEY_UNUSABLE),
    "RSA with a huge exponent": (rsa_public(2048, (1 << 64) + 1), Reason.KEY_UNUSABLE),
    "Ed448": (public_pem(ed448.Ed448PrivateKey.generate().public_key()), Reason.KEY_UNUSABLE),
    "X25519": (public_pem(x25519.X25519PrivateKey.generate().public_key()), Reason.KEY_UNUSABLE),
    "an Ed25519 point of small order": (small_order(), Reason.KEY_UNUSABLE),
    "a point that is not on its curve": (spki(P256_DER[:-1] + bytes([P256_DER[-1] ^ 1])), Reason.KEY_UNUSABLE),
    "bytes after the key": (spki(P256_DER + b"\x00"), Reason.KEY_UNUSABLE),
    "X448 of a wrong length": (spki(bytes.fromhex("302a300506032b656f032100") + bytes(range(32))), Reason.KEY_UNUSABLE),
    "half a key": (spki(P256_DER[:40]), Reason.KEY_UNUSABLE),
    "an empty block": (b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", Reason.KEY_UNUSABLE),
    "a private key": (private_pem(key("ed25519").material), Reason.KEY_UNUSABLE),
    "a certificate first": (
        pem.write(pem.Block(label="CERTIFICATE", body=b"x")) + key("ed25519").public.pem,
        Reason.KEY_UNUSABLE,
    ),
    "a label in lower case": (key("ed25519").public.pem.replace(b"PUBLIC", b"public"), Reason.KEY_UNUSABLE),
    "another label at the end": (
        key("ed25519").public.pem.replace(b"END PUBLIC", b"END PRIVATE"),
        Reason.INVALID_INPUT,
    ),
    "no end": (key("ed25519").public.pem[:-10], Reason.INVALID_INPUT),
    "no base64": (b"-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n", Reason.INVALID_INPUT),
    "URL-safe base64": (b"-----BEGIN PUBLIC KEY-----\n-_8=\n-----END PUBLIC KEY-----\n", Reason.INVALID_INPUT),
    "headers": (
        b"-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\nMQ==\n-----END PUBLIC KEY-----\n",
        Reason.INVALID_INPUT,
    ),
    "a label that is no text": (b"-----BEGIN \xff\x00-----\n-----END \xff\x00-----\n", Reason.INVALID_INPUT),
    "DER": (P256_DER, Reason.INVALID_INPUT),
    "nothing": (b"", Reason.INVALID_INPUT),
    "64 KiB of dashes": (b"-" * (64 << 10), Reason.INVALID_INPUT),
    "1 MiB of dashes": (b"-" * (1 << 20), Reason.TOO_LARGE),
    "begins without end": (b"-----BEGIN PUBLIC KEY-----\n" * 2000, Reason.INVALID_INPUT),
}


@pytest.mark.parametrize("row", REFUSED_PUBLIC)
def test_only_keys_of_the_allow_list_are_read(row):
    """Each other curve, size, label or encoding is refused with its reason (threat T13, bad inputs B7)."""
    data, reason = REFUSED_PUBLIC[row]

    assert reason is refusal(keys.load_public, data).reason


PEM_LIKE = st.lists(
    st.sampled_from(
        [
            b"-----BEGIN ",
            b"-----END ",
            b"PUBLIC KEY",
            b"PRIVATE KEY",
            b"RSA PUBLIC KEY",
            b"-----",
            b"\n",
            b"MQ==",
            b": ",
        ]
    )
    | st.binary(max_size=12),
    max_size=14,
).map(b"".join)


@given(PEM_LIKE)
@example(b"-----BEGIN -----\n-----END -----")
@example(b"-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----")
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_a_key_or_refused(data):
    """Hostile PEM ends in a fault with a reason, never in another exception."""
    with suppress(Permanent):
        keys.load_public(data)
    with suppress(Permanent):
        keys.load_private(data, b"")


@given(
    st.sampled_from(["ecdsa-p256", "ecdsa-p521", "ed25519", "rsa-2048"]),
    st.integers(0, 400),
    st.binary(min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=100)
def test_damaged_der_is_a_key_or_refused(algorithm, at, patch):
    """Changed bytes within a key: another key that can be used, or a fault."""
    whole = pem.first_block(key(algorithm).public.pem, "key").body
    at %= len(whole)
    with suppress(Permanent):
        damaged = keys.load_public(spki(whole[:at] + patch + whole[at + len(patch) :]))
        with pytest.raises(Untrusted):
            keys.verify(damaged, "sha256", b"message", b"\x01" * 64)


@given(st.text("ABC +-", max_size=9).filter(lambda label: label == label.strip()), st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_what_is_written_as_pem_is_read(label, body):
    """Any label and body survive."""
    block = pem.Block(label=label, body=body)

    assert block == pem.first_block(pem.write(block), "block")


# --- private keys ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_private_key_comes_back_from_pkcs8(algorithm):
    """`PRIVATE KEY`, as Chains' `x509.pem` wants it; a password is not asked for and not used."""
    text = private_pem(key(algorithm).material)

    assert key(algorithm).public == keys.load_private(text, None).public == keys.load_private(text, b"any").public


@pytest.mark.parametrize(("algorithm", "label"), [("ecdsa-p256", "EC PRIVATE KEY"), ("rsa-2048", "RSA PRIVATE KEY")])
def test_a_private_key_comes_back_from_its_older_form(algorithm, label):
    """SEC 1 and PKCS#1."""
    text = private_pem(key(algorithm).material, PrivateFormat.TraditionalOpenSSL)

    assert label.encode() in text
    assert key(algorithm).public == keys.load_private(text, None).public


def test_a_pkcs8_key_opens_with_its_password_only():
    """`ENCRYPTED PRIVATE KEY`: the right password, a wrong one, none."""
    text = private_pem(key("ecdsa-p384").material, encryption=BestAvailableEncryption(b"right"))

    assert key("ecdsa-p384").public == keys.load_private(text, b"right").public
    assert refusal(keys.load_private, text, b"wrong").reason is Reason.WRONG_PASSWORD
    assert refusal(keys.load_private, text, b"").reason is Reason.WRONG_PASSWORD
    assert refusal(keys.load_private, text, None).reason is Reason.WRONG_PASSWORD


def test_a_sealed_key_opens_with_its_password_only():
    """cosign's box, under both of its names; the password is used verbatim, its line break too."""
    cosign = boxed().replace(b"SIGSTORE", b"COSIGN")

    assert key("ed25519").public == keys.load_private(boxed(), b"pass word\n").public
    assert key("ed25519").public == keys.load_private(cosign, b"pass word\n").public
    assert refusal(keys.load_private, boxed(), b"pass word").reason is Reason.WRONG_PASSWORD
    assert refusal(keys.load_private, boxed(), None).reason is Reason.WRONG_PASSWORD


def test_sealing_has_no_chance_in_it():
    """Salt and nonce are arguments: the same ones give the same bytes, in cosign's order of keys."""
    body = pem.first_block(boxed(), "key").body

    assert boxed() == keys.seal_private(key("ed25519"), b"pass word\n", SALT, NONCE)
    assert re.match(
        rb'\{"kdf":\{"name":"scrypt","params":\{"N":65536,"r":8,"p":1\},"salt":"A{43}="\},'
        rb'"cipher":\{"name":"nacl/secretbox","nonce":"A{32}"\},"ciphertext":"[A-Za-z0-9+/]+=*"\}$',
        body,
    )


@pytest.mark.parametrize(("salt", "nonce"), [(b"", NONCE), (SALT, b""), (SALT[1:], NONCE)])
def test_sealing_wants_all_of_its_chance(salt, nonce):
    """A short salt or nonce is a bug of the caller."""
    with pytest.raises(ValueError, match="salt of 32"):
        keys.seal_private(key("ed25519"), b"", salt, nonce)


def box_with(**changes) -> bytes:
    """The sealed key with other parts: `kdf__params__N=1` changes that one."""
    loaded = json.loads(pem.first_block(boxed(), "key").body)
    for path, new in changes.items():
        *outer, last = path.split("__")
        place = loaded
        for name in outer:
            place = place[name]
        place[last] = new
    return pem.write(pem.Block(label=sealedkey.LABELS[0], body=json.dumps(loaded).encode()))


BAD_BOXES = {
    "a memory bomb of 1 TiB": {"kdf__params__N": 1 << 30},
    "twice the most that cosign reads": {"kdf__params__N": 1 << 18},
    "next to no work": {"kdf__params__N": 2},
    "N that is no power of two": {"kdf__params__N": 65537},
    "N below zero": {"kdf__params__N": -65536},
    "N that fits no machine word": {"kdf__params__N": 1 << 80},
    "N that is a text": {"kdf__params__N": "65536"},
    "N that is no whole number": {"kdf__params__N": 65536.5},
    "wide blocks": {"kdf__params__r": 1 << 20},
    "many lanes": {"kdf__params__p": 1 << 20},
    "another derivation": {"kdf__name": "pbkdf2"},
    "another cipher": {"cipher__name": "none"},
    "a short nonce": {"cipher__nonce": "AAAA"},
    "a nonce that is not base64": {"cipher__nonce": "!" * 32},
    "a ciphertext without a tag": {"ciphertext": "AAAA"},
    "no parameters": {"kdf": {}},
    "parameters that are null": {"kdf": None},
}


@pytest.mark.parametrize("row", BAD_BOXES)
def test_a_box_may_not_choose_its_cost(row):
    """Only cosign's own parameters are tried; anything else is refused before any work."""

    assert refusal(keys.load_private, box_with(**BAD_BOXES[row]), b"pass word\n").reason is Reason.KEY_UNUSABLE


def test_a_box_with_a_key_twice_is_refused():
    """Two readers of such a file could open two different keys."""
    body = pem.first_block(boxed(), "key").body.replace(b'"cipher":', b'"cipher":{},"cipher":')
    text = pem.write(pem.Block(label=sealedkey.LABELS[0], body=body))

    assert refusal(keys.load_private, text, b"").reason is Reason.REPEATED_KEY


def test_what_is_in_a_box_must_be_an_accepted_key():
    """The allow-list holds inside a box too, and rubbish in a box is a fault."""
    weak = rsa.generate_private_key(65537, 1024).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for inside in (weak, b"rubbish"):
        text = sealedkey.seal(inside, b"", SALT, NONCE)

        assert refusal(keys.load_private, text, b"").reason is Reason.KEY_UNUSABLE


# PBES2 (RFC 8018) by hand, to ask for any cost.
def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])
    return bytes([tag]) + length + body


def encrypted_block(body: bytes) -> bytes:
    return pem.write(pem.Block(label="ENCRYPTED PRIVATE KEY", body=body))


def pkcs8(scheme: str, kdf: str, *cost: int) -> bytes:
    oids = {
        "pbes2": "2a864886f70d01050d",
        "pbkdf2": "2a864886f70d01050c",
        "scrypt": "2b06010401da47040b",
        "aes": "60864801650304012a",
    }

    def oid(word: str) -> bytes:
        return der(6, bytes.fromhex(oids[word]))

    derivation = der(0x30, oid(kdf), der(0x30, der(4, bytes(8)), *(der(2, integer(each)) for each in cost)))
    cipher = der(0x30, oid("aes"), der(4, bytes(16)))
    body = der(0x30, der(0x30, oid(scheme), der(0x30, derivation, cipher)), der(4, bytes(64)))
    return encrypted_block(body)


def test_an_honest_pkcs8_file_is_tried():
    """The cases below are refused for their cost alone: with a small one, only the password is wrong."""

    assert refusal(keys.load_private, pkcs8("pbes2", "pbkdf2", 1000), b"x").reason is Reason.WRONG_PASSWORD
    assert refusal(keys.load_private, pkcs8("pbes2", "scrypt", 1 << 10, 8, 1), b"x").reason is Reason.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(pkcs8("pbes2", "pbkdf2", 10_000_001), "asks for more", id="more rounds than ten million"),
        pytest.param(pkcs8("pbes2", "pbkdf2", 1 << 62), "asks for more", id="rounds for ever"),
        pytest.param(pkcs8("pbes2", "pbkdf2", 0), "asks for more", id="no rounds"),
        pytest.param(pkcs8("pbes2", "scrypt", 1 << 24, 8, 1), "asks for more", id="scrypt with 16 GiB"),
        pytest.param(pkcs8("pbes2", "scrypt", 1 << 10, 8, 1 << 20), "asks for more", id="a million lanes of scrypt"),
        pytest.param(pkcs8("pbes2", "scrypt", 1 << 10, 0, 1), "asks for more", id="scrypt without blocks"),
        pytest.param(pkcs8("pbes2", "aes", 1), "wanted PBES2", id="another derivation"),
        pytest.param(pkcs8("pbkdf2", "pbkdf2", 1), "wanted PBES2", id="another scheme"),
        pytest.param(encrypted_block(b"\x30\x84\xff\xff\xff\xff"), "wanted PBES2", id="rubbish"),
    ],
)
def test_a_pkcs8_file_may_not_choose_its_cost(text, complaint):
    """Rounds, memory and lanes are bounded before any work."""
    refused = refusal(keys.load_private, text, b"x")

    assert refused.reason is Reason.KEY_UNUSABLE
    assert complaint in refused.message


REFUSED_PRIVATE = {
    "a public key": (key("ed25519").public.pem, Reason.KEY_UNUSABLE),
    "P-224": (private_pem(ec.derive_private_key(7, ec.SECP224R1())), Reason.KEY_UNUSABLE),
    "Ed448": (private_pem(ed448.Ed448PrivateKey.generate()), Reason.KEY_UNUSABLE),
    "X25519": (private_pem(x25519.X25519PrivateKey.generate()), Reason.KEY_UNUSABLE),
    "X448 of a wrong length": (
        pem.write(pem.Block(label="PRIVATE KEY", body=bytes.fromhex("302e020100300506032b656f04220420") + bytes(range(32)))),
        Reason.KEY_UNUSABLE,
    ),
    "OpenSSH's own format": (private_pem(key("ed25519").material, PrivateFormat.OpenSSH), Reason.KEY_UNUSABLE),
    "curve parameters first": (
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + private_pem(key("ecdsa-p256").material),
        Reason.KEY_UNUSABLE,
    ),
    "an encrypted key under the plain label": (
        private_pem(key("ed25519").material, encryption=BestAvailableEncryption(b"x")).replace(b"ENCRYPTED ", b""),
        Reason.KEY_UNUSABLE,
    ),
    "OpenSSL's old encryption": (
        private_pem(key("ecdsa-p256").material, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")),
        Reason.INVALID_INPUT,
    ),
}


@pytest.mark.parametrize("row", REFUSED_PRIVATE)
def test_only_private_keys_of_the_allow_list_are_read(row):
    """Each other kind, label or encoding is refused with its reason."""
    data, reason = REFUSED_PRIVATE[row]

    assert reason is refusal(keys.load_private, data, None).reason


def test_no_secret_shows():
    """Neither a key's own words nor a block's hold its secret part."""
    seed = bytes(range(32))
    shown = repr(key("ed25519")) + repr(pem.first_block(private_pem(key("ed25519").material), "key"))

    assert key("ed25519").public.key_id in shown
    assert not any(text in shown for text in (seed.hex(), repr(seed), base64.b64encode(seed).decode()[:20], "\\x04\\x05"))


def test_small_order_keys_would_verify_anything():
    """Why they are refused: under the neutral point, one signature fits every message."""
    neutral = b"\x01" + bytes(31)
    forged = neutral + bytes(32)
    ed25519.Ed25519PublicKey.from_public_bytes(neutral).verify(forged, b"any message")

    assert not nacl.bindings.crypto_core_ed25519_is_valid_point(neutral)


def test_the_order_of_keys_in_a_box_does_not_matter():
    """JSON objects have no order; other writers sort."""
    body = msgspec.json.encode(json.loads(pem.first_block(boxed(), "key").body), order="sorted")
    text = pem.write(pem.Block(label=sealedkey.LABELS[0], body=body))

    assert key("ed25519").public == keys.load_private(text, b"pass word\n").public
