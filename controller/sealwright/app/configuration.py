"""A ConfigMap against the words that this build has: what the plug-in rooms hold is what a configuration may name."""

from collections.abc import Mapping
from pathlib import Path

from sealwright import plugins
from sealwright.core import config as configs
from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge.reading import read_argument

_PROVENANCE, _STORES, _SIGNERS = "sealwright.core.provenance", "sealwright.edge.stores", "sealwright.edge.signers"


def parse_config(data: Mapping[str, str]) -> configs.Parsed:
    """A ConfigMap's data against the words that this build has. Raises Permanent(INVALID_CONFIG)."""
    formats, stores, signers = (list(plugins.members(room)) for room in (_PROVENANCE, _STORES, _SIGNERS))
    return configs.parse(data, formats=formats, stores=stores, signers=signers)


def read_config(path: Path | None) -> configs.Parsed:
    """The configuration in a file, or Chains' defaults where there is none."""
    if path is None:
        return parse_config({})
    documents = strict.documents(read_argument(path), str(path))
    if len(documents) != 1:
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(path)}: wanted one ConfigMap, found {len(documents)} documents")
    return parse_config(configs.from_document(documents[0]))
