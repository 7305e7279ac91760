"""The gateway is away for a while; and what waited while nobody was there."""

import sqlite3
from datetime import timedelta

import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.scene import AMA, CREW, KOFI, NUMBERS, Scene, in_process
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock, later
from tests.support.service import Service

MICROSECONDS = 1_000_000
BUTTONS_FOR = timedelta(minutes=15)


async def test_a_gateway_that_is_down_is_asked_again_and_the_chat_shows_the_wait(scene: Scene) -> None:
    scene.gateway.mode = Mode.DOWN
    service = scene.fork()
    scene.sms("t~1", to=NUMBERS[:2])
    await until(lambda: "queued: again at" in scene.telegram.last_text(AMA))
    assert "the gateway cannot be reached" in scene.telegram.last_text(AMA)
    scene.gateway.mode = Mode.OK
    await scene.settled()
    assert scene.books.states() == ["accepted", "accepted"]
    assert len(scene.gateway.calls) == 2
    assert service.exit_code is None


async def test_a_gateway_that_stays_down_ends_in_failed_and_resend_sends_once(scene: Scene) -> None:
    scene.gateway.mode = Mode.DOWN
    scene.fork(retry_for_s="1")
    scene.sms("t~1")
    await scene.settled()
    assert scene.books.states() == ["failed"]
    scene.gateway.mode = Mode.OK
    scene.telegram.say(AMA, "/resend 1")
    await scene.state("accepted")
    await scene.settled()
    assert len(scene.gateway.sent) == 1


# -- nobody was there


async def leave_one_queued(scene: Scene, service: Service) -> None:
    """A command waits for its gateway, and the process dies; then some time passes."""
    scene.gateway.mode = Mode.DOWN
    scene.sms("t~1")
    await until(lambda: scene.books.states() == ["queued"] and "again at" in scene.telegram.last_text(AMA))
    await service.kill()
    scene.gateway.mode = Mode.OK


def was_away(connection: sqlite3.Connection, minutes: float = 6) -> None:
    """As if the last sign of life, and all messages, were so many minutes older."""
    back = (int(minutes * 60 * MICROSECONDS),)
    connection.execute("UPDATE switches SET set_at = set_at - ? WHERE name = 'alive'", back)
    connection.execute("UPDATE messages SET created_at = created_at - ?", back)


async def test_what_was_added_during_the_absence_is_not_stale(scene: Scene) -> None:
    await leave_one_queued(scene, scene.fork())
    scene.on_database(was_away)
    scene.on_database(lambda connection: connection.execute("UPDATE messages SET created_at = created_at + 300000000"))
    scene.fork()
    await scene.quiet()
    assert scene.books.states() == ["accepted"]


async def test_after_an_absence_what_is_stale_asks_and_goes_out_once_when_confirmed(scene: Scene) -> None:
    await leave_one_queued(scene, scene.fork())
    scene.on_database(was_away)
    scene.fork()
    await scene.quiet()
    assert (scene.books.states(), scene.gateway.calls) == (["held"], [])
    assert [button.text for button in scene.books.cards(1)[0].buttons] == ["Send now", "Cancel"]
    assert "bridge was away" in scene.books.cards(1)[0].text
    await scene.press("t~1", "Send now")
    await scene.state("accepted")
    await scene.settled()
    assert len(scene.gateway.sent) == 1


async def test_after_a_short_absence_nobody_is_asked(scene: Scene) -> None:
    await leave_one_queued(scene, scene.fork())
    scene.on_database(lambda connection: was_away(connection, minutes=4))
    scene.fork()
    await scene.settled()
    assert scene.books.states() == ["accepted"]


async def test_a_restart_while_it_asks_asks_on(scene: Scene) -> None:
    await leave_one_queued(scene, scene.fork())
    scene.on_database(was_away)
    service = scene.fork()
    await scene.quiet()
    await service.kill()
    scene.fork()
    await scene.quiet()
    assert (scene.books.states(), scene.gateway.calls) == (["held"], [])
    await scene.press("t~1", "Cancel")
    await scene.settled()
    assert (scene.books.states(), scene.gateway.calls) == (["cancelled"], [])


async def test_what_came_by_http_and_went_stale_asks_the_admins(scene: Scene) -> None:
    scene.gateway.mode = Mode.DOWN
    service = scene.fork()
    async with scene.client(await service.ready()) as client:
        await client.post("/v1/sms", json={"to": [NUMBERS[0]], "text": "t~1"})
    await until(lambda: scene.books.count("SELECT attempt FROM deliveries WHERE state = 'queued'") > 0)
    await service.kill()
    scene.gateway.mode = Mode.OK
    scene.on_database(was_away)
    scene.commands["t~1"] = 1
    await scene.fork().says("telegram.connected")
    await until(lambda: any(card.buttons for card in scene.books.cards(1)))
    await scene.press("t~1", "Send now")
    await scene.state("accepted")
    await scene.quiet()
    assert len(scene.gateway.sent) == 1


async def test_an_old_command_that_telegram_kept_for_us_asks(scene: Scene) -> None:
    """Nobody polled for a while: Telegram gives out what people wrote then."""
    hour_ago = scene.telegram.world.seconds() - 3600
    scene.telegram.say(AMA, f"/sms {NUMBERS[0]} t-old", date=hour_ago)
    scene.sms("t-new", user=CREW[0])
    scene.fork()
    await scene.quiet()
    assert [sms.text for sms in scene.gateway.sent] == ["t-new"]
    assert "60 minutes old" in scene.telegram.last_text(AMA)
    assert not scene.telegram.from_bot(KOFI)


async def test_when_nobody_presses_for_fifteen_minutes_it_is_cancelled_and_said(scene: Scene) -> None:
    await leave_one_queued(scene, scene.fork())
    scene.on_database(was_away)
    started_at = scene.newest_time()
    clock = ManualClock(started_at)
    async with in_process(scene, clock):
        await until(lambda: scene.books.states() == ["held"])
        await until(lambda: any(card.buttons for card in scene.books.cards(1)))
        clock.advance(BUTTONS_FOR.total_seconds() - 60)
        await until(later(clock, lambda: scene.books.states() == ["cancelled"]))
        assert clock.now() - started_at >= BUTTONS_FOR
        await until(later(clock, lambda: "nobody confirmed within 15 minutes" in scene.books.cards(1)[0].text))
        assert not scene.books.cards(1)[0].buttons
        with pytest.raises(LookupError):
            await scene.press("t~1", "Send now")
    assert scene.gateway.calls == []
