"""Buckets of object stores, by way of obstore: Amazon S3, Google Cloud Storage and Azure Blob speak one language here.

Writes carry the precondition that nothing is there, so that two writers cannot replace each other's objects.
"""

from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.edge.records import NAMES_LIMIT, PART_LIMIT

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

# One request; the flow tries again later, so the library hardly does.
_CALL_S, _CONNECT_S, _RETRIES = 20, 5, 1


class ObjectBucket:
    """`records.Bucket` over an opened obstore store. `where` is its address before a name, for messages."""

    def __init__(self, store: "ObjectStore", where: str) -> None:
        import obstore  # noqa: PLC0415  only for who asked for it

        self._library, self._store, self._where = obstore, store, where

    async def create(self, name: str, body: bytes) -> None:
        try:
            await self._library.put_async(self._store, name, body, mode="create", use_multipart=False)
        except (self._library.exceptions.AlreadyExistsError, self._library.exceptions.PreconditionError):
            return
        except (OSError, self._library.exceptions.BaseError) as error:
            raise _fault(self._library, error, f"writing {self._where}{name}") from error

    async def read(self, name: str) -> bytes | None:
        try:
            found = await self._library.get_async(self._store, name)
            if found.meta["size"] > PART_LIMIT:
                raise Permanent(Reason.TOO_LARGE, f"{self._where}{quote(name)} has more than {PART_LIMIT} bytes")
            return bytes(await found.bytes_async())
        except (FileNotFoundError, self._library.exceptions.NotFoundError):
            return None
        except self._library.exceptions.BaseError as error:
            raise _fault(self._library, error, f"reading {self._where}{name}") from error

    async def names(self, folder: str) -> Sequence[str]:
        names: list[str] = []
        try:
            async for page in self._library.list(self._store, prefix=f"{folder}/", chunk_size=1000):
                names += [str(each["path"]).removeprefix(f"{folder}/") for each in page]
                if len(names) >= NAMES_LIMIT:
                    break
        except (OSError, self._library.exceptions.BaseError) as error:
            raise _fault(self._library, error, f"listing {self._where}{folder}") from error
        return names[:NAMES_LIMIT]


def clients(endpoint: str) -> tuple["ClientConfig", "RetryConfig"]:
    """How every store connects. Plain HTTP only to an endpoint that says so."""
    client: ClientConfig = {
        "timeout": timedelta(seconds=_CALL_S),
        "connect_timeout": timedelta(seconds=_CONNECT_S),
        "allow_http": endpoint.startswith("http://"),
    }
    retry: RetryConfig = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_CALL_S)}
    return client, retry


def opened(make: Any, where: str, **arguments: Any) -> ObjectBucket:
    """A bucket of the obstore class `make`. Raises Permanent(INVALID_CONFIG) for what the library refuses at once."""
    import obstore  # noqa: PLC0415

    try:
        return ObjectBucket(make(**arguments), where)
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{where}: cannot be opened: {_said(error)}") from error


def _fault(library: ModuleType, error: Exception, what: str) -> Fault:
    errors = library.exceptions
    message = f"{what}: {_said(error)}"
    if isinstance(error, errors.PermissionDeniedError | errors.UnauthenticatedError):
        return Transient(Reason.UNAVAILABLE, f"{message}; check what this identity may do there")
    # The library raises Python's own error for what is not there.
    if isinstance(error, FileNotFoundError | errors.NotFoundError):
        return Permanent(Reason.STORE_FAILED, f"{message}; is the bucket there?")
    if isinstance(error, errors.InvalidPathError | errors.NotSupportedError):
        return Permanent(Reason.STORE_FAILED, message)
    return Transient(Reason.UNAVAILABLE, message)


def _said(error: Exception) -> str:
    """The first line: what follows is the library's own view of it."""
    return quote(str(error).partition("\n")[0])
