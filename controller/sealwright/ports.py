"""The sockets between stories and the world: four verbs for what is outside, one page.

A flow awaits these and knows no concrete edge; each edge passes the contract suite of its socket in `tests/contracts`,
and so does its in-memory twin.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, Self

from sealwright.core.config import Config
from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.model import Artifact, Attestation, Key, Lane, LogEntry, Mark, Origin, Receipt, Signature, value
from sealwright.core.outbox import Pending
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.precedence import Policies
from sealwright.core.policy.verificationpolicy import NoMatch
from sealwright.core.proof.attestation import TrustedKey


class Clock(Protocol):
    """Time, and waiting for it. Tests hold one that they move by hand."""

    def now_s(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""


class Keys(Protocol):
    """Where work comes from."""

    def follow(self) -> AsyncIterator[tuple[Key, Lane]]:
        """Keys of what is there or has changed, and where they should wait. Ends only if the source does (`--once`)."""

    def backlog(self) -> AsyncIterator[Key]:
        """Keys from before, to be worked off beside the changes and behind them. Ends when it has given all, if ever."""


class Claim(Protocol):
    """This replica's right to act on a run, for as long as the `with` lasts: its shard is not handed over before."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def check(self) -> None:
        """Before each effect on the outside. Raises Transient(NOT_HELD) where another replica may act by now."""


class _Free:
    """The claim where there is nobody else."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self) -> None:
        pass


FREE: Claim = _Free()


class Objects(Protocol):
    """Runs as they are now."""

    async def fetch(self, key: Key) -> bytes | None:
        """The object's JSON; None where it is gone."""


class Runs(Keys, Objects, Protocol):
    """Where runs come from and where their marks go: a cluster, or a folder that plays one."""

    def claim(self, anchor: str) -> Claim | None:
        """The right to act on what belongs together under this uid (`runs.anchor`); None where another replica has it."""

    async def hold(self, key: Key, uid: str) -> None:
        """Keep an unfinished run from vanishing between its end and its signature."""

    async def release(self, key: Key, uid: str) -> None:
        """Let go of a run that is being deleted and is not to be signed in its place. Without a uid: of whichever is there."""

    async def keep(self, owed: Pending) -> None:
        """Keep what is still owed of a run that is about to go. Raises Transient where there is no room or no answer."""

    async def fail(self, key: Key, uid: str, annotations: Mapping[str, str]) -> None:
        """Write on the run, once, that it could not be signed until now; it stays to be signed."""

    async def standing(self, key: Key, uid: str) -> bool:
        """Whether this run's work is done, by our own record: a mark that others can write is not believed."""

    async def mark(self, key: Key, uid: str, mark: Mark) -> None:
        """Write the mark and the record, so that a kill in between changes nothing; a run that is gone is left alone."""


class Outbox(Keys, Protocol):
    """What is owed of runs that are gone. Keys have the run's namespace and the name under which it is kept."""

    def claim(self, anchor: str) -> Claim | None:
        """As `Runs.claim`."""

    async def fetch(self, key: Key) -> Pending | None:
        """What is owed; None where it has been settled."""

    async def drop(self, key: Key) -> None:
        """It is settled."""


class Signer(Protocol):
    """Opened once, used for every signature (design D9)."""

    @property
    def key_id(self) -> str:
        """Of the key that signs next."""

    async def sign(self, message: bytes) -> Signature:
        """Sign these bytes; the hash is the signer's own affair."""


class Log(Protocol):
    """A transparency log. What is there already is a success."""

    async def append(self, attestation: Attestation, author: Author) -> tuple[LogEntry, Receipt]:
        """Log it, and prove the answer: that it is this entry, by this author, under a checkpoint that the log signed."""


class Timestamper(Protocol):
    """A timestamp authority (RFC 3161)."""

    async def stamp(self, signature: bytes) -> bytes:
        """Its response (DER), proven to be by a trusted clock, over this signature, and of now."""


class Store(Protocol):
    """Keeps attestations. `put` twice is one."""

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        """Keep it, and say where; the receipt is true when this returns (but see `Receipt.annotations`)."""

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:
        """What is kept for this artifact of this run, oldest first, unproven."""


class Definitions(Protocol):
    """What judging a run's remote definition needs, read anew each time."""

    no_match: NoMatch

    def now(self) -> datetime:
        """The time of day, for exemptions and keys that end."""

    async def request(self, namespace: str, name: str) -> bytes:
        """The JSON of the ResolutionRequest. Raises Permanent(DEFINITION_UNKNOWN) where there is none."""

    async def policies(self, namespace: str) -> tuple[Policies, Kept]:
        """All policies that may count in a namespace, and what was fetched of their keys."""


async def nothing_open() -> None:
    """The end of an equipment that opened nothing."""


@value
class Equipment:
    """One configuration and what it opened, swapped as a whole; each run takes it once."""

    config: Config
    signers: Mapping[str, Signer]
    stores: Mapping[str, Store]
    log: Log | None = None
    definitions: Definitions | None = None  # where a run's remote definition is to be judged again
    close: Callable[[], Awaitable[None]] = nothing_open  # when another has taken its place; what is under way still ends
    timestamper: Timestamper | None = None
    trusted: tuple[TrustedKey, ...] = ()  # public halves of the signers, for marks that were written before
