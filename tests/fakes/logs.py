"""A transparency log in memory, behind the flow's socket."""

import json

from fakes.rekor import Rekor
from fakes.stepping import step

from sealwright.core.envelope.rekor import asking
from sealwright.core.envelope.rekor.asking import Author, Kind
from sealwright.core.errors import Reason, Transient
from sealwright.core.model import Attestation, LogEntry, Receipt
from sealwright.core.proof import logged
from sealwright.edge.logbook import receipt

OUTAGE = Transient(Reason.UNAVAILABLE, "the log does not answer")


class MemoryLog:
    """`ports.Log`. `fault` is raised as long as it is set; `appended` counts calls, and the tree keeps no entry twice."""

    def __init__(self, kind: str = "v1", entries: Kind = "dsse") -> None:
        self.rekor = Rekor(kind)
        self._entries = entries
        self.fault: Exception | None = None
        self.appended = 0

    async def append(self, attestation: Attestation, author: Author) -> tuple[LogEntry, Receipt]:
        self.appended += 1
        await step()
        if self.fault:
            raise self.fault
        entry = self._keep(attestation, author)
        await step()
        logged.prove(entry, attestation, author, [self.rekor.tree.key], self.rekor.tree.time_s)
        return entry, receipt(f"memory:{entry.index}", entry)

    def _keep(self, attestation: Attestation, author: Author) -> LogEntry:
        proposal = (
            asking.propose_v2(attestation, author)
            if self.rekor.kind == "v2"
            else asking.propose_v1(attestation, author, self._entries)
        )
        leaf = self.rekor.body(json.loads(proposal))
        leaves = self.rekor.tree.leaves
        return self.rekor.entry(leaves.index(leaf) if leaf in leaves else self.rekor.tree.add(leaf))
