import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_faults import UNAUTHORIZED
from bridge.sandbox.telegram_updates import Webhook
from bridge.store import oncall as kept
from bridge.store.lock import DeliveryLock
from bridge.store.sqlite import SqliteDatabase
from bridge.web.server import bind
from tests.cli.program import Done, Shell
from tests.cli.test_simulate import example, write
from tests.support.eventually import until

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port of this machine."""


def findings(done: Done) -> list[str]:
    """What it found to be wrong; it says so in as many lines as there are findings."""
    assert done.err == ""
    assert "Traceback" not in done.out
    found = [line.removeprefix("WRONG   ") for line in done.out.splitlines() if line.startswith("WRONG")]
    assert done.code == (1 if found else 0)
    return found


async def test_all_is_well_and_nothing_is_sent_or_disturbed(
    shell: Shell, gateway: MsmpusherSandbox, telegram: TelegramSandbox
) -> None:
    telegram.say(111111111, "/help")
    done = await shell.bridge("check")
    assert findings(done) == []
    assert done.out.endswith("All is well.\n")
    assert "the bot is @" in done.out
    assert "ok      store:" in done.out
    assert gateway.calls == []
    assert len(telegram.unconfirmed_updates) == 1
    assert sorted(file.name for file in shell.folder.iterdir()) == ["run-0"], "check leaves nothing behind"
    assert {call.method.lower() for call in telegram.calls} <= {"getme", "getwebhookinfo", "getupdates", "getchat"}


async def test_secrets_are_not_shown(shell: Shell, gateway: MsmpusherSandbox, telegram: TelegramSandbox) -> None:
    done = await shell.bridge("check", BRIDGE_TELEGRAM_API_URL=NOWHERE, BRIDGE_API_TOKENS="ci=very-secret")
    assert not [
        secret
        for secret in (telegram.token, gateway.private_key, gateway.public_key, "very-secret")
        if secret in done.out + done.err
    ]
    assert "BRIDGE_TELEGRAM_TOKEN = ***" in done.out
    assert "BRIDGE_MSMPUSHER_SENDER = OPS" in done.out


async def test_the_address_of_our_heartbeat_is_tried_and_neither_called_nor_shown(
    shell: Shell, gateway: MsmpusherSandbox
) -> None:
    done = await shell.bridge("check", BRIDGE_HEARTBEAT_URL=f"{gateway.url}/the-token")
    assert "ok      BRIDGE_HEARTBEAT_URL = http://127.0.0.1/***\n" in done.out
    assert "ok      heartbeat: 127.0.0.1 can be reached (it was not called, so the address is not proven)" in done.out
    assert "the-token" not in done.out
    assert gateway.calls == []
    (line,) = findings(await shell.bridge("check", BRIDGE_HEARTBEAT_URL=f"{NOWHERE}/the-token"))
    assert line.startswith("heartbeat: BRIDGE_HEARTBEAT_URL: 127.0.0.1 cannot be reached: tcp: ")


async def test_a_token_that_telegram_refuses_is_named(shell: Shell, telegram: TelegramSandbox) -> None:
    (line,) = findings(await shell.bridge("check", BRIDGE_TELEGRAM_TOKEN="123456:" + "A" * 35))
    assert line == "Telegram refuses BRIDGE_TELEGRAM_TOKEN (401)"


async def test_an_address_that_is_no_bot_api_server_is_named(shell: Shell, gateway: MsmpusherSandbox) -> None:
    (line,) = findings(await shell.bridge("check", BRIDGE_TELEGRAM_API_URL=gateway.url.removesuffix("/v1/send")))
    assert "BRIDGE_TELEGRAM_API_URL" in line


@pytest.mark.parametrize("address", [NOWHERE, "http://no-such-host.invalid"])
async def test_without_a_network_both_addresses_are_named(shell: Shell, address: str) -> None:
    telegram, gateway = findings(
        await shell.bridge("check", BRIDGE_TELEGRAM_API_URL=address, BRIDGE_MSMPUSHER_URL=f"{address}/v1/send")
    )
    assert "BRIDGE_TELEGRAM_API_URL cannot be reached" in telegram
    assert "BRIDGE_MSMPUSHER_URL" in gateway


async def test_a_webhook_that_is_still_set_is_named_and_left(shell: Shell, telegram: TelegramSandbox) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(f"{telegram.url}/bot{telegram.token}/setWebhook", json={"url": "https://old.example.org/x"})
    done = await shell.bridge("check")
    assert findings(done) == []
    (line,) = cautions(done)
    assert line.startswith("Telegram: a webhook to old.example.org is still set; `bridge run` removes it")
    assert telegram.calls_of("deleteWebhook") == []
    await shell.bridge("migrate")
    lock = DeliveryLock(shell.database)
    lock.take()
    (line,) = findings(await shell.bridge("check"))
    lock.release()
    assert line.startswith("Telegram: a webhook to old.example.org is still set: restart the service where")


async def test_gateways_are_shown_in_their_order(shell: Shell) -> None:
    textlocal = {"BRIDGE_TEXTLOCAL_API_KEY": "a-key", "BRIDGE_TEXTLOCAL_SENDER": "OPS"}
    done = await shell.bridge("check", BRIDGE_GATEWAYS="textlocal,msmpusher", **textlocal)
    assert "BRIDGE_GATEWAYS = textlocal,msmpusher\n" in done.out


HERE = "https://pager.example.org"
OURS = f"{HERE}/telegram/webhook"


def of_telegram(done: Done) -> list[str]:
    """What it says of the webhook."""
    return [line for line in done.out.splitlines() if "webhook" in line and "Telegram: " in line]


async def test_how_updates_come_is_said(shell: Shell, telegram: TelegramSandbox) -> None:
    done = await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE)
    assert findings(done) == []
    assert of_telegram(done) == [
        f"ok      Telegram: updates come by webhook, to {OURS}",
        "note    Telegram: no webhook is set; `bridge run` sets it",
    ]
    done = await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE, BRIDGE_TELEGRAM_RECEIVE="polling")
    assert "ok      Telegram: updates come by polling\n" in done.out
    assert telegram.calls_of("setWebhook") == []


async def test_a_webhook_that_is_set_is_told_of_with_what_waits_and_its_last_error(
    shell: Shell, telegram: TelegramSandbox
) -> None:
    telegram.world.webhook = Webhook(url=OURS)
    done = await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE)
    assert findings(done) == []
    assert "ok      Telegram: the webhook is set, 0 updates waiting" in done.out
    telegram.world.webhook_error = (1_767_603_600, "Connection refused")
    done = await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE)
    assert findings(done) == []
    assert "note    Telegram: the last delivery that failed (2026-01-05 09:00 UTC): Connection refused" in done.out
    telegram.say(111111111, "/help")
    await until(lambda: telegram.world.webhook_error and "resolve" in telegram.world.webhook_error[1])
    (line,) = findings(await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE))
    assert line.startswith("Telegram: the webhook is set, and 1 update cannot be delivered: Failed to resolve host")


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (Webhook(url="https://old.example.org/x"), "a webhook to another address, of old.example.org, is set"),
        (Webhook(url=f"{HERE}/elsewhere"), "a webhook to another address, of pager.example.org, is set"),
        (None, "no webhook is set"),
    ],
)
async def test_a_webhook_that_is_not_what_a_running_service_would_have_set_is_named(
    shell: Shell, telegram: TelegramSandbox, theirs: Webhook | None, words: str
) -> None:
    await shell.bridge("migrate")
    telegram.world.webhook = theirs
    lock = DeliveryLock(shell.database)
    lock.take()
    (line,) = findings(await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE))
    lock.release()
    assert line == (
        f"Telegram: {words}: restart the service where its settings have changed; else another program uses the token"
    )
    assert findings(await shell.bridge("check", BRIDGE_PUBLIC_URL=HERE)) == []


@pytest.fixture
async def other_poller(telegram: TelegramSandbox) -> AsyncIterator[None]:
    """Another program with the same token, which asks again at once whenever it is interrupted."""

    async def poll() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            while True:
                await client.post(f"{telegram.url}/bot{telegram.token}/getUpdates", json={"timeout": 30})

    task = asyncio.create_task(poll())
    await until(lambda: telegram.polled)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_same_token_polled_elsewhere_is_named(shell: Shell, other_poller: None) -> None:
    (line,) = findings(await shell.bridge("check"))
    assert line == "Telegram: another program polls with the same BRIDGE_TELEGRAM_TOKEN (409): stop it"


async def test_beside_a_running_service_no_updates_are_asked_for(
    shell: Shell, telegram: TelegramSandbox, other_poller: None
) -> None:
    await shell.bridge("migrate")
    lock = DeliveryLock(shell.database)
    lock.take()
    before = len(telegram.calls_of("getUpdates"))
    with bind("127.0.0.1", 0) as listening:
        done = await shell.bridge("check", BRIDGE_PORT=str(listening.getsockname()[1]))
    lock.release()
    assert findings(done) == []
    assert "a service is running" in done.out
    assert len(telegram.calls_of("getUpdates")) == before


async def test_a_database_that_will_not_do_is_named(shell: Shell) -> None:
    (line,) = findings(
        await shell.bridge(
            "check",
            BRIDGE_TELEGRAM_TOKEN="123456:" + "A" * 35,
            BRIDGE_DATABASE_URL="sqlite:////nowhere/bridge.db",
        )
    )[:1]
    assert line.startswith("store: ")
    assert "there is no folder /nowhere" in line
    await shell.bridge("migrate")
    connection = sqlite3.connect(shell.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    (line, _) = findings(await shell.bridge("check", BRIDGE_TELEGRAM_TOKEN="123456:" + "A" * 35))
    assert "of version 9999, newer than this program" in line


async def test_a_file_that_holds_nothing_yet_is_tried_and_left_as_it_is(shell: Shell) -> None:
    shell.database.touch()
    done = await shell.bridge("check")
    assert findings(done) == []
    assert "not there yet, it will be made" in done.out
    assert shell.database.stat().st_size == 0
    assert {file.name for file in shell.folder.iterdir()} == {"run-0", "bridge.db"}


async def test_a_port_in_use_is_named(shell: Shell) -> None:
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        (line, _) = findings(
            await shell.bridge("check", BRIDGE_PORT=str(port), BRIDGE_TELEGRAM_TOKEN="123456:" + "A" * 35)
        )
    assert line == f"BRIDGE_HOST, BRIDGE_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_nobody_who_may_use_it_is_a_finding(shell: Shell) -> None:
    done = await shell.bridge("check", BRIDGE_TELEGRAM_ADMINS="", BRIDGE_TELEGRAM_API_URL=NOWHERE)
    assert "nobody may use the bot" in done.out


async def test_a_person_who_never_pressed_start_is_told_of(shell: Shell, telegram: TelegramSandbox) -> None:
    telegram.say(111111111, "/help")  # a poll that finds something is over at once
    done = await shell.bridge("check", BRIDGE_TELEGRAM_USERS="999999999")
    assert findings(done) == []
    assert "user 999999999 cannot be written to" in done.out
    assert "admin 111111111 is Ama Mensah" in done.out


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (Mode.OK, "ok      --send-test: the gateway took it"),
        (Mode.BAD_KEY, "WRONG   --send-test: not sent: the gateway does not accept our keys · 1004"),
        (Mode.CLOSE_BEFORE_ANSWER, "WRONG   --send-test: may have been sent: check the phone"),
    ],
)
async def test_one_sms_is_sent_when_asked_and_its_outcome_told(
    shell: Shell, gateway: MsmpusherSandbox, telegram: TelegramSandbox, mode: Mode, words: str
) -> None:
    telegram.fault(UNAUTHORIZED, times=None)
    gateway.mode = mode
    done = await shell.bridge("check", "--send-test", "0241109433")
    assert words in done.out
    assert len(gateway.calls) == 1
    assert gateway.calls[0].numbers == ("+233241109433",)


async def test_a_test_to_a_bad_number_is_not_sent(
    shell: Shell, gateway: MsmpusherSandbox, telegram: TelegramSandbox
) -> None:
    telegram.fault(UNAUTHORIZED, times=None)
    done = await shell.bridge("check", "--send-test", "12")
    assert "WRONG   --send-test: “12” is too short" in done.out
    assert gateway.calls == []


# the on-call file


@pytest.fixture
def quick(telegram: TelegramSandbox) -> None:
    """A poll that finds something is over at once: none of these tests is about polling."""
    telegram.say(111111111, "/help")


ONE_PERSON = '[people.ama]\nphone = "0241109433"\ntelegram = 7\n'
ONE_PERSON += '[policies.default]\nsteps = [{ page = ["%s"] }]\nfallback = ["person:ama"]\n'


async def test_the_example_of_the_document_is_accepted(shell: Shell, quick: None) -> None:
    done = await shell.bridge("check", BRIDGE_ONCALL_FILE=write(shell.folder, "team.toml", example()))
    assert findings(done) == []
    assert "team.toml: 3 people, 1 group, 2 schedules, 2 policies, 2 routes, 1 heartbeat" in done.out
    assert "ok      on-call: primary: " in done.out
    assert "people.kofi of the on-call file 222222222 cannot be written to" in done.out


async def test_without_an_on_call_file_that_is_said(shell: Shell, quick: None) -> None:
    done = await shell.bridge("check")
    assert findings(done) == []
    assert "on-call file: none (no oncall.toml here, and BRIDGE_ONCALL_FILE is not set): alerts page nobody" in done.out


def cautions(done: Done) -> list[str]:
    """What works and should be looked at; it does not say that all is well then."""
    found = [line.removeprefix("CAUTION ") for line in done.out.splitlines() if line.startswith("CAUTION")]
    assert done.out.endswith("All is well.\n") is not bool(found or findings(done))
    return found


LONG_TOKEN = "0123456789abcdef"


async def test_a_token_that_could_be_guessed_is_a_caution(shell: Shell, quick: None) -> None:
    (line,) = cautions(await shell.bridge("check", BRIDGE_API_TOKENS=f"ops={LONG_TOKEN[1:]}"))[:1]
    assert line.startswith("BRIDGE_API_TOKENS: the token ops has fewer than 16 characters and could be guessed")
    assert LONG_TOKEN[1:] not in line


@pytest.mark.parametrize("name", ["BRIDGE_ALERT_TOKENS", "BRIDGE_API_TOKENS", "BRIDGE_GRAFANA_SECRET"])
async def test_alerts_that_are_let_in_and_page_nobody_are_a_caution(shell: Shell, quick: None, name: str) -> None:
    done = await shell.bridge("check", **{name: LONG_TOKEN})
    (line,) = cautions(done)
    assert line.startswith(f"on-call: alerts page nobody: {name} is set, and there is no on-call file. Each alert is")
    assert (done.code, done.out.splitlines()[-1]) == (0, "It works, with 1 caution.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# nothing yet\n", "team.toml is empty. "),
        ('[people.ama]\nphone = "0241109433"\n', "has neither a policy default nor a route to a policy. "),
        (
            ONE_PERSON.replace("default", "other") % "person:ama" + '[[routes]]\npolicy = "none"\n',
            "has neither a policy default nor a route to a policy. ",
        ),
        (ONE_PERSON.replace("default", "other") % "person:ama" + '[[routes]]\npolicy = "other"\n', ""),
        (ONE_PERSON % "person:ama", ""),
    ],
)
async def test_a_file_by_which_no_alert_pages_anybody_is_a_caution(
    shell: Shell, quick: None, text: str, why: str
) -> None:
    path = write(shell.folder, "team.toml", text)
    found = cautions(await shell.bridge("check", BRIDGE_ONCALL_FILE=path, BRIDGE_ALERT_TOKENS=LONG_TOKEN))
    assert len(found) == bool(why)
    assert all(why in line for line in found)
    assert cautions(await shell.bridge("check", BRIDGE_ONCALL_FILE=path)) == []


async def test_who_could_not_answer_a_page_is_a_caution(shell: Shell, quick: None) -> None:
    text = ONE_PERSON.replace("telegram = 7\n", "") % "person:ama"
    path = write(shell.folder, "team.toml", text)
    (line,) = cautions(await shell.bridge("check", BRIDGE_ONCALL_FILE=path))
    assert line.startswith("on-call: ama (people.ama) can acknowledge only through somebody else, or by a Telegram ")
    assert line.endswith("Give a telegram id, or set BRIDGE_PUBLIC_URL: then the SMS has a link")
    url = "https://pager.example.org"
    assert cautions(await shell.bridge("check", BRIDGE_ONCALL_FILE=path, BRIDGE_PUBLIC_URL=url)) == []


async def test_an_address_for_links_that_phones_cannot_open_is_a_caution(shell: Shell, quick: None) -> None:
    (line,) = cautions(await shell.bridge("check", BRIDGE_PUBLIC_URL="http://127.0.0.1:8080"))
    assert line.startswith("BRIDGE_PUBLIC_URL is this machine's own: the ack links in SMS open on no phone elsewhere.")


async def test_every_problem_of_the_file_is_named_with_its_line(shell: Shell, quick: None) -> None:
    path = write(shell.folder, "team.toml", '[people.ama]\nphone = "12"\n\n[groups.db]\npeople = ["kofi"]\n')
    first, second = findings(await shell.bridge("check", BRIDGE_ONCALL_FILE=path))
    assert first.startswith(f"on-call file {path}: line 2: people.ama.phone")
    assert second.startswith(f"on-call file {path}: line 5: groups.db.people")


async def test_a_file_that_is_set_and_not_there_is_named(shell: Shell, quick: None) -> None:
    (line,) = findings(await shell.bridge("check", BRIDGE_ONCALL_FILE="gone.toml"))
    assert line == "on-call file gone.toml: there is no such file"


async def test_a_calendar_that_cannot_be_read_is_named_at_once(shell: Shell, quick: None) -> None:
    text = ONE_PERSON % "schedule:primary" + '[schedules.primary]\nical = "gone.ics"\n'
    calendar, *rest = findings(await shell.bridge("check", BRIDGE_ONCALL_FILE=write(shell.folder, "team.toml", text)))
    assert calendar.startswith("on-call: calendar of primary: ")
    assert calendar.endswith("gone.ics cannot be read: No such file or directory")
    assert any("was never read" in line for line in rest)


async def test_gaps_are_found(shell: Shell, quick: None) -> None:
    text = ONE_PERSON % "schedule:primary" + (
        '[schedules.primary]\npeople = ["ama"]\nshift = "1w"\nstart = 2190-01-01T09:00:00\n'
    )
    found = findings(await shell.bridge("check", BRIDGE_ONCALL_FILE=write(shell.folder, "team.toml", text)))
    assert any("schedules.primary has nobody on call: " in line for line in found)


async def test_a_file_that_the_service_has_not_taken_yet_is_told_of(shell: Shell, quick: None) -> None:
    await shell.bridge("migrate")
    database = SqliteDatabase(shell.database)
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    await database.write(lambda connection: kept.keep_file(connection, "", "another", at))
    await database.aclose()
    path = write(shell.folder, "team.toml", example())
    done = await shell.bridge("check", BRIDGE_ONCALL_FILE=path)
    assert "not in force yet: the service has that of 2026-01-05 09:00 UTC until /reload or SIGHUP" in done.out
    done = await shell.bridge("check", BRIDGE_ALERT_TOKENS=LONG_TOKEN)
    assert "the file that the service accepted at 2026-01-05 09:00 UTC stays in force" in done.out
    assert "BRIDGE_ALERT_TOKENS is set, and that file is empty. " in done.out


async def test_people_of_the_file_are_somebody_who_may_use_it(shell: Shell, quick: None) -> None:
    path = write(shell.folder, "team.toml", example())
    done = await shell.bridge("check", BRIDGE_ONCALL_FILE=path, BRIDGE_TELEGRAM_ADMINS="")
    assert findings(done) == []
