"""Keys in hardware, by PKCS#11: a URI as RFC 7512 has it, `pkcs11:token=T;object=KEY?module-path=/lib/X.so&pin-source=file:/PIN`.

`token`, `serial` or `slot-id` find the token, `object` and `id` the key, both halves of which must be there. The PIN is in a
file, or in COSIGN_PKCS11_PIN; one that was refused is not tried again, since tokens lock themselves after a few wrong ones.

The library opens modules without telling them of threads (C_Initialize without flags), so a module does one thing at a time:
SoftHSM answers GENERAL_ERROR to the second of two.
"""

import contextlib
import hashlib
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.edge.signing import CALL_S, RECHECK_S, Held, Tools, library, unavailable
from sealwright.edge.threads import Threads

NAMES = ("pkcs11",)

_PIN_LIMIT = 1024
_ATTRIBUTES = {"token", "serial", "slot-id", "object", "id", "type", "manufacturer", "model"}
_QUERY = {"module-path", "pin-source"}
# Module -> whose turn it is, for all keys in the process.
_turns: dict[str, threading.Lock] = {}
# Hashes of (token, PIN) that were refused, for as long as the process lives: each new try is one towards the lock.
_refused_pins: set[bytes] = set()


async def hold(reference: str, _settings: Settings, tools: Tools) -> "TokenKey":
    """Raises Permanent(INVALID_CONFIG)."""
    path, _, query = reference.removeprefix("pkcs11:").partition("?")
    found = _parts(path, ";", _ATTRIBUTES) | _parts(query, "&", _QUERY)
    if not Path(found.get("module-path", "")).is_absolute() or not ({"object", "id"} & found.keys()):
        wanted = "pkcs11:token=TOKEN;object=KEY?module-path=/usr/lib/MODULE.so&pin-source=file:/PATH"
        raise Permanent(Reason.INVALID_CONFIG, f"signers.kms.kmsref: wanted {wanted}")
    return TokenKey(found, tools.environment.get("COSIGN_PKCS11_PIN", ""))


def _parts(text: str, separator: str, known: set[str]) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(separator) if part]
    unknown = sorted({name for name, _, _ in pairs} - known)
    if unknown:
        advice = (
            "; a PIN does not belong into a ConfigMap: put it in a file, pin-source=file:/PATH" if "pin-value" in unknown else ""
        )
        raise Permanent(Reason.INVALID_CONFIG, f"pkcs11: {quote(', '.join(unknown))} is not known here{advice}")
    return {name: value if name == "id" else unquote(value) for name, _, value in pairs}


