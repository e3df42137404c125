"""Where a person's own cache is, as the environment says."""

import os
from pathlib import Path


def folder() -> Path:
    """XDG's place, or the one that Windows has for it."""
    kept = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(kept) if kept else Path.home() / ".cache") / "sealwright"
