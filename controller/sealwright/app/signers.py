"""Opens the signers that a configuration names, the same way in a cluster, over a folder and by hand."""

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from sealwright import plugins
from sealwright.core.config import Config, Secret
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge.clock import SystemClock, wall_now
from sealwright.edge.signing import CheckedSigner, Tools

_ROOM = "sealwright.edge.signers"
# What was replaced is closed when nobody can be using it any more: longer than a signature may take.
GRACE_S = 120.0

_Wish = tuple[str, tuple[tuple[str, str | bool | Secret], ...]]


class Signers:
    """Every signer that is open. One with the same word and settings is opened once, whatever else changes (design D9)."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._open: dict[_Wish, CheckedSigner] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def equip(self, config: Config, words: Collection[str]) -> Mapping[str, CheckedSigner]:
        """Word -> signer, for each of the words, which are signers of this configuration.

        Others that are open are closed after GRACE_S. Raises what opening raises; then what was open before stays open, and
        nothing else.
        """
        wishes = {word: _wish(config, word) for word in sorted(words)}
        fresh: dict[_Wish, CheckedSigner] = {}
        try:
            for wish in wishes.values():
                if wish not in self._open and wish not in fresh:
                    fresh[wish] = await plugins.members(_ROOM)[wish[0]].open(dict(wish[1]), self._tools)
        except BaseException:
            await _close(fresh.values())
            raise
        self._open |= fresh
        self._retire({wish: signer for wish, signer in self._open.items() if wish not in wishes.values()})
        return {word: self._open[wish] for word, wish in wishes.items()}

    async def close(self) -> None:
        """Close everything, at once."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await _close(self._open.values())
        self._open.clear()

    def _retire(self, unused: Mapping[_Wish, CheckedSigner]) -> None:
        for wish, signer in unused.items():
            del self._open[wish]
            task = asyncio.ensure_future(self._close_later(signer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close_later(self, signer: CheckedSigner) -> None:
        try:
            await self._tools.clock.sleep(GRACE_S)
        finally:
            await signer.close()


def tools_by_hand(keys: Path | None) -> Tools:
    """For a command that a person gives; the environment is theirs."""
    return Tools(keys=keys, clock=SystemClock(), unix_s=lambda: wall_now().timestamp(), environment=os.environ)


def trusted(signers: Mapping[str, CheckedSigner]) -> tuple[TrustedKey, ...]:
    """The keys that sign now, and those that their keeper still vouches for.

    Any other that was replaced, perhaps because it was stolen, proves nothing any more.
    """
    return tuple(key for signer in signers.values() for key in (signer.held.trusted, *signer.held.previous))


def expiries(signers: Mapping[str, CheckedSigner]) -> Mapping[str, float]:
    """Word -> when the key or its certificate expires, seconds after 1970; without those that do not."""
    found = {word: signer.held.expires_s for word, signer in signers.items()}
    return {word: at_s for word, at_s in found.items() if at_s is not None}


def _wish(config: Config, word: str) -> _Wish:
    """Which member of the room with which settings; a key of a namespace is one of its signer's with another name."""
    member, changed = word, dict[str, str | bool | Secret]()
    if word.startswith("file:"):
        member, changed = "x509", {"name": word.removeprefix("file:"), "fulcio.enabled": False}
    elif ":" in word:
        member, changed = "kms", {"kmsref": word}
    settings = dict(config.signers.get(member, {})) | changed
    return member, tuple(sorted(settings.items(), key=lambda item: item[0]))


async def _close(signers: Iterable[CheckedSigner]) -> None:
    await asyncio.gather(*(signer.close() for signer in signers))
