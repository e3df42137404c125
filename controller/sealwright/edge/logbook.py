"""What each version of a transparency log is opened with, and the receipt for an entry."""

from collections.abc import Callable

from sealwright.core.envelope.rekor.asking import Kind
from sealwright.core.model import LOG, LogEntry, Receipt, value
from sealwright.core.oci import digest_of
from sealwright.core.proof.checkpoint import LogKey
from sealwright.core.tekton.marks import TRANSPARENCY


@value
class LogSettings:
    """`keys` are those that the log may answer with; `shown_url` is its address without a password; `unix_s` the time of day."""

    keys: tuple[LogKey, ...]
    entries: Kind
    shown_url: str
    unix_s: Callable[[], float]


def receipt(uri: str, entry: LogEntry) -> Receipt:
    """The annotation is Chains': one for the whole run, its last entry's, whatever stood there before."""
    return Receipt(store=LOG, uri=uri, digest=digest_of(entry.body), annotations={TRANSPARENCY: uri})
