"""`bridge trace`: what happened, in order, with the time between; no texts, no whole numbers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.store import incident_log, incident_moves, incidents, messages, pages, posts
from bridge.store.incident_log import LogEntry
from bridge.store.lock import DeliveryLock
from bridge.store.posts import Place, Subject
from bridge.store.sqlite import sqlite_engine
from tests.cli.program import Shell
from tests.support.databases import new_database
from tests.support.incidents import AMA, KOFI, ask, open_incident, page, send, sent_page
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message, claim

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@contextmanager
def writing(shell: Shell) -> Iterator[Connection]:
    """A database of this version, in a transaction."""
    engine = sqlite_engine(new_database(shell.folder) if not shell.database.exists() else shell.database)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def night(shell: Shell) -> Shell:
    """A1: nobody knows whether Ama got P1; sent once more; Kofi is paged five minutes later, and acknowledges."""
    with writing(shell) as connection:
        one = open_incident(connection, "disk full", now=NOW, due_at=NOW)
        incident_log.write(connection, [LogEntry(incident_id=one, event="opened", words="critical from test")], NOW)
        first = sent_page(connection, [one], AMA, State.UNKNOWN, now=NOW + 2 * SECOND)
        found = pages.get(connection, first)
        assert found is not None
        messages.move(connection, found.message_id, Cause.PAGE_RULE, State.QUEUED, now=NOW + 2 * SECOND)
        pages.mark_repeat(connection, [first])
        send(connection, first, State.ACCEPTED, now=NOW + 3 * SECOND)
        sent_page(connection, [one], KOFI, State.REJECTED, now=NOW + 5 * MINUTE, position=1)
        at = NOW + 6 * MINUTE
        incident_moves.acknowledge(connection, [one], by="Kofi", now=at, again_at={})
        incident_log.write(connection, [LogEntry(incident_id=one, event="acknowledged", words="Kofi, chat")], at)
        posts.show_card(connection, "incident:1", Place(chat_id=7), Subject(incident_id=one), NOW)
    return shell


async def test_an_incident_is_told_in_order_with_the_time_between(night: Shell) -> None:
    done = await night.bridge("trace", "A1")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "A1 · disk full · critical from alertmanager · policy default",
        "2026-01-05 09:00:00.000 UTC               opened: critical from test",
        "2026-01-05 09:00:02.000 UTC     +2.000 s  step 1 asks for Ama: P1",
        "2026-01-05 09:00:02.000 UTC     +0.000 s  P1 made for Ama",
        "2026-01-05 09:00:02.000 UTC     +0.000 s  P1 to Ama: attempt 1 begins: +2332…433 by msmpusher",
        "2026-01-05 09:00:02.000 UTC     +0.000 s  P1 to Ama: attempt 1: unknown "
        "(the gateway got it and did not answer in time) after 0.000 s",
        "2026-01-05 09:00:03.000 UTC     +1.000 s  P1 to Ama: attempt 2 begins: +2332…433 by msmpusher",
        "2026-01-05 09:00:03.000 UTC     +0.000 s  P1 to Ama: attempt 2: accepted after 0.000 s",
        "2026-01-05 09:05:00.000 UTC    +4 m 57 s  step 2 asks for Kofi: P2",
        "2026-01-05 09:05:00.000 UTC     +0.000 s  P2 made for Kofi",
        "2026-01-05 09:05:00.000 UTC     +0.000 s  P2 to Kofi: attempt 1 begins: +2335…567 by msmpusher",
        "2026-01-05 09:05:00.000 UTC     +0.000 s  P2 to Kofi: attempt 1: rejected "
        "(the gateway says that this is no valid phone number) after 0.000 s",
        "2026-01-05 09:06:00.000 UTC     +1 m 0 s  acknowledged: Kofi, chat",
        "now acknowledged; heard 1 time, last 2026-01-05 09:00:00.000 UTC",
        "P1 to Ama: +2332…433 is accepted since 2026-01-05 09:00:03.000 UTC",
        "P2 to Kofi: +2335…567 is rejected since 2026-01-05 09:05:00.000 UTC: "
        "the gateway says that this is no valid phone number",
        "post in chat 7, not posted yet: out of date; due 2026-01-05 09:00:00.000 UTC",
    ]


@pytest.mark.parametrize("code", ["P1", "p1", "1", "#1"])
async def test_a_page_is_found_by_its_code_and_by_its_message(night: Shell, code: str) -> None:
    done = await night.bridge("trace", code)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "P1 · message #1 · to Ama · 1 incident; it says that it may be a repeat"
    assert "A1: step 1 asks for Ama: P1" in lines[1]
    assert lines[-2:] == [
        "A1 · disk full is acknowledged",
        "+2332…433 is accepted since 2026-01-05 09:00:03.000 UTC",
    ]


async def test_a_message_is_told_without_its_text_and_whole_numbers(shell: Shell) -> None:
    with writing(shell) as connection:
        add_message(connection, 2, now=NOW, text="the secret of the house")
        claim(connection, now=NOW + SECOND)
        messages.note(connection, 1, decision="confirmed by Ama")
    done = await shell.bridge("trace", "#1")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "#1 · from Ama (tg:1) by test · 2 recipients, 1 segment",
        "2026-01-05 09:00:00.000 UTC               written down",
        "2026-01-05 09:00:01.000 UTC     +1.000 s  #1: attempt 1 begins: +2332…000 by msmpusher",
        "decided last: confirmed by Ama",
        "+2332…000 is sending since 2026-01-05 09:00:01.000 UTC",
        "+2332…001 is queued since 2026-01-05 09:00:00.000 UTC; due 2026-01-05 09:00:00.000 UTC",
    ]


async def test_what_waits_is_told_with_when_it_is_due(shell: Shell) -> None:
    with writing(shell) as connection:
        one = open_incident(connection, now=NOW)
        incidents.set_timers(connection, [(one, 1, NOW + 5 * MINUTE)])
        ask(connection, [one], AMA, now=NOW)
        page(connection, [one], AMA, now=NOW)
        ask(connection, [one], KOFI, now=NOW)
        posts.show_card(connection, "a", Place(chat_id=7), Subject(incident_id=one), NOW)
        posts.shown(connection, posts.due(connection, NOW, 1)[0], 70)
        posts.show_card(connection, "b", Place(chat_id=8), Subject(incident_id=one), NOW)
        posts.give_up(connection, posts.due(connection, NOW, 1)[0], "kicked")
        posts.show_card(connection, "c", Place(chat_id=9), Subject(incident_id=one), NOW)
        posts.delay(connection, posts.due(connection, NOW, 1)[0], NOW + MINUTE)
    done = await shell.bridge("trace", "A1")
    assert "step 1 asks for Ama: P1" in done.out
    assert "step 1 asks for Kofi: no page yet" in done.out
    assert "now open; heard 1 time" in done.out
    assert "the next step runs 2026-01-05 09:05:00.000 UTC" in done.out
    assert done.out.splitlines()[-4:] == [
        "P1 to Ama: +2332…433 is queued since 2026-01-05 09:00:00.000 UTC; due 2026-01-05 09:00:00.000 UTC",
        "post in chat 7, message 70: up to date",
        "post in chat 8, not posted yet: given up: kicked",
        "post in chat 9, not posted yet: out of date, tried 1 time; again 2026-01-05 09:01:00.000 UTC",
    ]


async def test_attempts_that_went_the_same_way_are_one_line_with_their_number_and_times(shell: Shell) -> None:
    with writing(shell) as connection:
        one = open_incident(connection, now=NOW)
        ask(connection, [one], AMA, now=NOW)
        paged = page(connection, [one], AMA, now=NOW)
        for minute in range(112):
            send(connection, paged, State.QUEUED, now=NOW + minute * MINUTE)
        send(connection, paged, State.ACCEPTED, now=NOW + 2 * 60 * MINUTE)
    done = await shell.bridge("trace", "P1")
    told = [line for line in done.out.splitlines() if " to Ama: " in line]
    assert told == [
        "2026-01-05 09:00:00.000 UTC     +0.000 s  P1 to Ama: 112 attempts (1 to 112) until "
        "2026-01-05 10:51:00.000 UTC, each not sent (the gateway cannot be reached): +2332…433 by msmpusher",
        "2026-01-05 11:00:00.000 UTC     +2 h 0 m  P1 to Ama: attempt 113 begins: +2332…433 by msmpusher",
        "2026-01-05 11:00:00.000 UTC     +0.000 s  P1 to Ama: attempt 113: accepted after 0.000 s",
    ]


async def test_attempts_of_two_numbers_are_never_one_line(shell: Shell) -> None:
    with writing(shell) as connection:
        add_message(connection, 2, now=NOW)
        claim(connection, 2, now=NOW)
    done = await shell.bridge("trace", "1")
    assert done.out.count("#1: attempt 1 begins: ") == 2


async def test_it_reads_beside_a_service_and_writes_nothing(night: Shell) -> None:
    lock = DeliveryLock(night.database)
    assert lock.try_take()
    with sqlite3.connect(night.database) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        done = await night.bridge("trace", "A1")
        assert other.execute("PRAGMA data_version").fetchone() == before
    other.close()
    lock.release()
    assert done.code == 0


@pytest.mark.parametrize(("code", "what"), [("42", "message #42"), ("a9", "incident A9"), ("P12", "page P12")])
async def test_what_does_not_exist_is_named(night: Shell, code: str, what: str) -> None:
    done = await night.bridge("trace", code)
    assert (done.code, done.out, done.line) == (1, "", f"there is no {what}")


@pytest.mark.parametrize("code", ["", "B7", "A", "-1", "٣", "9" * 19])
async def test_what_is_no_id_is_named(night: Shell, code: str) -> None:
    done = await night.bridge("trace", "--", code)
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith(f"“{code}” is no id such as 42")


async def test_without_a_database_it_makes_none(shell: Shell) -> None:
    done = await shell.bridge("trace", "A1")
    assert (done.code, done.out) == (2, "")
    assert done.line == f"BRIDGE_DATABASE_URL: nothing of bridge is in {shell.database} yet: run `bridge migrate`"
    assert not shell.database.exists()


async def test_a_database_of_an_older_version_is_named(night: Shell) -> None:
    with sqlite3.connect(night.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    done = await night.bridge("trace", "A1")
    assert (done.code, done.out) == (2, "")
    assert "is of version 0001: run `bridge migrate`" in done.line
