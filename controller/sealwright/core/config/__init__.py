"""The ConfigMap `chains-config`: read, checked, explained. Same keys, words and defaults as Tekton Chains.

`settings` is the table of keys, `values` what they become, `reading` one key, `parsing` the whole, `advice` what the
whole says in vain, `document` the file it comes in.
"""

from sealwright.core.config.document import from_document
from sealwright.core.config.parsing import Entry, Examined, examine, parse
from sealwright.core.config.reading import without_password
from sealwright.core.config.settings import NAMES, SETTINGS, Setting, allowed_words
from sealwright.core.config.values import NO_SIGNER, ArtifactConfig, Config, Parsed, Secret, Settings, Transparency, signing_hash

__all__ = [
    "NAMES",
    "NO_SIGNER",
    "SETTINGS",
    "ArtifactConfig",
    "Config",
    "Entry",
    "Examined",
    "Parsed",
    "Secret",
    "Setting",
    "Settings",
    "Transparency",
    "allowed_words",
    "examine",
    "from_document",
    "parse",
    "signing_hash",
    "without_password",
]
