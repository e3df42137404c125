"""A DynamoDB table. Credentials are found as AWS has it: environment, web identity of the pod, container, instance."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.edge import extras
from sealwright.edge.collections import FOUND_LIMIT, URL, Document

# What DynamoDB takes as one item, less room for names and numbers, which it counts in its own way.
_ITEM_LIMIT = 390 << 10
_CALL_S, _CONNECT_S = 20, 5
# DynamoDB's numbers, beside zero.
_NUMBER_FROM, _NUMBER_TO = 1e-130, 9.9e125
_SORTS: Mapping[type, str] = {bool: "BOOL", str: "S", bytes: "B"}
# Errors after which the same request may succeed; others of the client's are for good.
_WAIT = ("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "InternalServerError")
_LOGIN = ("AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException")


class DynamoCollection:
    """`collections.Collection` in a table whose partition key is text; the items' names are in it."""

    def __init__(self, client: Any, table: str, key: str) -> None:
        self._client, self._table, self._key = client, table, key
        self._errors = extras.load("botocore.exceptions", "aws", "the store docdb")

    @classmethod
    @asynccontextmanager
    async def open(cls, table: str, key: str, region: str) -> AsyncIterator[Self]:
        session = extras.load("aiobotocore.session", "aws", "the store docdb").get_session()
        config = extras.load("aiobotocore.config", "aws", "the store docdb").AioConfig(
            connect_timeout=_CONNECT_S, read_timeout=_CALL_S, retries={"total_max_attempts": 2}
        )
        try:
            async with session.create_client("dynamodb", region_name=region or None, config=config) as client:
                yield cls(client, table, key)
        except extras.load("botocore.exceptions", "aws", "the store docdb").NoRegionError as error:
            message = f"DynamoDB {table}: no region is named; set AWS_REGION, or ?region= in {URL}"
            raise Permanent(Reason.INVALID_CONFIG, message) from error

    async def create(self, name: str, document: Document) -> None:
        item = {field: _encode(found) for field, found in {**document, self._key: name}.items()}
        if _size(item) > _ITEM_LIMIT:
            item.pop("Object")  # the payload is there too, as bytes
        if _size(item) > _ITEM_LIMIT:
            message = f"DynamoDB {self._table}: {quote(name)} has {_size(item)} bytes, and an item has at most 400 KiB"
            raise Permanent(Reason.TOO_LARGE, f"{message}; keep such statements in another store")
        try:
            await self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": self._key},
            )
        except self._errors.ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise self._fault(error, f"writing {name}") from error
        except self._errors.BotoCoreError as error:
            raise self._fault(error, f"writing {name}") from error

    async def read(self, name: str) -> Document | None:
        try:
            key = {self._key: {"S": name}}
            answer = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except (self._errors.ClientError, self._errors.BotoCoreError) as error:
            raise self._fault(error, f"reading {name}") from error
        return _decode(answer["Item"]) if "Item" in answer else None

    async def beside(self, name: str) -> Sequence[Document]:
        """By looking through the table: a partition key has no order. For people who search; nothing on the hot path does."""
        found: list[Document] = []
        after: dict[str, Any] = {}
        while len(found) < FOUND_LIMIT:
            try:
                answer = await self._client.scan(
                    TableName=self._table,
                    FilterExpression="begins_with(#key, :start)",
                    ExpressionAttributeNames={"#key": self._key},
                    ExpressionAttributeValues={":start": {"S": f"{name}-"}},
                    **after,
                )
            except (self._errors.ClientError, self._errors.BotoCoreError) as error:
                raise self._fault(error, f"looking for {name}") from error
            found += [_decode(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found[:FOUND_LIMIT]

    def _fault(self, error: Any, what: str) -> Fault:
        message = f"DynamoDB {self._table}, {what}: {quote(error)}"
        code = error.response["Error"]["Code"] if isinstance(error, self._errors.ClientError) else ""
        if not code or code in _WAIT:
            return Transient(Reason.UNAVAILABLE, message)
        if code in _LOGIN:
            return Transient(Reason.UNAVAILABLE, f"{message}; check what this identity may do there")
        return Permanent(Reason.STORE_FAILED, message)


def _encode(found: Any) -> dict[str, Any]:
    """A value in DynamoDB's JSON. Numbers are text there, and doubles in Go; what is no number for DynamoDB is nothing."""
    match found:
        case dict():
            return {"M": {name: _encode(each) for name, each in found.items()}}
        case list():
            return {"L": [_encode(each) for each in found]}
        case float() if found == 0 or _NUMBER_FROM <= abs(found) <= _NUMBER_TO:
            return {"N": repr(found)}
        case float() | None:
            return {"NULL": True}
    return {_SORTS[type(found)]: found}


def _decode(item: Mapping[str, Mapping[str, Any]]) -> Document:
    """The fields that are text or bytes: all that is asked for again."""
    return {name: found.get("S", found.get("B")) for name, found in item.items() if "S" in found or "B" in found}


def _size(found: Any) -> int:
    """Roughly as DynamoDB counts: names and texts by their bytes, and a few for each member."""
    match found:
        case str():
            return len(found.encode())
        case bytes():
            return len(found)
        case dict():
            return sum(_size(name) + _size(each) + 3 for name, each in found.items())
        case list():
            return sum(_size(each) + 1 for each in found)
        case _:
            return 21
