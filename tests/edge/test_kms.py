"""Keys of other kinds in services, and references that name no key."""

import pytest
from fakes import keyservices, signers

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.edge.signers import kms

# The hash that goes with P-384: the services bind it to the curve, Vault takes SHA-256.
FORMS = {"awskms": "by-curve", "azurekms": "by-curve", "gcpkms": "by-curve", "hashivault": "sha256"}


@pytest.mark.parametrize("algorithm", ["ecdsa-p384", "rsa-2048"])
@pytest.mark.parametrize("word", FORMS)
async def test_other_kinds_of_key_sign_in_the_form_that_is_told(tmp_path, word, algorithm):
    """And verify in it."""
    key = signers.key(algorithm)
    async with keyservices.OPEN[word](tmp_path, keyservices.Keeper(versions=[key])) as signer:
        signature = await signer.sign(b"message")
        trusted = signer.held.trusted
    keys.verify(key.public, trusted.form, b"message", signature.raw)

    assert trusted.form == FORMS[word]


@pytest.mark.parametrize(("word", "label"), [("awskms", "RSASSA_PSS_SHA_256"), ("gcpkms", "RSA_SIGN_PSS_2048_SHA256")])
async def test_a_key_for_another_kind_of_signature_is_refused_by_name(tmp_path, word, label):
    """Before anything is signed with it."""
    with pytest.raises(Permanent, match=label) as refused:
        async with keyservices.OPEN[word](tmp_path, keyservices.Keeper(mislabelled=label)):
            pass

    assert refused.value.reason is Reason.KEY_UNUSABLE


REFERENCES = [
    "",
    "awskms://",
    "awskms:///",
    "awskms:alias/x",
    "gcpkms://projects/p/locations/l/keyRings/r",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/latest",
    "azurekms://vault.test",
    "azurekms://vault.test/key/version/more",
    "azurekms://user@vault.test/key",
    "hashivault://",
    "hashivault://../sys/seal",
    "hashivault://k?namespace=other",
    "pkcs11:object=k",
    "pkcs11:object=k?module-path=relative.so",
    "pkcs11:token=t?module-path=/lib/x.so",
    "file:///etc/passwd",
    "AWSKMS:///k",
]


@pytest.mark.parametrize("reference", REFERENCES)
async def test_a_reference_that_names_no_key_is_refused_before_anybody_is_asked(reference):
    """Exact to its end: what is left over would be a path on somebody's server."""
    with pytest.raises(Permanent) as refused:
        await kms.open({"kmsref": reference, "auth.address": "http://127.0.0.1:1"}, signers.tools())

    assert refused.value.reason is Reason.INVALID_CONFIG
