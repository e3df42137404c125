"""A private Sigstore's trusted root from a TUF repository on loopback: followed when it is sound, refused when it is not."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from fakes.fulcio import Fulcio
from fakes.keyservices import serving
from fakes.signers import key as private_key

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge import trustroots

pytestmark = pytest.mark.e2e


def repository(target: bytes, signer_number: int = 800, expires_days: int = 30) -> dict[str, bytes]:
    """Files of a repository with one key and one target."""
    from securesystemslib.signer import CryptoSigner, SSlibKey  # noqa: PLC0415
    from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp  # noqa: PLC0415

    material = private_key("ecdsa-p256", signer_number).material
    signer = CryptoSigner(material, SSlibKey.from_crypto(material.public_key()))
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=expires_days)  # noqa: TID251  TUF looks at the real clock
    root = Root(expires=expires, consistent_snapshot=False)
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(signer.public_key, role)
    found = {"trusted_root.json": TargetFile.from_data("trusted_root.json", target)}
    parts = {"root": root, "timestamp": Timestamp(expires=expires), "snapshot": Snapshot(expires=expires)}
    parts["targets"] = Targets(expires=expires, targets=found)
    files = {"targets/trusted_root.json": target}
    for role, signed in parts.items():
        metadata = Metadata(signed)
        metadata.sign(signer)
        files[f"{role}.json"] = metadata.to_bytes()
    return files


@pytest.fixture
async def mirror():
    """Files that a test may change, and where they are served."""
    files = repository(Fulcio(lambda: 1e9).trusted_root())

    async def answer(request):
        body = files.get(request.path.removeprefix("/"))
        return web.Response(status=404) if body is None else web.Response(body=body)

    async with serving(answer) as address:
        yield files, {"tuf.mirror.url": f"http://{address}/"}


async def test_the_trusted_root_of_a_repository_is_followed(mirror, tmp_path):
    """From the root that one has, or from the one that it serves, as Chains does."""
    files, settings = mirror
    (tmp_path / "root.json").write_bytes(files["root.json"])
    for more in ({}, {"tuf.root": str(tmp_path / "root.json")}):
        found = await trustroots.find(settings | more)
        assert len(found.authorities) == len(found.certificate_logs) == 1


async def test_a_repository_by_another_key_is_refused(mirror, tmp_path):
    """With a root of one's own, whoever answers at the address cannot bring another."""
    _, settings = mirror
    (tmp_path / "root.json").write_bytes(repository(b"x", signer_number=801)["root.json"])
    with pytest.raises(Permanent, match="is not believed") as refused:
        await trustroots.find(settings | {"tuf.root": str(tmp_path / "root.json")})

    assert refused.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("what", ["a byte of the target", "a byte of the metadata", "expired"])
async def test_a_repository_that_is_not_sound_is_refused(mirror, what):
    files, settings = mirror
    if what == "expired":
        files.update(repository(files["targets/trusted_root.json"], expires_days=-1))
    name = "targets/trusted_root.json" if "target" in what else "snapshot.json"
    if what != "expired":
        files[name] = files[name].replace(b'"', b"'", 1)
    with pytest.raises(Permanent):
        await trustroots.find(settings)


async def test_a_repository_that_does_not_answer_is_waited_for():
    with pytest.raises(Transient):
        await trustroots.find({"tuf.mirror.url": "http://127.0.0.1:1"})
