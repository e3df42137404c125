"""Who a run is at a registry: the logins in the Secrets that its ServiceAccount lists, and nothing of ours (T17).

`imagePullSecrets` are not read, as in Tekton Chains: those pull. Kept for a minute, so that a burst of runs reads once.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import value
from sealwright.core.registry import logins
from sealwright.core.registry.logins import Login, Owner
from sealwright.edge.kube.client import Api
from sealwright.ports import Clock

T = TypeVar("T")

KEPT_S = 60.0
OWNERS_KEPT = 1024
SECRETS_LIMIT = 16

# What the API server takes as a name (RFC 1123): `../secrets/x` must not become a path.
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


class Logins(Protocol):
    """Where logins come from."""

    async def find(self, owner: Owner | None, registry: str, repository: str) -> Login | None:
        """The login for this repository; None where there is none. Raises Transient where that cannot be told."""

    def forget(self, owner: Owner | None) -> None:
        """A registry refused this owner: what is kept may be old."""


class _Reference(msgspec.Struct):
    name: str = ""


class _ServiceAccount(msgspec.Struct):
    secrets: list[_Reference] = []


class _Secret(msgspec.Struct):
    type: str = ""
    data: dict[str, str] = {}


@value
class _Kept:
    until_s: float
    logins: Sequence[Login]


class NoLogins:
    """Nobody: for a folder, and for public registries."""

    async def find(self, owner: Owner | None, registry: str, repository: str) -> Login | None:  # noqa: ARG002
        return None

    def forget(self, owner: Owner | None) -> None:
        """Nothing is kept."""


class ServiceAccountLogins:
    """`Logins` over the API server."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._kept: OrderedDict[Owner, _Kept] = OrderedDict()
        self._turns: dict[Owner, asyncio.Lock] = {}

    async def find(self, owner: Owner | None, registry: str, repository: str) -> Login | None:
        return logins.choose(await self._of(owner), registry, repository) if owner else None

    def forget(self, owner: Owner | None) -> None:
        """Whoever mends a Secret need not wait for a minute."""
        if owner:
            self._kept.pop(owner, None)

    async def _of(self, owner: Owner) -> Sequence[Login]:
        """All its logins; those who ask at the same time wait for one reading."""
        async with self._turns.setdefault(owner, asyncio.Lock()):
            kept = self._kept.get(owner)
            if kept is None or kept.until_s <= self._clock.now_s():
                kept = _Kept(until_s=self._clock.now_s() + KEPT_S, logins=await self._read(owner))
                self._keep(owner, kept)
            return kept.logins

    def _keep(self, owner: Owner, kept: _Kept) -> None:
        self._kept[owner] = kept
        self._kept.move_to_end(owner)
        while len(self._kept) > OWNERS_KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._turns.pop(gone, None)

    async def _read(self, owner: Owner) -> Sequence[Login]:
        if not (_NAME.fullmatch(owner.namespace) and _NAME.fullmatch(owner.service_account)):
            return ()
        path = f"/api/v1/namespaces/{owner.namespace}"
        account = await self._get(f"{path}/serviceaccounts/{owner.service_account}", _ServiceAccount)
        names = [each.name for each in account.secrets if _NAME.fullmatch(each.name)] if account else []
        read = [(name, await self._get(f"{path}/secrets/{name}", _Secret)) for name in names[:SECRETS_LIMIT]]
        return logins.secrets_of([(_told(owner, name), found.type, found.data) for name, found in read if found])

    async def _get(self, path: str, type_: type[T]) -> T | None:
        try:
            body = await self._api.get(path)
        except Transient as fault:
            advice = (
                "the controller needs the right to get the run's ServiceAccount and its Secrets (deploy/README.md, registries)"
            )
            raise Transient(fault.reason, f"{fault.message}; {advice}", fault.after_s) from fault
        try:
            return msgspec.json.decode(body, type=type_) if body is not None else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Permanent(Reason.INVALID_INPUT, f"{path}: the API server's answer cannot be read") from error


def _told(owner: Owner, name: str) -> str:
    return f"Secret {owner.namespace}/{name}"
