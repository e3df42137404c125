"""The store `gcs`: a bucket of Google Cloud Storage, with the object names of Tekton Chains (chains.md 5.3)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sealwright.core.config import Settings
from sealwright.edge import extras, google, objects
from sealwright.edge.records import RecordStore
from sealwright.edge.stores import Tools, needed

NAMES = ("gcs",)


async def _nobody() -> dict[str, Any]:
    return {"token": "anonymous", "expires_at": None}


@asynccontextmanager
async def open(settings: Settings, tools: Tools) -> AsyncIterator[RecordStore]:  # noqa: A001  the verb of every store
    """The bucket. Raises Permanent(INVALID_CONFIG)."""
    bucket, endpoint = needed(settings, "storage.gcs.bucket"), str(settings.get("endpoint", ""))
    make = extras.load("obstore.store", "objects", "the store gcs").GCSStore
    client, retry = objects.clients(endpoint)
    login: dict[str, Any] = {}
    if endpoint.startswith("http://"):
        login = {"credential_provider": _nobody}  # an emulator: no token of ours goes over plain HTTP
    elif google.is_federated(tools.environment):
        # The library cannot read files of workload identity federation, and Google's own can.
        login = {"credential_provider": google.Tokens("the store gcs").provide}
    config = {"base_url": endpoint} if endpoint else {}
    where = f"gs://{bucket}/"
    opened = objects.opened(make, where, bucket=bucket, config=config, client_options=client, retry_config=retry, **login)
    yield RecordStore("gcs", opened, where)
