"""Checkpoints: what a log says of its whole tree, as a signed note.

    rekor.example.com                  origin
    736                                leaves
    rs1YPY0y...TDI=                    root, base64
                                       (more lines may stand here; they are signed too)
    <an empty line>
    (em dash) rekor.example.com 8w1amdbj...     name, and base64 of a 4-byte key hint with the signature

Source: C2SP tlog-checkpoint and signed-note. Rekor v1 writes `NAME - TREE` as origin and signs as NAME.
"""

import hashlib
import re

from cryptography.hazmat.primitives.asymmetric import ed25519

from sealwright.core import keys, pem, strict
from sealwright.core.errors import Reason, Untrusted, quote
from sealwright.core.keys import PublicKey
from sealwright.core.model import value
from sealwright.core.proof import merkle

# A checkpoint has about 300 bytes; a dozen witnesses add a kilobyte.
SIZE_LIMIT = 16 << 10
SIGNATURE_LIMIT = 64

_SEPARATOR = "\n\n"
_SIGNED = "\N{EM DASH} "
_HINT_BYTES = 4
# signed-note's word for Ed25519, which enters the id of such a key.
_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@value
class LogKey:
    """A log that the verifier's user trusts. `log_id` is 32 bytes, as bundles name the log; its first 4 are the key hint.

    `origin` is the name in the log's checkpoints; empty accepts each name that the log gives itself.
    """

    key: PublicKey
    log_id: bytes
    origin: str = ""


@value
class NoteSignature:
    """One line below a note. `hint` has 4 bytes."""

    name: str
    hint: bytes
    raw: bytes


@value
class Checkpoint:
    """What a log said; who reads it has proven nothing yet. `signed` is the text that is signed, `size` counts leaves."""

    origin: str
    size: int
    root: bytes
    signed: bytes
    signatures: tuple[NoteSignature, ...]

    @property
    def name(self) -> str:
        """Who has to sign: the origin, without Rekor v1's number of its tree."""
        return self.origin.partition(" - ")[0]


def log_key(key: PublicKey, origin: str = "") -> LogKey:
    """A log whose id is SHA-256 over its key (DER): Rekor v1, and each log with another key than Ed25519."""
    spki = pem.first_block(key.pem, "the log's public key").body
    return LogKey(key=key, log_id=hashlib.sha256(spki).digest(), origin=origin)


def tiled_log_key(key: PublicKey, origin: str) -> LogKey:
    """A Rekor v2 log. With an Ed25519 key its id is that of signed-note, which holds the log's name too."""
    if not isinstance(key.material, ed25519.Ed25519PublicKey):
        return log_key(key, origin)
    named = origin.encode() + b"\n" + _ED25519 + key.material.public_bytes_raw()
    return LogKey(key=key, log_id=hashlib.sha256(named).digest(), origin=origin)


def verify(text: str, log: LogKey) -> Checkpoint:
    """Prove that this log signed this checkpoint, and under its own name.

    Raises Untrusted(BAD_CHECKPOINT). Signatures of others, such as witnesses, are neither needed nor checked.
    """
    found = read(text)
    if log.origin and log.origin not in (found.origin, found.name):
        raise _bad(f"it is of {quote(found.origin)}, wanted {quote(log.origin)}")
    ours = [line.raw for line in found.signatures if (line.name, line.hint) == (found.name, log.log_id[:_HINT_BYTES])]
    if not ours:
        raise _bad(f"no signature of {quote(found.name)} has the key hint {log.log_id[:_HINT_BYTES].hex()} of the trusted key")
    try:
        for raw in ours:
            keys.verify(log.key, "sha256", found.signed, raw)
    except Untrusted as error:
        raise _bad(error.message) from error
    return found


def read(text: str) -> Checkpoint:
    """The parts of a checkpoint. Raises Untrusted(BAD_CHECKPOINT)."""
    if len(text) > SIZE_LIMIT:
        raise _bad(f"{len(text)} characters, more than the {SIZE_LIMIT} that are read")
    body, separator, below = text.rpartition(_SEPARATOR)
    lines = body.split("\n")
    if not separator or len(lines) < 3 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise _bad("wanted lines with origin, size and root, an empty line, and signatures")
    return Checkpoint(
        origin=lines[0],
        size=int(lines[1]),
        root=_root(lines[2]),
        signed=(body + "\n").encode(errors="surrogatepass"),
        signatures=_signatures(below),
    )


def _root(text: str) -> bytes:
    found = _decoded(text, "the root")
    if len(found) != merkle.HASH_BYTES:
        raise _bad(f"the root has {len(found)} bytes, wanted {merkle.HASH_BYTES}")
    return found


def _signatures(below: str) -> tuple[NoteSignature, ...]:
    lines = below.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise _bad(f"{len(lines)} signatures, more than {SIGNATURE_LIMIT}")
    return tuple(map(_signature, lines))


def _signature(line: str) -> NoteSignature:
    name, space, text = line.removeprefix(_SIGNED).rpartition(" ")
    if not line.startswith(_SIGNED) or not space or not name:
        raise _bad(f"wanted a signature line, found {quote(line)}")
    raw = _decoded(text, "a signature")
    if len(raw) <= _HINT_BYTES:
        raise _bad(f"a signature of {quote(name)} has {len(raw)} bytes, which leaves none after the key hint")
    return NoteSignature(name=name, hint=raw[:_HINT_BYTES], raw=raw[_HINT_BYTES:])


def _decoded(text: str, what: str) -> bytes:
    raw = strict.base64_bytes(text)
    if raw is None:
        raise _bad(f"{what} is not base64: {quote(text)}")
    return raw


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_CHECKPOINT, f"checkpoint: {why}")
