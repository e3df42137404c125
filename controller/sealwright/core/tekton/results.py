"""A parameter or result of a run, as it stood."""

from functools import cached_property
from typing import Final

import msgspec

from sealwright.core.tekton.values import ParamValue, param_value

RAW_ABSENT: Final = msgspec.Raw(b"")


class Named(msgspec.Struct, frozen=True, dict=True):
    """A parameter or result: its value is JSON until somebody asks."""

    name: str = ""
    type: str = ""
    value: msgspec.Raw = RAW_ABSENT

    @cached_property
    def read(self) -> ParamValue:
        """The value by Tekton's rules (`values.param_value`); "" where there is none."""
        return param_value(bytes(self.value)) if self.value != RAW_ABSENT else ""

    @property
    def text(self) -> str:
        """The value if it is text, else ""."""
        read = self.read
        return read if isinstance(read, str) else ""
