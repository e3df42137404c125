"""The store `azblob`: a container of Azure Blob Storage, with the object names of `gcs`.

Credentials are found as Azure has it: environment, workload identity of the pod, managed identity.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sealwright.core.config import Settings
from sealwright.edge import extras, objects
from sealwright.edge.records import RecordStore
from sealwright.edge.stores import Tools, needed

NAMES = ("azblob",)


@asynccontextmanager
async def open(settings: Settings, _tools: Tools) -> AsyncIterator[RecordStore]:  # noqa: A001  the verb of every store
    """The container. Raises Permanent(INVALID_CONFIG)."""
    account, container = needed(settings, "storage.azblob.account"), needed(settings, "storage.azblob.container")
    endpoint = str(settings.get("endpoint", ""))
    make = extras.load("obstore.store", "objects", "the store azblob").AzureStore
    client, retry = objects.clients(endpoint)
    config = {"account_name": account, **({"endpoint": endpoint} if endpoint else {})}
    where = f"azblob://{account}/{container}/"
    opened = objects.opened(make, where, container_name=container, config=config, client_options=client, retry_config=retry)
    yield RecordStore("azblob", opened, where)
