"""Every state that the runs of a cluster ever had, read from its etcd: what no controller, proxy or restart can have hidden.

etcd keeps all versions until kube-apiserver has it forget them, which `hack/cluster up --keep-history` forbids.
"""

import base64
import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "/registry/tekton.dev/"
SILENCE_S = 30.0
# From the first key there can be to the last.
_EVERYTHING = {"key": "AA==", "range_end": "AA=="}

Json = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One run after one write; `body` is None where that write removed it. `uid` is that of the object that was there."""

    revision: int
    uid: str
    namespace: str
    name: str
    body: Json | None


class Etcd:
    """The JSON gateway of one etcd."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{(folder / 'ports').read_text().split()[0]}"

    def revision(self) -> int:
        """Of the last write to anything."""
        return int(self._call("/v3/kv/range", _EVERYTHING | {"count_only": True})["header"]["revision"])

    def read(self, key: str) -> bytes:
        """The value that is there."""
        (found,) = self._call("/v3/kv/range", {"key": _coded(key)})["kvs"]
        return base64.b64decode(found["value"])

    def write(self, values: Mapping[str, str]) -> None:
        """All of them in one transaction; each is base64."""
        puts = [{"request_put": {"key": _coded(key), "value": value}} for key, value in values.items()]
        self._call("/v3/kv/txn", {"success": puts})

    def remove(self, prefix: str) -> None:
        """Every key below it."""
        asked = {"key": _coded(prefix), "range_end": _coded(prefix[:-1] + chr(ord(prefix[-1]) + 1))}
        self._call("/v3/kv/deleterange", asked)

    def versions(self, since: int) -> Iterator[tuple[int, str, bytes | None]]:
        """(revision, key, value) of each write below PREFIX, from `since` to the last; value is None for a removal.

        All keys are watched, since only so the last write to anything says that nothing more is coming.
        """
        last, revision = self.revision(), since - 1
        with self._open("/v3/watch", {"create_request": _EVERYTHING | {"start_revision": since}}) as answer:
            while revision < last:
                result = json.loads(answer.readline())["result"]
                if "compact_revision" in result or result.get("canceled"):
                    raise LookupError(f"etcd has forgotten what was before revision {result.get('compact_revision')}")
                for event in result.get("events", ()):
                    revision, key = int(event["kv"]["mod_revision"]), base64.b64decode(event["kv"]["key"]).decode()
                    if key.startswith(PREFIX):
                        is_gone = event.get("type") == "DELETE"
                        yield revision, key, None if is_gone else base64.b64decode(event["kv"]["value"])

    def _call(self, path: str, body: Json) -> Json:
        with self._open(path, body) as answer:
            return json.loads(answer.read())

    def _open(self, path: str, body: Json) -> Any:
        return urllib.request.urlopen(urllib.request.Request(self.url + path, json.dumps(body).encode()), timeout=SILENCE_S)


def of_cluster(folder: Path, since: int = 1) -> list[Version]:
    """All versions of all runs since this revision."""
    uids: dict[str, str] = {}
    found = []
    for revision, key, value in Etcd(folder).versions(since):
        plural, namespace, name = key.removeprefix(PREFIX).split("/")
        if plural not in ("taskruns", "pipelineruns"):
            continue
        body = json.loads(value) if value is not None else None
        if body is not None:
            uids[key] = body["metadata"]["uid"]
        found.append(Version(revision, uids.get(key, ""), namespace, name, body))
    return found


def in_namespace(history: Sequence[Version], namespace: str) -> list[Version]:
    return [version for version in history if version.namespace == namespace]


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
