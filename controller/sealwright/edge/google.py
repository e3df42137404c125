"""Tokens of Google Cloud by its own library: Application Default Credentials of every kind, federated ones too."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.edge import extras

_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def is_federated(environment: Mapping[str, str]) -> bool:
    """Whether the credentials file is one of workload identity federation."""
    path = environment.get(_VARIABLE, "")
    try:
        return bool(path) and json.loads(Path(path).read_bytes()).get("type") == "external_account"
    except (OSError, ValueError, AttributeError):
        return False


class Tokens:
    """The token in force, renewed when it ends. `who` asks, for messages. The library waits, so it has
    a thread.
    """

    def __init__(self, who: str) -> None:
        self._auth = extras.load("google.auth", "gcp", who)
        self._request = extras.load("google.auth.transport.requests", "gcp", who).Request()
        self._credentials: Any = None
        self._turn = asyncio.Lock()

    async def token(self) -> str:
        """Raises Permanent(KEY_MISSING) where there are no credentials, Transient(UNAVAILABLE) where they give no token."""
        return str((await self.provide())["token"])

    async def provide(self) -> dict[str, Any]:
        """Token and end, as obstore wants them."""
        async with self._turn:
            await asyncio.to_thread(self._refresh)
        expiry = self._credentials.expiry
        return {"token": self._credentials.token, "expires_at": expiry.replace(tzinfo=UTC) if expiry else None}

    def _refresh(self) -> None:
        try:
            if self._credentials is None:
                self._credentials, _ = self._auth.default(scopes=[_SCOPE])
            if not self._credentials.valid:  # also minutes before its end
                self._credentials.refresh(self._request)
        except self._auth.exceptions.DefaultCredentialsError as error:
            message = f"no credentials for Google Cloud: {quote(error)}; give the pod an identity, or {_VARIABLE} a file"
            raise Permanent(Reason.KEY_MISSING, message) from error
        except self._auth.exceptions.GoogleAuthError as error:
            raise Transient(Reason.UNAVAILABLE, f"Google Cloud gives no token: {quote(error)}") from error
