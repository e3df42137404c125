"""The smallest Kubernetes client that can fill an API server: one kept connection for each thread, standard library only.

Not the product's client and not modelled on it: what plays Tekton in a test must not share a mistake with what is tested.
"""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

Json = dict[str, Any]
MERGE_PATCH = "application/merge-patch+json"
# The reply then holds the metadata only: 8 KiB less to write, send and parse for each call.
BRIEF = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
BRIEF_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Answers after which the same call may succeed: overload, and a server that starts or loses its etcd.
PASSING = {429, 500, 502, 503, 504}
# A server that has just started refuses everybody with 403 until it has read its roles.
STARTING_S = 30.0


class ApiError(Exception):
    """The server said no. `status` is the HTTP status, `reason` the word of the Status object."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        self.status, self.reason = status, ""
        message = body.decode(errors="replace")
        if body.startswith(b"{"):
            said = json.loads(body)
            self.reason, message = said.get("reason", ""), said.get("message", message)
        super().__init__(f"{method} {path}: {status} {message[:300]}")


class Connection(http.client.HTTPSConnection):
    """Threads end without a word; this closes what they leave."""

    def __del__(self) -> None:
        self.close()


class Api:
    """Calls as the user of a kubeconfig made by hack/cluster, or as the one whom that user impersonates."""

    def __init__(self, kubeconfig: Path, *, impersonate: str = "", patience_s: float = 60.0) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = urlsplit(cluster["server"])
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.tls.load_cert_chain(user["client-certificate"], user["client-key"])
        self.patience_s, self.lost_at = patience_s, float("-inf")
        self.headers = {"Accept": BRIEF, "User-Agent": "tekton-driver"}
        if impersonate:
            self.headers["Impersonate-User"] = impersonate
        self.own = threading.local()

    def call(
        self, method: str, path: str, body: Json | None = None, content_type: str = "application/json", accept: str = ""
    ) -> Json:
        """The decoded reply. Waits out a server that is away or overloaded, for `patience_s`; raises ApiError or OSError."""
        data = json.dumps(body).encode() if body is not None else None
        headers = self.headers | ({"Content-Type": content_type} if data else {}) | ({"Accept": accept} if accept else {})
        began = time.monotonic()
        deadline = began + self.patience_s
        while True:
            pause = 0.2
            try:
                status, reply, pause = self.once(method, path, data, headers)
                if status < 300:
                    return json.loads(reply) if reply else {}
                if not self.passes(status, began) or time.monotonic() > deadline:
                    raise ApiError(method, path, status, reply)
            except (OSError, http.client.HTTPException):
                self.own.connection, self.lost_at = None, time.monotonic()
                if time.monotonic() > deadline:
                    raise
            threading.Event().wait(pause)

    def passes(self, status: int, began: float) -> bool:
        """A thread that connects for the first time does not know that the server has just started: it waits for as long."""
        return status in PASSING or (status == 403 and time.monotonic() - max(self.lost_at, began) < STARTING_S)

    def once(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes, float]:
        """Status, body, and the seconds to wait before another try."""
        connection: Connection | None = getattr(self.own, "connection", None)
        if connection is None:
            connection = Connection(self.server.netloc, context=self.tls, timeout=30)
            self.own.connection = connection
        connection.request(method, path, data, dict(headers))
        reply = connection.getresponse()
        body = reply.read()
        after = reply.headers.get("Retry-After", "")
        return reply.status, body, float(after) if after.isdigit() else 0.2

    def names(self, kind: str, namespace: str) -> list[str]:
        """Of all runs of one kind, read page by page."""
        path, found, follow = f"{path_of(kind, namespace)}?limit=500", [], ""
        while True:
            page = self.call("GET", path + follow, accept=BRIEF_LIST)
            found += [item["metadata"]["name"] for item in page["items"]]
            if not page["metadata"].get("continue"):
                return found
            follow = f"&continue={page['metadata']['continue']}"

    def create(self, run: Json) -> Json:
        """The metadata of the created object; of the one that exists, where an earlier try was made but not answered."""
        path = path_of(run["kind"], run["metadata"]["namespace"])
        try:
            return self.call("POST", path, run)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        return self.call("GET", f"{path}/{quote(run['metadata']['name'])}")

    def set_status(self, kind: str, namespace: str, name: str, status: Json) -> Json:
        return self.call("PATCH", path_of(kind, namespace, name) + "/status", {"status": status}, MERGE_PATCH)

    def patch(self, kind: str, namespace: str, name: str, change: Json) -> Json:
        return self.call("PATCH", path_of(kind, namespace, name), change, MERGE_PATCH)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """A run that is gone already is what was wanted."""
        try:
            self.call("DELETE", path_of(kind, namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise


def path_of(kind: str, namespace: str, name: str = "") -> str:
    version = "v1beta1" if kind == "CustomRun" else "v1"
    path = f"/apis/tekton.dev/{version}/namespaces/{quote(namespace)}/{kind.lower()}s"
    return f"{path}/{quote(name)}" if name else path
