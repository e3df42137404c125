"""HashiCorp Vault or OpenBao: hvac in threads, and how to log in.

The login is the first of these that is configured, in Chains' order: a token in a file, a token, a JWT from SPIRE, a JWT from
a file (the pod's ServiceAccount), a token in the environment. Environment: VAULT_ADDR, VAULT_TOKEN (or BAO_...), VAULT_NAMESPACE,
VAULT_CACERT.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sealwright.core.config import Secret, Settings
from sealwright.core.errors import Reason, Transient, quote
from sealwright.edge.signing import CALLS, Tools, denied, library, refused, unavailable
from sealwright.edge.spiffe import Workload
from sealwright.edge.threads import Threads

_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_TOKEN_LIMIT = 64 << 10
_CALL_S = 30.0

# A token and when it should be renewed, on our clock; None: when it is refused.
Token = tuple[str, float | None]
Login = Callable[[], Awaitable[Token]]


class Vault:
    """hvac in threads. Every answer that is no success becomes a fault in one hook, with what the server asks to wait."""

    def __init__(self, address: str, where: str, advice: str, tools: Tools) -> None:
        self.where, self.now_s = where, tools.clock.now_s
        self._advice = advice
        self._threads = Threads(where, 2 * CALLS)
        try:
            import hvac  # noqa: PLC0415  an extra
            import requests  # noqa: PLC0415
        except ImportError as error:
            raise library(where, "vault", error) from error
        client: Any = hvac.Client
        adapter: Any = requests.adapters.HTTPAdapter
        self._errors: tuple[type[Exception], ...] = (requests.RequestException, hvac.exceptions.VaultError)
        self._session = requests.Session()
        self._session.mount(address, adapter(pool_maxsize=CALLS))
        self._session.hooks["response"] = [self._told]
        environment = tools.environment
        self._open: Callable[[str], Any] = lambda token: client(
            url=address,
            token=token,
            timeout=_CALL_S,
            allow_redirects=False,  # a redirect must not carry the token elsewhere
            session=self._session,
            verify=environment.get("VAULT_CACERT") or True,
            namespace=environment.get("VAULT_NAMESPACE") or None,
        )

    async def transit(self, token: str, method: str, **members: Any) -> Any:
        """One call to the transit engine: its answer's JSON."""
        return await self._run(lambda: getattr(self._open(token).secrets.transit, method)(**members))

    async def login(self, path: str, role: str, jwt: str) -> Token:
        """Log in with a JWT; the token is renewed when two thirds of its time are over."""
        answer = await self._run(lambda: self._open("").auth.jwt.jwt_login(role=role, jwt=jwt, use_token=False, path=path))
        try:
            token, lease_s = str(answer["auth"]["client_token"]), float(answer["auth"]["lease_duration"] or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise unavailable(self.where, "the answer to the login holds no token") from error
        return token, self.now_s() + lease_s * 2 / 3 if lease_s else None

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    async def _run(self, work: Callable[[], Any]) -> Any:
        try:
            return await self._threads.run(work)
        except self._errors as error:
            raise unavailable(self.where, quote(error)) from error

    def _told(self, answer: Any, *_: Any, **__: Any) -> None:
        if answer.status_code >= 300:
            raise refused(self.where, answer.status_code, _said(answer.content[:4096]), answer.headers, self._advice)


class _Errors(msgspec.Struct):
    errors: list[str] = []


def _said(body: bytes) -> str:
    """What Vault says is wrong; it never repeats a token."""
    try:
        return "; ".join(msgspec.json.decode(body, type=_Errors).errors)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body[:256].decode(errors="replace")


def login(settings: Settings, tools: Tools, vault: Vault, workload: Workload | None) -> Login:
    """How a token is got, each time when one is needed."""
    path, role = (str(settings.get(f"auth.oidc.{name}", "")) for name in ("path", "role"))
    if "auth.token-path" in settings:
        return _by_token(lambda: _file(str(settings["auth.token-path"])).removesuffix("\n"))
    given = settings.get("auth.token")
    if given:
        return _by_token(lambda: given.text if isinstance(given, Secret) else str(given))
    if not (path and role):
        return _by_token(lambda: _from_environment(vault.where, tools.environment))

    async def by_jwt() -> Token:
        if workload:
            return await vault.login(path, role, await workload.jwt(str(settings.get("auth.spire.audience", ""))))
        jwt = _file(str(settings.get("auth.oidc.token-path") or _SERVICE_ACCOUNT)).strip()
        return await vault.login(path, role, jwt)

    return by_jwt


def _by_token(read: Callable[[], str]) -> Login:
    async def token() -> Token:
        return read(), None

    return token


def _from_environment(where: str, environment: Mapping[str, str]) -> str:
    token = variable(environment, "TOKEN")
    if not token:
        advice = "set signers.kms.auth.token-path, or signers.kms.auth.oidc.path and .role"
        raise denied(where, "there is nothing to log in with", advice)
    return token


def _file(path: str) -> str:
    """A token's file, which somebody else writes, and perhaps has not yet."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_TOKEN_LIMIT + 1)
    except OSError as error:
        raise Transient(Reason.UNAVAILABLE, f"the token file {quote(path)} cannot be read: {error.strerror}") from error
    if not content.strip() or len(content) > _TOKEN_LIMIT:
        raise Transient(Reason.UNAVAILABLE, f"the token file {quote(path)} is empty, or over {_TOKEN_LIMIT} bytes")
    return content.decode("utf-8", errors="replace")


def variable(environment: Mapping[str, str], name: str) -> str:
    """A variable of Vault's, or of OpenBao's."""
    return environment.get(f"VAULT_{name}") or environment.get(f"BAO_{name}") or ""
