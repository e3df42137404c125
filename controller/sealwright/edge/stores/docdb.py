"""The store `docdb`: documents in MongoDB or DynamoDB, by the URLs that Tekton Chains takes (chains.md 5.4)."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from sealwright.core.config import Secret, Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge import collections
from sealwright.edge.collections import URL, Address, DocumentStore
from sealwright.edge.dynamo import DynamoCollection
from sealwright.edge.mongo import MongoCollection, ServerAddress
from sealwright.edge.stores import Tools, needed

NAMES = ("docdb",)
_VARIABLE = "MONGO_SERVER_URL"


@asynccontextmanager
async def open(settings: Settings, tools: Tools) -> AsyncIterator[DocumentStore]:  # noqa: A001  the verb of every store
    """The collection. Raises Permanent(INVALID_CONFIG)."""
    url = needed(settings, URL)
    address = collections.address(url)
    where = f"{address.scheme}://{address.host}/{address.path + '/' if address.path else ''}"
    async with AsyncExitStack() as stack:
        match address.scheme:
            case "mongo":
                mongo = _mongo(address, settings, tools)
                stack.push_async_callback(mongo.close)
                yield DocumentStore(mongo, where)
            case "dynamodb":
                yield DocumentStore(await stack.enter_async_context(_table(address, tools)), where)
            case _:
                raise _unknown(address)


def _mongo(address: Address, settings: Settings, tools: Tools) -> MongoCollection:
    collections.refuse_options(address, ("id_field",))
    if not address.host or not address.path:
        raise Permanent(Reason.INVALID_CONFIG, f"{URL}: wanted mongo://DATABASE/COLLECTION?id_field=name")
    if (field := address.options.get("id_field", "name")).lower() != "name":
        raise Permanent(Reason.INVALID_CONFIG, f"{URL}: id_field is {quote(field)}; documents are named by `name` here")
    return MongoCollection(_server(settings, tools), address.host, address.path)


def _server(settings: Settings, tools: Tools) -> ServerAddress:
    """Chains' order: path, directory, setting, environment."""
    path, folder, url = (settings.get(f"mongo-server-url{end}") for end in ("-path", "-dir", ""))
    if path or folder:
        return ServerAddress(Path(str(path)) if path else Path(str(folder)) / _VARIABLE, "")
    return ServerAddress(None, url.text if isinstance(url, Secret) else tools.environment.get(_VARIABLE, ""))


def _table(address: Address, tools: Tools) -> AbstractAsyncContextManager[DynamoCollection]:
    collections.refuse_options(address, ("partition_key", "region"))
    if not address.host or address.path or not address.options.get("partition_key"):
        raise Permanent(Reason.INVALID_CONFIG, f"{URL}: wanted dynamodb://TABLE?partition_key=name")
    # Pods of EKS have AWS_REGION; the library itself reads AWS_DEFAULT_REGION alone.
    region = address.options.get("region") or tools.environment.get("AWS_REGION", "")
    return DynamoCollection.open(address.host, address.options["partition_key"], region)


def _unknown(address: Address) -> Permanent:
    if address.scheme == "firestore":
        message = "this version cannot speak to Firestore; use mongo:// (Firestore has a MongoDB interface) or dynamodb://"
    else:
        message = f"nothing here speaks {quote(address.scheme + '://')}; wanted mongo://DATABASE/COLLECTION or dynamodb://TABLE"
    return Permanent(Reason.INVALID_CONFIG, f"{URL}: {message}")
