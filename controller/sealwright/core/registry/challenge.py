"""`WWW-Authenticate` as registries send it, and what a token service answers. Source: RFC 9110, 11.6.1; distribution's tokens."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value

# A registry's header is below 300 bytes; what is longer is not looked at.
HEADER_LIMIT = 4096
# Where a token service does not say (distribution's token specification, `expires_in`).
_DEFAULT_LIFE_S = 60
# A service that says a year is not believed: rights are withdrawn meanwhile.
_LONGEST_LIFE_S = 3600

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][-A-Za-z0-9._~+/]*)(?:\s+|$)")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?=,|$)')
_ESCAPE = re.compile(r"\\(.)")


@value
class Challenge:
    """How a registry wants us to log in: `basic`, or `bearer` with a token from `realm`."""

    scheme: str
    realm: str = ""
    service: str = ""


def challenge(headers: Sequence[str]) -> Challenge | None:
    """The first challenge that can be met, Bearer before Basic; None where there is none."""
    found = [each for header in headers for each in _challenges(header[:HEADER_LIMIT])]
    bearer = next((each for each in found if each.scheme == "bearer" and each.realm), None)
    return bearer or next((each for each in found if each.scheme == "basic"), None)


def _challenges(header: str) -> list[Challenge]:
    found = []
    position = 0
    while position < len(header) and (scheme := _SCHEME.match(header, position)):
        parameters: dict[str, str] = {}
        position = scheme.end()
        while parameter := _PARAMETER.match(header, position):
            name, quoted, token = parameter.groups()
            parameters.setdefault(name.lower(), _ESCAPE.sub(r"\1", quoted) if quoted is not None else token)
            position = parameter.end()
        found.append(_made(scheme[1].lower(), parameters))
    return found


def _made(scheme: str, parameters: Mapping[str, str]) -> Challenge:
    return Challenge(scheme=scheme, realm=parameters.get("realm", ""), service=parameters.get("service", ""))


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float | None = None


def token(body: bytes, where: str) -> tuple[str, float]:
    """The token in a service's answer, and for how many seconds it is good. Raises Permanent(INVALID_INPUT)."""
    try:
        found = msgspec.json.decode(body, type=_Token)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{where}: the token service's answer cannot be read: {error}") from error
    text = found.token or found.access_token
    # It goes into a header: no line may end in it.
    if not text or not text.isascii() or not text.isprintable():
        raise Permanent(Reason.INVALID_INPUT, f"{where}: the token service's answer holds no token")
    life_s = found.expires_in if found.expires_in and found.expires_in > 0 else _DEFAULT_LIFE_S
    return text, min(life_s, _LONGEST_LIFE_S)
