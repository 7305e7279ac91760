"""Telegram brings updates: told where to at the start, watched, and what it brings twice is done once."""

import httpx
import pytest

from bridge.sandbox.telegram_updates import Update, Webhook
from bridge.store import inbox
from bridge.telegram.receive import ALLOWED_UPDATES
from bridge.telegram.webhook import CONNECTIONS
from bridge.web.telegram import PATH
from tests.flows.conftest import StartTeam, both_telegrams, both_ways
from tests.support.alerting import AMA, ONCALL
from tests.support.team import Team

HERE = "https://pager.example.org"
KWAME = "+233241109433"


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    """With an address: `auto` is the webhook."""
    team = await start_team(BRIDGE_PUBLIC_URL=HERE)
    await team.until(lambda: team.telegram.world.webhook)
    return team


async def degraded(team: Team) -> object:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{team.app.port}/readyz")).json()["degraded"]


async def test_telegram_is_told_where_to_deliver_what_and_nothing_is_dropped(team: Team) -> None:
    (call,) = team.telegram.calls_of("setWebhook")
    assert call.params == {
        "url": f"{HERE}{PATH}",
        "allowed_updates": ALLOWED_UPDATES,
        "max_connections": CONNECTIONS,
        "secret_token": team.settings.webhook_secret,
        "drop_pending_updates": False,
    }
    assert team.telegram.calls_of("getUpdates") == []
    assert await degraded(team) == {}


@both_ways
@both_telegrams
async def test_an_alert_is_acknowledged_by_its_button(start_team: StartTeam) -> None:
    team = await start_team()
    await team.on_call(ONCALL)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets_some("disk full")
    card = await team.ama.chat.shows("A1", "disk full")
    assert "acknowledged" in await team.ama.presses("Ack", card)
    await team.ama.chat.shows("acknowledged by Ama Mensah", at=card)


async def test_what_one_person_writes_is_done_in_its_order(team: Team) -> None:
    for number in range(12):
        await team.kofi.says(f"/sms 0241109433 hello {number}")
        await team.ama.says(f"/sms 0551234567 hello {number}")
    await team.settled()
    for number in range(12):
        await team.phone(KWAME).gets(f"hello {number}")
        await team.phone("+233551234567").gets(f"hello {number}")
    for person in (team.kofi, team.ama):
        cards = [await person.chat.shows(f"#{number} ") for number in range(1, 25) if _has(person.chat.posts, number)]
        assert len(cards) == 12
    said = [(message.sender, message.text) for message in team.telegram.messages(team.kofi.chat.chat)]
    own = [text for sender, text in said if sender == team.kofi.user]
    answered = [post.reply_to.text for post in team.kofi.chat.posts if post.reply_to]
    assert answered == own


def _has(posts: object, number: int) -> bool:
    return any(post.text.startswith(f"#{number} ") for post in posts)  # type: ignore[attr-defined]


async def test_what_telegram_brings_again_because_it_heard_no_answer_is_done_once(team: Team) -> None:
    team.telegram.deliveries.loses = 3
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("#1", "accepted")
    await team.until(lambda: not team.telegram.unconfirmed_updates)
    assert team.telegram.deliveries.loses == 0
    assert await team.message_count() == 1


async def test_a_change_between_polling_and_webhook_loses_nothing_that_waits(team: Team) -> None:
    await team.stop()
    await team.kofi.says("/sms 0241109433 one")
    await team.restart(after_s=1, telegram_receive="polling")
    await team.phone(KWAME).gets("one")
    await team.kofi.chat.shows("#1", "accepted")
    assert team.telegram.world.webhook is None
    await team.stop()
    await team.kofi.says("/sms 0241109433 two")
    await team.restart(after_s=1, telegram_receive="webhook")
    await team.phone(KWAME).gets("two")
    await team.kofi.chat.shows("#2", "accepted")
    polled = len(team.telegram.calls_of("getUpdates"))
    await team.kofi.says("/sms 0241109433 three")
    await team.phone(KWAME).gets("three")
    await team.kofi.chat.shows("#3", "accepted")
    assert len(team.telegram.calls_of("getUpdates")) == polled


async def test_while_it_was_away_telegram_waits_and_the_secret_may_have_changed(team: Team) -> None:
    await team.stop()
    team.telegram.world.webhook = Webhook(url=f"{HERE}{PATH}", secret="an-older-one")
    await team.kofi.says("/sms 0241109433 hello")
    await team.restart(after_s=60)
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("#1", "accepted")


async def test_what_another_process_kept_is_found_without_a_word_of_it(team: Team) -> None:
    """As a process that died between its commit and the news of it leaves it."""
    team.telegram.deliveries.resolve = None
    team.telegram.say(team.kofi.user, "/sms 0241109433 hello", date=int(team.clock.timestamp()))
    (update,) = team.telegram.unconfirmed_updates
    await keep(team, update)
    team.telegram.world.updates.confirm(update.id)
    team.clock.advance(5)
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("#1", "accepted")


async def keep(team: Team, update: Update) -> None:
    kept, now = inbox.as_kept(update.json()), team.clock.now()
    await team.app.database.write(lambda connection: inbox.keep(connection, [kept], now))
