"""The ConfigMap and the receipt keys in our own namespace."""

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge.kube.client import Api
from sealwright.ports import Clock

CONFIG = "chains-config"
RING = "sealwright-receipts"
RETRY_S = 1.0
_SECRET_BYTES = 32


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Data(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    data: dict[str, str] | None = None


class _List(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    items: list[_Data] = []


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


async def follow_config(
    api: Api, clock: Clock, namespace: str, on_problem: Callable[[str, Fault], None]
) -> AsyncIterator[tuple[str, Mapping[str, str]]]:
    """(version, data) of `chains-config` now and after each change; without the ConfigMap, its data is empty."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    selector = {"fieldSelector": f"metadata.name={CONFIG}"}
    version = ""
    while True:
        began_s = clock.now_s()
        try:
            # A list, for its version: that of a ConfigMap which has not changed for long is too old to watch from.
            body = await api.get(path, **selector)
            listed = msgspec.json.decode(body or b"{}", type=_List)
            found = listed.items[0] if listed.items else _Data()
            if (found.metadata.resource_version or "none") != version:
                version = found.metadata.resource_version or "none"
                yield version, found.data or {}
            # Any event means: look again. A silent watch ends by itself, and then it is looked at again too.
            start = {"watch": "1", "timeoutSeconds": "300", "resourceVersion": listed.metadata.resource_version}
            async for line in api.lines(path, **selector, **start):
                if msgspec.json.decode(line, type=_Event).type != "BOOKMARK":
                    break
        except Fault as fault:
            on_problem(f"ConfigMap {CONFIG}", fault)
            await clock.sleep(getattr(fault, "after_s", None) or RETRY_S)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            on_problem(f"ConfigMap {CONFIG}", Permanent(Reason.INVALID_INPUT, str(error)))
        # A server that ends each watch at once must not be asked without a pause.
        await clock.sleep(max(0.0, began_s + RETRY_S - clock.now_s()))


async def receipt_ring(api: Api, namespace: str) -> Sequence[RingKey]:
    """The keys of our receipts, oldest first, made by whoever comes first.

    Kept in a Secret of our own namespace: data maps a key's id to 32 bytes. Ids sort by age.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    body = await api.get(f"{path}/{RING}")
    if body is None:
        fresh = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        made: dict[str, Any] = {"metadata": {"name": RING}, "type": "Opaque", "data": {"k1": fresh}}
        await api.send("POST", path, msgspec.json.encode(made))  # 409: another replica was first, and its key counts
        body = await api.get(f"{path}/{RING}")
    ring = _ring(body or b"{}")
    # A dot would end the id inside a receipt; with a short secret, others could write receipts.
    if not ring or any("." in key.id or len(key.secret) < _SECRET_BYTES for key in ring):
        wanted = f"keys of {_SECRET_BYTES} bytes with no dot in their names"
        raise Permanent(Reason.KEY_MISSING, f"Secret {RING} in namespace {namespace}: wanted {wanted}; delete it and start again")
    return ring


def _ring(body: bytes) -> Sequence[RingKey]:
    try:
        data = msgspec.json.decode(body, type=_Data).data or {}
        return [RingKey(id=name, secret=base64.b64decode(data[name])) for name in sorted(data)]
    except (ValueError, msgspec.MsgspecError):
        return []
