"""The on-call file on the disk, and how it comes into force: read whole, and kept in the database when it is good."""

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from bridge.oncall.file import OnCallFileError, read
from bridge.oncall.records import OnCall
from bridge.store import oncall as kept
from bridge.toml.parse import LONGEST_FILE

log = logging.getLogger(__name__)

DEFAULT_FILE = "oncall.toml"
MOST_BYTES = 4 * LONGEST_FILE

NOT_THERE = "there is no such file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What stands in the file. `oncall` is None where it is not there, or not good: then `problems` say why.

    `wanted`: BRIDGE_ONCALL_FILE names it, so it has to be there. `problems`: a sentence each, with its line. `hash`:
    SHA-256 of the text, hex.
    """

    path: Path
    wanted: bool = False
    text: str = ""
    hash: str = ""
    oncall: OnCall | None = None
    problems: tuple[str, ...] = ()

    @property
    def there(self) -> bool:
        """Whether there is a file at all, or should be one."""
        return self.oncall is not None or bool(self.problems)

    @property
    def trouble(self) -> str:
        """One line that names the file, the setting if it is set, and every problem."""
        return f"{'BRIDGE_ONCALL_FILE' if self.wanted else 'on-call file'}: {self.path}: {'; '.join(self.problems)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AtStart:
    """What stood in the file when this process started, and when that was."""

    written: Written
    read_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OnCallFile:
    """Where the file is: as `BRIDGE_ONCALL_FILE` says (`wanted`), or `oncall.toml`, which need not be there."""

    path: Path
    wanted: bool
    region: str

    @classmethod
    def of(cls, setting: str, region: str) -> "OnCallFile":
        """`setting`: BRIDGE_ONCALL_FILE, may be empty. `region`: how national numbers are read."""
        return cls(path=Path(setting or DEFAULT_FILE), wanted=bool(setting), region=region)

    def read(self) -> Written:
        """What stands in it now. Raises nothing. Not for an event loop: it waits for a disk."""
        nothing = Written(path=self.path, wanted=self.wanted)
        try:
            with self.path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
            text = raw.decode("utf-8-sig")
        except FileNotFoundError:
            return replace(nothing, problems=(NOT_THERE,) if self.wanted else ())
        except UnicodeDecodeError:
            return replace(nothing, problems=("the file is not in UTF-8: save it as UTF-8",))
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            why = getattr(error, "strerror", None) or error
            return replace(nothing, problems=(f"the file cannot be read: {why}",))
        try:
            oncall = read(text, region=self.region)
        except OnCallFileError as error:
            return replace(nothing, text=text, problems=error.problems)
        return replace(nothing, text=text, hash=hashlib.sha256(text.encode()).hexdigest(), oncall=oncall)


def accept(connection: Connection, written: Written, now: datetime) -> bool:
    """A good file is in force from now on, in every process; False when it is already."""
    if not kept.keep_file(connection, written.text, written.hash, now):
        return False
    log.info("on-call file %s accepted, SHA-256 %s", written.path, written.hash, extra={"event": "oncall.accepted"})
    return True
