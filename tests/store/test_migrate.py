import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from bridge.domain.errors import StoreUnusable
from bridge.store import migrate
from bridge.store.sqlite import sqlite_engine
from bridge.store.tables import metadata


def make(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_empty_folder_gets_a_database_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    assert migrate.current(path) is None
    assert migrate.migrate(path) is True
    assert migrate.current(path) == migrate.HEAD
    assert migrate.migrate(path) is False


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    path.touch()
    assert migrate.migrate(path) is True


def test_the_migrations_make_what_the_tables_say(path: Path) -> None:
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()


def test_the_migrations_make_the_same_indexes_to_the_letter(path: Path, tmp_path: Path) -> None:
    """Alembic does not compare the conditions of partial indexes."""
    fresh = sqlite_engine(tmp_path / "fresh.db")
    metadata.create_all(fresh)
    fresh.dispose()

    def indexes(file: Path) -> dict[str, str]:
        connection = sqlite3.connect(file)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        found = {name: re.sub(r"[\s\"]+", " ", sql) for name, sql in rows}
        connection.close()
        return found

    assert indexes(path) == indexes(tmp_path / "fresh.db")


def test_a_new_database_and_the_files_beside_it_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    migrate.migrate(path)
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        found = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    engine.dispose()
    assert found == dict.fromkeys(["bridge.db", "bridge.db-wal", "bridge.db-shm"], oct(0o600))


def test_head_is_the_newest_file() -> None:
    folder = Path(migrate.__file__).parent / "migrations" / "versions"
    found = sorted(file.name.partition("_")[0] for file in folder.glob("[0-9]*.py"))
    assert found[-1] == migrate.HEAD
    assert found == [f"{index + 1:04d}" for index in range(len(found))]


def test_foreign_keys_are_held(path: Path) -> None:
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert inspect(connection).get_foreign_keys("deliveries")
    engine.dispose()


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    make(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"version 9999, newer than this program .*install a newer bridge"):
        migrate.migrate(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE accounts (id INTEGER)"],
        ["CREATE TABLE accounts (id INTEGER)", "CREATE TABLE alembic_version (version_num VARCHAR(32))"],
        [
            "CREATE TABLE accounts (id INTEGER)",
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('ae1027a6acf3')",
        ],
        [
            "CREATE TABLE accounts (id INTEGER)",
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('0000')",
        ],
    ],
)
def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, statements: list[str]) -> None:
    path = tmp_path / "theirs.db"
    make(path, *statements)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="another program"):
        migrate.migrate(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="not a database"):
        migrate.migrate(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"BRIDGE_DATABASE_URL: there is no folder .*nowhere"):
        migrate.migrate(tmp_path / "nowhere" / "bridge.db")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="is a folder, not a file"):
        migrate.migrate(tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/lib/bridge.db", "/var/lib/bridge.db"),
        ("sqlite:////var/lib/../lib/bridge.db", "/var/lib/bridge.db"),
        ("sqlite:///bridge.db", "{here}/bridge.db"),
        ("sqlite:///data/my bridge.db", "{here}/data/my bridge.db"),
        ("sqlite:///~/bridge.db", "{home}/bridge.db"),
    ],
)
def test_the_file_of_an_address(url: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    where = expected.format(here=tmp_path, home=Path.home())
    assert migrate.sqlite_path(url) == Path(where).resolve()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bridge.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://bridge.db",
        "sqlite:///:memory:",
        "mysql://x/y",
        "SQLITE:///x",
    ],
)
def test_an_address_of_another_kind_is_refused_with_the_right_form(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"^BRIDGE_DATABASE_URL: must be sqlite:///FILE"):
        migrate.sqlite_path(url)


@pytest.mark.parametrize("url", ["sqlite:///bridge.db?timeout=5", "sqlite:///bridge.db?"])
def test_parameters_are_refused_because_two_spellings_would_be_two_locks(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"^BRIDGE_DATABASE_URL: takes no parameters"):
        migrate.sqlite_path(url)


@pytest.mark.parametrize("url", ["sqlite:///~nobody-of-that-name/bridge.db", "sqlite:///a\0b"])
def test_what_cannot_be_a_path_is_refused(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"^BRIDGE_DATABASE_URL: is no path"):
        migrate.sqlite_path(url)
