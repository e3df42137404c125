"""Docker configurations (Secrets of type dockerconfigjson and dockercfg, `config.json`) -> logins, and the one for a repository.

Hosts match exactly, ports included, but for the names of Docker Hub; an entry with a path is for the repositories below it.
Globs are not read: a pattern that a tenant writes must not decide where a password goes.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sealwright.core.config import Secret
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value
from sealwright.core.registry.address import is_same_host

# etcd takes no larger Secret.
SIZE_LIMIT = 1 << 20
ENTRIES_LIMIT = 256


@value
class Owner:
    """Whose logins may be used: the ServiceAccount of the run, and nobody else's."""

    namespace: str
    service_account: str

    def __str__(self) -> str:
        return f"ServiceAccount {self.namespace}/{self.service_account}"


@value
class Login:
    """Name and password, or a token. `source` says where it was found, for messages.

    `identity_token` is exchanged for others (OAuth 2 refresh token); `registry_token` is sent as it is.
    """

    registry: str
    path: str = ""
    source: str
    username: str = ""
    password: Secret = Secret(text="")
    identity_token: Secret = Secret(text="")
    registry_token: Secret = Secret(text="")

    @property
    def basic(self) -> str:
        """What follows `Basic` in a header."""
        return base64.b64encode(f"{self.username}:{self.password.text}".encode()).decode()


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _Modern(msgspec.Struct):
    auths: dict[str, _Entry | None] = {}


_modern = msgspec.json.Decoder(_Modern)
_legacy = msgspec.json.Decoder(dict[str, _Entry | None])


def read(body: bytes, source: str, *, is_legacy: bool = False) -> list[Login]:
    """The logins in a Docker configuration, in its order; `is_legacy` is the form without `auths` (dockercfg).

    Raises Permanent: TOO_LARGE, INVALID_INPUT. What cannot be used (no user, helpers only) is left out.
    """
    if len(body) > SIZE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{source}: {len(body)} bytes of logins, more than the {SIZE_LIMIT} that are read")
    try:
        entries = _legacy.decode(body) if is_legacy else _modern.decode(body).auths
        logins = [_login(key, entry, source) for key, entry in list(entries.items())[:ENTRIES_LIMIT] if entry]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Not the parser's own words: they may quote a password.
        raise Permanent(Reason.INVALID_INPUT, f"{source}: not a Docker configuration with logins") from None
    return [login for login in logins if login is not None]


def choose(logins: Iterable[Login], registry: str, repository: str) -> Login | None:
    """The login for a repository: of those for its very host the one with the longest path, the first of equals."""
    fitting = [login for login in logins if is_same_host(login.registry, registry) and _is_below(repository, login.path)]
    return max(fitting, key=lambda login: len(login.path), default=None)


def host_and_path(key: str) -> tuple[str, str]:
    """A key of `auths` (`https://index.docker.io/v1/`, `host:5000/team`) as registry and path, without slashes at their ends."""
    _, _, rest = key.rpartition("://")
    registry, _, path = rest.partition("/")
    path = path.strip("/")
    return registry.lower(), "" if path in ("v1", "v2") else path


def _login(key: str, entry: _Entry, source: str) -> Login | None:
    username, password = entry.username, entry.password
    if entry.auth and not username:
        username, _, password = base64.b64decode(entry.auth, validate=True).decode().rstrip("\x00").partition(":")
    if not (username or entry.identitytoken or entry.registrytoken):
        return None
    registry, path = host_and_path(key)
    tokens = (entry.identitytoken, entry.registrytoken)
    if any(not each.isascii() or not each.isprintable() for each in tokens):
        return None
    identity, plain = (Secret(text=each) for each in tokens)
    hidden = Secret(text=password)
    return Login(
        registry=registry,
        path=path,
        source=source,
        username=username,
        password=hidden,
        identity_token=identity,
        registry_token=plain,
    )


def _is_below(repository: str, path: str) -> bool:
    return not path or repository == path or repository.startswith(f"{path}/")


def secrets_of(types_and_data: Sequence[tuple[str, str, Mapping[str, str]]]) -> list[Login]:
    """The logins in Secrets as the API server gives them: (name for messages, type, data in base64).

    Those of other types, and those that cannot be read, are left out: a tenant's broken Secret must not stop the good one.
    """
    found: list[Login] = []
    for name, type_, data in types_and_data:
        key, is_legacy = _KINDS.get(type_, ("", False))
        try:
            found += read(base64.b64decode(data.get(key, ""), validate=True), name, is_legacy=is_legacy) if key in data else []
        except (Permanent, ValueError):
            continue
    return found


_KINDS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson", False),
    "kubernetes.io/dockercfg": (".dockercfg", True),
}
