"""The store `s3`: an Amazon S3 bucket, or one of a server that speaks its language, with the object names of `gcs`.

Credentials are found as AWS has it: environment, web identity of the pod, container, instance.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sealwright.core.config import Settings
from sealwright.edge import extras, objects
from sealwright.edge.records import RecordStore
from sealwright.edge.stores import Tools, needed

NAMES = ("s3",)


@asynccontextmanager
async def open(settings: Settings, _tools: Tools) -> AsyncIterator[RecordStore]:  # noqa: A001  the verb of every store
    """The bucket. Raises Permanent(INVALID_CONFIG)."""
    bucket, endpoint = needed(settings, "storage.s3.bucket"), str(settings.get("endpoint", ""))
    make = extras.load("obstore.store", "objects", "the store s3").S3Store
    client, retry = objects.clients(endpoint)
    config = {name: str(settings[name]) for name in ("region", "endpoint") if name in settings}
    where = f"s3://{bucket}/"
    opened = objects.opened(make, where, bucket=bucket, config=config, client_options=client, retry_config=retry)
    yield RecordStore("s3", opened, where)
