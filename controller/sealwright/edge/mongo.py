"""A MongoDB collection, and the file that says where the server is, which may change while we run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.edge import extras
from sealwright.edge.collections import FOUND_LIMIT, Document

# A call, and the search for a server that takes it.
_CALL_MS = 20_000
_FILE_LIMIT = 64 << 10


class ServerAddress:
    """The URL from a file, or a fixed one. Chains' order: path, then directory, then the setting, then the environment."""

    def __init__(self, path: Path | None, fixed: str) -> None:
        self._path, self._known = path, fixed

    def current(self) -> str:
        """As the file has it now; the last one that was good where it is empty or gone. Raises Transient(UNAVAILABLE)."""
        if self._path:
            try:
                with self._path.open("rb") as file:
                    read = file.read(_FILE_LIMIT).decode().removesuffix("\n")
                self._known = read or self._known
            except (OSError, UnicodeDecodeError) as error:
                if not self._known:
                    what = error.strerror if isinstance(error, OSError) else "it is no text"
                    raise Transient(Reason.UNAVAILABLE, f"{quote(self._path)}: {what}; it must hold MongoDB's URL") from error
        if not self._known:
            message = "no MongoDB server is named: set storage.docdb.mongo-server-url-path, or the variable MONGO_SERVER_URL"
            raise Permanent(Reason.INVALID_CONFIG, message)
        return self._known


class MongoCollection:
    """`collections.Collection` in MongoDB; `_id` is the document's name, as with Chains' `id_field=name`."""

    def __init__(self, address: ServerAddress, database: str, collection: str) -> None:
        self._library = extras.load("pymongo", "mongo", "the store docdb")
        self._errors = extras.load("pymongo.errors", "mongo", "the store docdb")
        self._bson_errors = extras.load("bson.errors", "mongo", "the store docdb")
        self._address, self._database, self._collection = address, database, collection
        self._url = ""
        self._client: Any = None

    async def create(self, name: str, document: Document) -> None:
        try:
            # Majority: an acknowledged document survives the loss of the server that took it.
            concern = self._library.WriteConcern("majority")
            await (await self._open()).with_options(write_concern=concern).insert_one({"_id": name, **document})
        except self._errors.DuplicateKeyError:
            return
        except Exception as error:
            raise self._fault(error, f"writing {name}") from error

    async def read(self, name: str) -> Document | None:
        try:
            found: Document | None = await (await self._open()).find_one({"_id": name})
        except Exception as error:
            raise self._fault(error, f"reading {name}") from error
        return found

    async def beside(self, name: str) -> Sequence[Document]:
        # The names between `<name>-` and what follows every digest: a range of the index, where a pattern would not be sure to.
        named = {"_id": {"$gt": f"{name}-", "$lt": f"{name}-g"}}
        try:
            found: Sequence[Document] = await (await self._open()).find(named).limit(FOUND_LIMIT).to_list()
        except Exception as error:
            raise self._fault(error, f"looking for {name}") from error
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> Any:
        """The collection, on the server that is named now."""
        url = self._address.current()
        if url != self._url:
            before, self._client, self._url = self._client, self._connect(url), url
            if before is not None:
                await before.close()
        return self._client[self._database][self._collection]

    def _connect(self, url: str) -> Any:
        """A client; it connects at the first request."""
        try:
            return self._library.AsyncMongoClient(
                url, timeoutMS=_CALL_MS, serverSelectionTimeoutMS=_CALL_MS // 2, appname="sealwright", tz_aware=True
            )
        except (self._errors.PyMongoError, ValueError) as error:
            # Not what it says: that is the address, which may hold a password.
            message = f"the address of the MongoDB server is refused: {type(error).__name__}"
            raise Permanent(Reason.INVALID_CONFIG, message) from None

    def _fault(self, error: Exception, what: str) -> BaseException:
        """What a library's error means here; what is none of its errors stays what it is."""
        if isinstance(error, Fault):
            return error
        message = f"MongoDB {self._database}/{self._collection}, {what}: {quote(_first_line(error))}"
        errors = self._errors
        match error:
            case errors.DocumentTooLarge():
                found: BaseException = Permanent(Reason.TOO_LARGE, f"{message}; MongoDB takes 16 MiB")
            case errors.InvalidName() | self._bson_errors.BSONError() | OverflowError() | UnicodeError():
                found = Permanent(Reason.STORE_FAILED, message)
            case errors.PyMongoError():
                hint = "; check what this user may do" if getattr(error, "code", None) in _REFUSED else ""
                found = Transient(Reason.UNAVAILABLE, message + hint)
            case _:
                found = error
        return found


# Unauthorized, AuthenticationFailed.
_REFUSED = (13, 18)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
