"""The commands on PostgreSQL: the same words, and nowhere the password."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.store import leading
from bridge.store.homes import home_of
from bridge.store.migrate import HEAD
from tests.cli.program import Shell
from tests.support import postgres

PASSWORD = "s3cret-of-nobody"


@pytest.fixture
def url(postgres_url: str, shell: Shell) -> str:
    """With a password: a server that trusts does not ask for it, and nobody may tell it."""
    parts = urlsplit(postgres_url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username or "postgres"
    url = postgres_url if parts.password else urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{host}"))
    shell.variables["BRIDGE_DATABASE_URL"] = url
    return url


async def test_a_message_is_queued_sent_told_and_noted(shell: Shell, url: str, gateway: MsmpusherSandbox) -> None:
    queued = await shell.bridge("send", "0241109433", "hello")
    assert (queued.code, queued.err) == (0, "")
    assert queued.out.startswith("#1 queued; no service is running on postgresql://")
    sent = await shell.bridge("send", "0551234567", "now", "--wait")
    assert (sent.code, [sms.text for sms in gateway.sent]) == (0, ["now"])
    traced = await shell.bridge("trace", "2")
    assert "attempt 1 begins" in traced.out
    audit = await shell.bridge("audit")
    assert audit.out.count("bridge send") == 2
    for done in (queued, sent, traced, audit):
        assert PASSWORD not in done.out + done.err


async def test_two_who_wait_deliver_one_after_the_other(shell: Shell, url: str, gateway: MsmpusherSandbox) -> None:
    done = await asyncio.gather(*(shell.bridge("send", "0241109433", f"t{n}", "--wait", "--yes") for n in range(2)))
    assert [one.code for one in done] == [0, 0]
    assert sorted(sms.text for sms in gateway.sent) == ["t0", "t1"]


async def test_check_names_the_server_and_says_whether_a_service_runs(shell: Shell, url: str) -> None:
    done = await shell.bridge("check")
    assert PASSWORD not in done.out + done.err
    assert f"version {HEAD}, writable" in done.out
    home = home_of(url)
    await home.take()
    database = home.open()
    assert await database.write(leading.take)
    assert "; a service is running" in (await shell.bridge("check")).out
    await database.aclose()


async def test_check_and_run_name_a_server_that_cannot_be_used(shell: Shell, url: str) -> None:
    wrong = postgres.with_name(url, "nowhere")
    done = await shell.bridge("check", BRIDGE_DATABASE_URL=wrong)
    assert "WRONG   store: BRIDGE_DATABASE_URL: cannot use postgresql://" in done.out
    run = await shell.bridge("run", BRIDGE_DATABASE_URL=wrong)
    assert (run.code, run.out) == (2, "")
    assert run.line.endswith("the server has no such database")
    for one in (done, run):
        assert PASSWORD not in one.out + one.err


async def test_migrate_says_what_it_did(shell: Shell, url: str, postgres_server: str) -> None:
    name = postgres.new_name()
    await postgres.run(postgres_server, f"CREATE DATABASE {name}")
    empty = postgres.with_name(url, name)
    first, second = [await shell.bridge("migrate", BRIDGE_DATABASE_URL=empty) for _ in range(2)]
    assert first.out.endswith(f"/{name}: brought to version {HEAD}\n")
    assert second.out.endswith(f"/{name}: is at version {HEAD}\n")
    assert PASSWORD not in first.out + second.out
    await postgres.drop(postgres_server, [empty])
