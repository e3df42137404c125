"""A configuration with what it opened: twins under the words that the configuration uses."""

from collections.abc import Mapping

import pytest
from fakes.signers import MemorySigner

from sealwright import plugins
from sealwright.core import config as configs
from sealwright.core.config import Config
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton import runs
from sealwright.core.tekton.runs import Run
from sealwright.flow.sign import OnBug, Work
from sealwright.ports import FREE, Equipment, Log, Signer, Store


def config(**settings: str) -> Config:
    """The ConfigMap's defaults but for `settings`, whose names have `_` for `.`; any word is a store."""
    data = {name.replace("_", ".") if "." not in name else name: text for name, text in settings.items()}
    stores = sorted({word.strip() for name, text in data.items() if name.endswith(".storage") for word in text.split(",")} - {""})
    formats = list(plugins.members("sealwright.core.provenance"))
    return configs.parse(data, formats=formats, stores=stores, signers=["x509", "kms", "spiffe"]).config


def everywhere(stores: Mapping[str, Store], **settings: str) -> Config:
    """A configuration that keeps every artifact in each of these stores."""
    words = ",".join(stores)
    sorts = dict.fromkeys(("artifacts_taskrun_storage", "artifacts_pipelinerun_storage", "artifacts_oci_storage"), words)
    return config(**sorts | settings)


def equipment(stores: Mapping[str, Store], signer: Signer | None = None, log: Log | None = None, **settings: str) -> Equipment:
    """Everything is signed by one signer and kept in each of `stores`; with a log, everything is logged too."""
    made = signer or MemorySigner()
    logging = {"transparency_enabled": "true"} if log else {}
    return Equipment(
        config=everywhere(stores, **logging | settings),
        signers={"x509": made},
        stores=stores,
        log=log,
        trusted=(TrustedKey(key=made.held.public, form=made.held.form),) if isinstance(made, MemorySigner) else (),
    )


def work(run: Run, tools: Equipment, on_bug: OnBug = pytest.fail) -> Work:
    """What the flow passes on for one run, where nobody else is."""
    return Work(origin=runs.origin_of(run), tools=tools, claim=FREE, on_bug=on_bug)
