"""The SPIFFE Workload API: who this workload is, by a socket. One client for as long as it is used (T43), calls in threads."""

from typing import Any

from sealwright.core.errors import Fault, quote
from sealwright.edge.signing import CALLS, denied, library, unavailable
from sealwright.edge.threads import Threads

_CALL_S = 20.0
_ADVICE = "is the agent's socket mounted, and is there a registration entry for this pod?"


class Workload:
    """`socket` is `unix:///path`, or the path alone."""

    def __init__(self, socket: str) -> None:
        self._socket = socket if "://" in socket else f"unix://{socket}"
        self.where = f"SPIFFE Workload API {quote(self._socket)}"
        self._threads = Threads(self.where, 2 * CALLS)
        self._client: Any = None

    async def jwt(self, audience: str) -> str:
        """A JWT-SVID for this audience. Raises Transient(UNAVAILABLE), Permanent(KEY_DENIED, INVALID_CONFIG)."""
        return str((await self._ask("fetch_jwt_svid", {audience})).token)

    async def x509(self) -> Any:
        """The X509-SVID, as `spiffe.X509Svid`: verified to be one, and its key to fit. Raises as `jwt`."""
        return await self._ask("fetch_x509_svid")

    async def close(self) -> None:
        """Let the socket go."""
        if self._client:
            await self._threads.run(self._client.close)

    async def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return await self._threads.run(self._call, method, *arguments)
        except Fault:
            raise
        except ImportError as error:
            raise library(self.where, "spiffe", error) from error
        except Exception as error:  # that library has no common class: gRPC's errors come through it
            raise self._fault(error) from error

    def _call(self, method: str, *arguments: Any) -> Any:
        from spiffe import WorkloadApiClient  # noqa: PLC0415  an extra

        if not self._client:
            self._client = WorkloadApiClient(self._socket, default_timeout=_CALL_S)
        return getattr(self._client, method)(*arguments)

    def _fault(self, error: Exception) -> Fault:
        said = str(error)
        if "PERMISSION_DENIED" in said or "no identity issued" in said:
            return denied(self.where, quote(said), _ADVICE)
        return unavailable(self.where, f"{quote(said)}; {_ADVICE}")
