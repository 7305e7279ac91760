"""Bring a database to this version."""

import os
import sqlite3
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bridge.domain.errors import StoreUnusable
from bridge.store.sqlite import explain, sqlite_engine

HEAD = "0009"
"""The newest migration. A test holds it against the folder."""


def sqlite_path(url: str) -> Path:
    """The file of `BRIDGE_DATABASE_URL`. Raises `StoreUnusable` for an address that this version does not know."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url == prefix or ":memory:" in url:
        raise StoreUnusable("BRIDGE_DATABASE_URL: must be sqlite:///FILE, sqlite:////ABSOLUTE/FILE or postgresql://…")
    if "?" in url:  # two spellings of one file would be two locks
        raise StoreUnusable("BRIDGE_DATABASE_URL: takes no parameters: leave out the ? and what follows")
    try:
        return Path(url.removeprefix(prefix)).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, ~somebody, a null byte
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: is no path of a file ({type(error).__name__})") from error


def database_file(url: str) -> Path:
    """As `sqlite_path`, of a file that is there or may be made: its folder is there, and nothing else has its name."""
    path = sqlite_path(url)
    _size(path)
    return path


def _size(path: Path) -> int:
    """Bytes of the file at `path`; 0 when it is not there yet. Raises `StoreUnusable` where no file can be."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(path.parent):  # noqa: PTH112 - Path's own raises where a folder may not be entered
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: there is no folder {path.parent}") from None
        return 0
    except OSError as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device"
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot read {path}: it is {kind}, not a file")
    return found.st_size


def current(path: Path) -> str | None:
    """The version of the database at `path`; None when there is none yet. Writes nothing.

    Raises `StoreUnusable` when it cannot be read, or cannot be there.
    """
    if _size(path) == 0:
        return None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=3)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if not {"alembic_version", "deliveries", "inbox"} <= tables:  # others use alembic, too
                raise StoreUnusable(f"BRIDGE_DATABASE_URL: {path} is a database of another program")
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot read {path}: {explain(error)}") from error


def refuse_newer(where: object, version: str | None) -> None:
    """Raise `StoreUnusable` when `version`, found in the database `where`, is newer than this program."""
    if version is not None and version > HEAD:
        raise StoreUnusable(
            f"BRIDGE_DATABASE_URL: {where} is of version {version}, newer than this program ({HEAD}): "
            "install a newer bridge"
        )


def check_start(path: Path, version: str | None) -> None:
    """Raise `StoreUnusable` when `migrate` could not write `path`, where `version` was found. Leaves no trace."""
    if version is not None:
        check_writable(path)
        return
    try:
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        # A database beside it: permissions do not tell what a disk and its locks can do.
        with TemporaryDirectory(prefix=".bridge-check-", dir=path.parent) as folder:
            _try_writing(Path(folder, "trial.db"), shown=path)
    except OSError as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot write {path}: {error.strerror}") from error


def check_writable(path: Path) -> None:
    """Raise `StoreUnusable` when the database at `path` could not be written."""
    _try_writing(path, shown=path)


def _try_writing(path: Path, *, shown: Path) -> None:
    engine = sqlite_engine(path)
    try:
        with engine.begin():
            pass
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA user_version = 0")  # a write: BEGIN alone passes on a read-only file
            connection.rollback()
    except DBAPIError as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot write {shown}: {explain(error)}") from error
    finally:
        engine.dispose()


def migrate(path: Path) -> bool:
    """Bring the database at `path` to this version; True when that changed something.

    Raises `StoreUnusable` when it is newer than this program, or cannot be written.
    """
    found = current(path)
    if found == HEAD:
        check_writable(path)
        return False
    refuse_newer(path, found)
    try:
        # Numbers and texts stand in it: for its owner alone. SQLite gives the files beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot write {path}: {error.strerror}") from error
    engine = sqlite_engine(path)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    except DBAPIError as error:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: cannot write {path}: {explain(error)}") from error
    finally:
        engine.dispose()
    return True


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` inside the connection's transaction."""
    # Alembic takes a tenth of a second to import, and nearly every start needs no migration.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
