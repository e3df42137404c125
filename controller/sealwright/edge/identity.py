"""Workload identity tokens (OIDC): who this controller is, in the words of an issuer that a certificate authority trusts.

Providers have the names that cosign and Chains use. Tokens are short-lived, so each is read when it is needed; what can be
seen of it without trusting it (audience, expiry) is checked before it is sent, since an authority's refusal says less.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.edge.asking import ask
from sealwright.edge.signing import Tools, unavailable
from sealwright.edge.spiffe import Workload

AUDIENCE = "sigstore"
FILE = "/var/run/sigstore/cosign/oidc-token"

_LIMIT = 64 << 10
_METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"

_GITHUB = "GitHub's token service"
_ADVICE = "may this workload ask for identity tokens?"

Provider = Callable[[], Awaitable[str]]


class _Claims(msgspec.Struct):
    exp: float
    aud: str | list[str]
    iss: str = ""


class _Value(msgspec.Struct):
    value: str


def provider(settings: Settings, tools: Tools) -> Provider:
    """The provider that is configured, or the first that is there. Raises Permanent(INVALID_CONFIG, KEY_MISSING)."""
    path = str(settings.get("identity.token.file", ""))
    wanted = str(settings.get("fulcio.provider", ""))
    if path and wanted in ("", "filesystem", "filesystem-custom-path"):
        return _checked(_file(Path(path)), tools)
    known = _known(tools.environment)
    if not wanted:
        wanted = _first(tools.environment)
    if wanted not in known:
        there_are = ", ".join(known)
        message = f"signers.x509.fulcio.provider: no provider {quote(wanted)} (there are: {there_are})"
        raise Permanent(Reason.INVALID_CONFIG, message)
    return _checked(known[wanted], tools)


def _known(environment: Mapping[str, str]) -> Mapping[str, Provider]:
    return {
        "filesystem": _file(Path(FILE)),
        "envvar": _variable(environment),
        "spiffe": _spiffe(environment.get("SPIFFE_ENDPOINT_SOCKET", "/tmp/spire-agent/public/api.sock")),  # noqa: S108  SPIRE's own
        "github-actions": _github(environment),
        "google-workload-identity": _google,
    }


def _first(environment: Mapping[str, str]) -> str:
    """Which of them is there; asking a cloud is left to those who name it."""
    if Path(FILE).exists():
        return "filesystem"
    signs = {"SIGSTORE_ID_TOKEN": "envvar", "SPIFFE_ENDPOINT_SOCKET": "spiffe", "ACTIONS_ID_TOKEN_REQUEST_URL": "github-actions"}
    found = next((name for variable, name in signs.items() if environment.get(variable)), "")
    if not found:
        advice = f"mount a ServiceAccount token with audience {AUDIENCE}, or set signers.x509.identity.token.file"
        raise Permanent(Reason.KEY_MISSING, f"there is no identity token at {FILE}, and no other provider is there: {advice}")
    return found


def _checked(ask: Provider, tools: Tools) -> Provider:
    async def token() -> str:
        found = (await ask()).strip()
        claims = _read(found)
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if AUDIENCE not in audiences:
            told = f"the identity token of {quote(claims.iss)} is for {quote(', '.join(audiences))}, wanted audience {AUDIENCE}"
            raise Permanent(Reason.KEY_DENIED, told)
        if claims.exp <= tools.unix_s():
            raise Transient(
                Reason.UNAVAILABLE, f"the identity token of {quote(claims.iss)} has expired, and no newer one is there yet"
            )
        return found

    return token


def _read(token: str) -> _Claims:
    """What the token says of itself. It is a secret, so messages never show it."""
    parts = token.split(".") if len(token) <= _LIMIT else []
    claims = parts[1] if len(parts) == 3 else ""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Claims)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Permanent(Reason.KEY_DENIED, "the identity token is no JSON Web Token with an audience and an expiry") from error


def _file(path: Path) -> Provider:
    async def token() -> str:
        try:
            with path.open("rb") as file:
                return file.read(_LIMIT + 1).decode("utf-8", errors="replace")
        except OSError as error:
            raise Transient(Reason.UNAVAILABLE, f"the identity token {quote(path)} cannot be read: {error.strerror}") from error

    return token


def _variable(environment: Mapping[str, str]) -> Provider:
    async def token() -> str:
        return environment.get("SIGSTORE_ID_TOKEN", "")

    return token


def _spiffe(socket: str) -> Provider:
    async def token() -> str:
        workload = Workload(socket)  # one for each certificate: six an hour
        try:
            return await workload.jwt(AUDIENCE)
        finally:
            await workload.close()

    return token


def _github(environment: Mapping[str, str]) -> Provider:
    async def token() -> str:
        url, bearer = (environment.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
        body = await ask(_GITHUB, f"{url}&audience={AUDIENCE}", _ADVICE, headers={"Authorization": f"Bearer {bearer}"})
        try:
            return msgspec.json.decode(body, type=_Value).value
        except msgspec.MsgspecError as error:
            raise unavailable(_GITHUB, "the answer holds no token") from error

    return token


async def _google() -> str:
    url = f"{_METADATA}?audience={AUDIENCE}&format=full"
    body = await ask("Google's metadata server", url, _ADVICE, headers={"Metadata-Flavor": "Google"})
    return body.decode("utf-8", errors="replace")
