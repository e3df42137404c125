"""Libraries of services, which are extras of this package: imported when a configuration names one."""

import importlib
from types import ModuleType

from sealwright.core.errors import Permanent, Reason


def load(module: str, extra: str, who: str) -> ModuleType:
    """The module. Raises Permanent(INVALID_CONFIG) where it is not installed, with how to mend that."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{who} needs the library {module.partition('.')[0]}: pip install 'sealwright[{extra}]'"
        raise Permanent(Reason.INVALID_CONFIG, message) from error
