"""The embedded default (design D16): a folder is the cluster. The same flow as in one, with other edges plugged in."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sealwright.app import stores
from sealwright.app.running import refresh_keys, until_signal
from sealwright.core.config import Config
from sealwright.core.errors import Fault
from sealwright.core.model import value
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge import keyfiles
from sealwright.edge.clock import SystemClock, chance
from sealwright.edge.folder import FolderRuns
from sealwright.edge.output import SECRETS, Output
from sealwright.edge.reports import Log
from sealwright.edge.signers import x509
from sealwright.edge.stores import Tools
from sealwright.flow.controller import Controller
from sealwright.flow.reconcile import Report, State
from sealwright.ports import Equipment, Signer


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

        tools = await _equip(options, output, log)
        clock = SystemClock()
        source = FolderRuns(options.source, output, clock, once=options.once, on_problem=on_problem, on_rest=flush)
        controller = Controller(source, lambda: tools, report, clock, chance, patient=not options.once)
        refresher = asyncio.ensure_future(refresh_keys(tools.signers.values, clock, log))
        try:
            is_stopped = await until_signal(controller.run())
        finally:
            refresher.cancel()
            await tools.close()
    return Ended(looks=ends, is_stopped=is_stopped)


async def _equip(options: FolderOptions, output: Output, log: Log) -> Equipment:
    config = options.config
    signer = await _signer(options, log) if config.signers_in_use else None
    signers: dict[str, Signer] = {"x509": signer} if signer else {}
    trusted = (TrustedKey(key=signer.public, form=config.x509_hash),) if signer else ()
    opened = stores.OwnStores(config, Tools(output=output))
    for word, fault in (await opened.open()).items():
        log.problem(f"store {word}", fault)
    return Equipment(config=config, signers=signers, stores=opened.by_word, close=opened.close, trusted=trusted)


async def _signer(options: FolderOptions, log: Log) -> x509.X509Signer:
    """The signer of the embedded default, with a key made on first use where none was named."""
    directory = options.keys or options.out / SECRETS
    is_ours = options.keys is None
    if is_ours and not (directory / x509.PLAIN).exists():
        public = await asyncio.to_thread(keyfiles.make_first_pair, directory, "ecdsa-p256")
        if public:
            log.note("made a key", public=str(directory / keyfiles.PUBLIC), key_id=public.key_id)
    return await x509.open(directory, options.config.x509_hash)