class TokenKey:
    """A `Holder`. The session is opened when it is needed, and given up when anything fails: the token may have been pulled."""

    recheck_s = RECHECK_S
    calls = 1

    def __init__(self, uri: Mapping[str, str], pin: str) -> None:
        named = ", ".join(f"{name}={uri[name]}" for name in ("token", "serial", "object", "id") if name in uri)
        self.where = f"PKCS#11 key {quote(named)}"
        self._uri, self._pin = uri, pin
        self._threads = Threads(self.where, 4)
        self._turn = _turns.setdefault(uri["module-path"], threading.Lock())
        self._session: tuple[Any, Any] | None = None

    async def load(self, _known: Held | None) -> Held:
        return Held(public=keys.load_public_der(await self._threads.run(self._guarded, self._public)))

    async def sign(self, message: bytes, held: Held) -> bytes:
        return await self._threads.run(self._guarded, self._sign, message, held)

    async def close(self) -> None:
        await self._threads.run(self._give_up)

    def _guarded(self, work: Any, *arguments: Any) -> Any:
        """One piece of work in a thread, when it is its turn."""
        try:
            import pkcs11  # noqa: PLC0415  an extra
        except ImportError as error:
            raise library(self.where, "pkcs11", error) from error
        if not self._turn.acquire(timeout=CALL_S):
            raise unavailable(self.where, f"another call to its module did not come back in {CALL_S:g} s")
        try:
            if self._session is None:
                self._session = self._opened(pkcs11)
            return work(self._session, *arguments)
        except pkcs11.exceptions.PKCS11Error as error:
            self._close()
            raise self._fault(pkcs11.exceptions, error) from error
        finally:
            self._turn.release()

    def _public(self, session: tuple[Any, Any]) -> bytes:
        import pkcs11  # noqa: PLC0415
        from pkcs11.util import ec, rsa  # noqa: PLC0415

        public = session[0].get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, **self._named())
        if public.key_type is pkcs11.KeyType.EC:
            return bytes(ec.encode_ec_public_key(public))
        if public.key_type is pkcs11.KeyType.RSA:
            return bytes(rsa.encode_rsa_public_key(public))
        raise Permanent(Reason.KEY_UNUSABLE, f"{self.where} is of kind {public.key_type.name}, wanted EC or RSA")

    def _sign(self, session: tuple[Any, Any], message: bytes, held: Held) -> bytes:
        from pkcs11 import Mechanism  # noqa: PLC0415

        if held.public.algorithm.startswith("rsa"):
            return bytes(session[1].sign(message, mechanism=Mechanism.SHA256_RSA_PKCS))
        digest = keys.digest(held.public, held.form, message)[1]
        return keys.ecdsa_der(bytes(session[1].sign(digest, mechanism=Mechanism.ECDSA)))

    def _opened(self, pkcs11: Any) -> tuple[Any, Any]:
        """A session, and the private key in it."""
        if not Path(self._uri["module-path"]).exists():
            message = f"{self.where}: there is no module {quote(self._uri['module-path'])}; mount it, or name another"
            raise Permanent(Reason.INVALID_CONFIG, message)
        session = self._logged_in(pkcs11, self._token(pkcs11.lib(self._uri["module-path"])))
        return session, session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **self._named())

    def _token(self, module: Any) -> Any:
        slot = self._uri.get("slot-id")
        if slot and slot.isdecimal():
            found = [each.get_token() for each in module.get_slots(token_present=True) if each.slot_id == int(slot)]
            if found:
                return found[0]
            raise Permanent(Reason.KEY_MISSING, f"{self.where}: there is no token in slot {slot}")
        wanted = {"token_label": self._uri.get("token"), "token_serial": self._uri.get("serial", "").encode() or None}
        return module.get_token(**{name: text for name, text in wanted.items() if text})

    def _logged_in(self, pkcs11: Any, token: Any) -> Any:
        pin = self._read_pin()
        mark = hashlib.sha256(f"{sorted(self._uri.items())}\0{pin}".encode()).digest()
        if mark in _refused_pins:
            raise Permanent(
                Reason.WRONG_PASSWORD, f"{self.where}: this PIN was refused, and is not tried again: write the right one"
            )
        try:
            return token.open(user_pin=pin or None)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            return token.open()  # a login holds for all sessions of the process
        except pkcs11.exceptions.PinIncorrect:
            _refused_pins.add(mark)
            raise

    def _named(self) -> dict[str, Any]:
        wanted = {"label": self._uri.get("object"), "id": unquote_to_bytes(self._uri.get("id", "")) or None}
        return {name: text for name, text in wanted.items() if text}

    def _read_pin(self) -> str:
        path = re.sub(r"^file:(//)?", "", self._uri.get("pin-source", ""))
        if not path:
            return self._pin
        try:
            with Path(path).open("rb") as file:
                return file.read(_PIN_LIMIT).decode().removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Permanent(
                Reason.KEY_MISSING, f"{self.where}: the PIN's file {quote(path)} cannot be read: {quote(error)}"
            ) from error

    def _give_up(self) -> None:
        with self._turn:
            self._close()

    def _close(self) -> None:
        if self._session:
            with contextlib.suppress(Exception):  # it may be broken, which is why it goes
                self._session[0].close()
        self._session = None

    def _fault(self, errors: Any, error: Exception) -> Fault:
        said = f"{type(error).__name__} {quote(error)}" if str(error) else type(error).__name__
        match error:
            case errors.PinIncorrect() | errors.PinLocked() | errors.PinExpired() | errors.PinInvalid() | errors.PinLenRange():
                return Permanent(
                    Reason.WRONG_PASSWORD, f"{self.where}: {said}; look at pin-source, and whether the token is locked"
                )
            case errors.NoSuchKey() | errors.NoSuchToken() | errors.MultipleObjectsReturned() | errors.MultipleTokensReturned():
                return Permanent(
                    Reason.KEY_MISSING, f"{self.where}: {said}; the URI must name one token, and one pair of keys in it"
                )
            case errors.MechanismInvalid() | errors.KeyTypeInconsistent():
                return Permanent(Reason.KEY_UNUSABLE, f"{self.where}: {said}; wanted a key that may sign, EC or RSA")
        return unavailable(self.where, said)
