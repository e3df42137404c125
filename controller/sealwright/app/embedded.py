"""The embedded default (design D16): a folder is the cluster. The same flow as in one, with other edges plugged in."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Mapping
from pathlib import Path

from sealwright.app import stores
from sealwright.app.logs import open_log
from sealwright.app.running import refresh_keys, until_signal
from sealwright.app.signers import Signers, tools_by_hand, trusted
from sealwright.app.timestamps import open_timestamper
from sealwright.core.config import Config
from sealwright.core.errors import Fault
from sealwright.core.model import Key, value
from sealwright.edge import keyfiles
from sealwright.edge.clock import SystemClock, chance, unix_s
from sealwright.edge.folder import FolderRuns
from sealwright.edge.output import SECRETS, Output
from sealwright.edge.reports import Log
from sealwright.edge.signers import x509
from sealwright.edge.signing import CheckedSigner
from sealwright.edge.stores import Tools
from sealwright.flow.controller import Controller
from sealwright.flow.reconcile import Circumstances, Report, State, reconcile
from sealwright.ports import Equipment


@value
class FolderOptions:
    """Where runs are, where results go, where keys are; `keys` is made on first use if it is not given."""

    source: Path
    out: Path
    keys: Path | None
    config: Config
    once: bool


@value
class Ended:
    """How looks at runs ended, and whether a signal ended it all before there was nothing left to look at."""

    looks: Mapping[State, int]
    is_stopped: bool


async def run_folder(options: FolderOptions, log: Log) -> Ended:
    """Sign what a folder holds, and go on while there is more.

    SIGTERM and SIGINT end it after the step that is under way; what is half done is finished at the next start.
    """
    ends: Counter[State] = Counter()

    def report(found: Report) -> None:
        ends[found.state] += 1
        log.run(found)

    def on_problem(path: Path, fault: Fault) -> None:
        ends[State.FAILED] += 1
        log.problem(str(path), fault)

    with Output(options.out) as output:

        async def flush() -> None:
            output.flush()

        clock = SystemClock()
        opened = Signers(tools_by_hand(options.keys or options.out / SECRETS))
        signers = await _signers(options, opened, log)
        own_log, own_clock = open_log(options.config, unix_s), open_timestamper(options.config, unix_s)
        kept = stores.OwnStores(options.config, Tools(output=output, environment=os.environ))
        for word, fault in (await kept.open()).items():
            log.problem(f"store {word}", fault)
        source = FolderRuns(options.source, output, clock, once=options.once, on_problem=on_problem, on_rest=flush)

        def tools() -> Equipment:
            return Equipment(
                config=options.config,
                signers=signers,
                stores=kept.by_word,
                log=own_log.log,
                timestamper=own_clock.timestamper,
                trusted=trusted(signers),
            )

        def look(key: Key, at: Circumstances) -> Awaitable[Report]:
            return reconcile(key, source, tools(), at)

        controller = Controller(source, look, report, clock, chance, patient=not options.once)
        refresher = asyncio.ensure_future(refresh_keys(signers.values, clock, log))
        try:
            is_stopped = await until_signal(controller.run())
        finally:
            refresher.cancel()
            await kept.close()
            await own_log.close()
            await own_clock.close()
            await opened.close()
    return Ended(looks=ends, is_stopped=is_stopped)


async def _signers(options: FolderOptions, opened: Signers, log: Log) -> Mapping[str, CheckedSigner]:
    """The signers, with a key made on first use where one is needed and none was named."""
    directory = options.out / SECRETS
    needs_key = "x509" in options.config.signers_in_use and not options.config.signers["x509"].get("fulcio.enabled")
    if options.keys is None and needs_key and not (directory / x509.PLAIN).exists():
        public = await asyncio.to_thread(keyfiles.make_first_pair, directory, "ecdsa-p256")
        if public:
            log.note("made a key", public=str(directory / keyfiles.PUBLIC), key_id=public.key_id)
    return await opened.equip(options.config, options.config.signers_in_use)
