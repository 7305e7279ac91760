"""Rows of the audit are added, and nothing else is ever done to them."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

import bridge
from bridge.store import audit
from bridge.store.audit import AuditEntry
from tests.support.manual_clock import MONDAY_MORNING as NOW

AMA = AuditEntry(who="tg:111111111", name="Ama Mensah", door="telegram", place="-100:7", act="/pause")
CI = AuditEntry(
    who="api:ci", name="ci", door="api", act="POST /v1/sms", about="#1", outcome="held", detail="1 recipient"
)


def entries(connection: Connection, **how: object) -> list[AuditEntry]:
    return [one.entry for one in audit.read(connection, **how)]  # type: ignore[arg-type]


def test_what_is_written_is_read_the_newest_last(connection: Connection) -> None:
    audit.write(connection, AMA, NOW)
    audit.write(connection, CI, NOW + timedelta(hours=1))
    assert [one.at for one in audit.read(connection)] == [NOW, NOW + timedelta(hours=1)]
    assert entries(connection) == [AMA, CI]
    assert entries(connection, since=NOW + timedelta(minutes=1)) == [CI]
    for who in ("tg:111111111", "ama mensah"):
        assert entries(connection, who=who) == [AMA]
    assert entries(connection, who="ama") == []


EVERYWHERE = (
    "UPDATE audit SET outcome = 'done'",
    "DELETE FROM audit",
    "INSERT INTO audit SELECT * FROM audit WHERE true ON CONFLICT (id) DO UPDATE SET who = 'tg:2'",
)
CHANGES = {
    "sqlite": (
        *EVERYWHERE,
        "REPLACE INTO audit SELECT id, at, 'tg:2', name, door, place, act, about, outcome, detail FROM audit",
        "INSERT OR IGNORE INTO audit SELECT * FROM audit",
    ),
    "postgres": (*EVERYWHERE, "TRUNCATE audit", "TRUNCATE audit, breakers CASCADE", "DELETE FROM audit WHERE false"),
}


def test_the_database_refuses_to_change_or_drop_a_row(connection: Connection, kind: str) -> None:
    audit.write(connection, AMA, NOW)
    for statement in CHANGES[kind]:
        with pytest.raises(IntegrityError, match="audit is append-only"), connection.begin_nested():
            connection.exec_driver_sql(statement)
        assert entries(connection) == [AMA]


def test_nothing_in_the_program_tries_to() -> None:
    package = Path(bridge.__file__).parent
    changing = re.compile(
        r"\b(?:update|delete)\(\s*(?:tables\.)?audit\b|(?:UPDATE|DELETE FROM|DROP TABLE|REPLACE INTO) audit\b"
    )
    found = [file.name for file in package.rglob("*.py") if changing.search(file.read_text(encoding="utf-8"))]
    assert found == []
    assert changing.search("delete(audit)")
    assert changing.search("UPDATE audit SET")


def test_what_is_longer_than_its_column_is_cut(connection: Connection) -> None:
    audit.write(
        connection, AuditEntry(who="w" * 999, name="n" * 999, door="d" * 99, act="a" * 99, detail="x" * 999), NOW
    )
    (found,) = entries(connection)
    assert (len(found.who), len(found.name), len(found.door), len(found.act), len(found.detail)) == (
        80,
        200,
        16,
        60,
        200,
    )


def test_somebody_without_access_has_one_row_a_minute_however_often_they_knock(connection: Connection) -> None:
    other = AuditEntry(who="tg:9", door="telegram", act="/sms", outcome="no_access")
    for second in range(0, 120, 5):
        audit.write_now_and_then(connection, AMA, NOW + timedelta(seconds=second))
        audit.write_now_and_then(connection, other, NOW + timedelta(seconds=second))
    assert entries(connection) == [AMA, other, AMA, other]


def test_a_clock_that_was_put_back_silences_nobody(connection: Connection) -> None:
    audit.write_now_and_then(connection, AMA, NOW)
    audit.write_now_and_then(connection, AMA, NOW - timedelta(days=1))
    assert len(entries(connection)) == 2
