"""The logins of the person at the terminal: Docker's `config.json`. Helpers are programs of others, and are not run."""

from pathlib import Path

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.registry import logins
from sealwright.core.registry.logins import Login, Owner


class DockerLogins:
    """`Logins` from one file, which need not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def find(self, owner: Owner | None, registry: str, repository: str) -> Login | None:  # noqa: ARG002  one person
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Permanent(Reason.NOT_FOUND, f"{quote(self._path)}: {error.strerror or error}; give access to it") from error
        return logins.choose(logins.read(body, str(self._path)), registry, repository)

    def forget(self, owner: Owner | None) -> None:
        """Nothing is kept: the file is read each time."""
