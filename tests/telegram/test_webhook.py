"""The webhook is set, and watched: what keeps updates from us is said once, and so is that they come again."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import select
from telegram import Bot
from telegram.error import InvalidToken

from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_errors import bad_request
from bridge.sandbox.telegram_faults import SERVER_ERROR, UNAUTHORIZED, refused
from bridge.sandbox.telegram_updates import Webhook as Set
from bridge.services.chat.notices import Notices
from bridge.store import inbox
from bridge.store.database import Database
from bridge.store.tables import posts
from bridge.telegram.deafness import Deafness
from bridge.telegram.receive import ALLOWED_UPDATES
from bridge.telegram.webhook import LOOK_EVERY_S, Webhook, WebhookKeeper
from tests.sandbox.conftest import AMA, bot_at
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock

OURS = Webhook(url="https://pager.example.org/telegram/webhook", secret="secret-of-the-webhook")
THEIRS = Set(url="https://other.example.org/with/a/secret")


def keeper_of(bot: Bot, database: Database, clock: ManualClock) -> WebhookKeeper:
    deafness = Deafness(database, Notices(places=[], admins=[AMA]), clock)
    return WebhookKeeper(bot, OURS, database, deafness, clock)


class Scene:
    """The keeper, alone with Telegram and the store: it is asleep between two looks."""

    def __init__(self, telegram: TelegramSandbox, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        self.telegram = telegram
        self.database = database
        self.clock = ManualClock()
        self.keeper: WebhookKeeper
        self._caplog = caplog

    async def told(self) -> list[str]:
        """What the admin is to read, in its order."""
        found = await self.database.read(lambda c: c.execute(select(posts.c.text).order_by(posts.c.id)).scalars())
        return list(found)

    async def asleep(self) -> None:
        await until(lambda: self.clock.next_wake_s is not None)

    async def looks(self, after_s: float = LOOK_EVERY_S) -> None:
        """It wakes up then, no sooner, looks once, and is asleep again."""
        assert self.clock.next_wake_s == after_s
        asked = len(self.telegram.calls_of("getWebhookInfo"))
        self.clock.advance(after_s)
        await until(lambda: len(self.telegram.calls_of("getWebhookInfo")) == asked + 1)
        await self.asleep()

    def said(self) -> list[str]:
        return [getattr(one, "event", "") for one in self._caplog.records if one.name.startswith("bridge.telegram")]

    @property
    def words(self) -> str:
        return self._caplog.text


@pytest.fixture
async def scene(database: Database, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Scene]:
    caplog.set_level("INFO", "bridge")
    async with TelegramSandbox(webhook_second_s=0.01) as telegram, bot_at(telegram.url, telegram.token) as bot:
        scene = Scene(telegram, database, caplog)
        scene.keeper = keeper_of(bot, database, scene.clock)
        task = asyncio.create_task(scene.keeper.run())
        await scene.asleep()
        yield scene
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert OURS.secret not in caplog.text
        assert "with/a/secret" not in caplog.text


async def test_it_is_set_once_and_then_only_looked_at(scene: Scene) -> None:
    for _ in range(3):
        await scene.looks()
    assert len(scene.telegram.calls_of("setWebhook")) == 1
    assert scene.telegram.world.webhook == Set(url=OURS.url, secret=OURS.secret, max_connections=20)
    assert scene.said() == []
    assert scene.keeper.reach.ok


@pytest.mark.parametrize(("theirs", "where"), [(THEIRS, "to other.example.org"), (None, "to nobody")])
async def test_what_another_program_took_away_is_said_and_set_again(
    scene: Scene, theirs: Set | None, where: str
) -> None:
    for _ in range(2):  # it does so again: one line
        scene.telegram.world.webhook = theirs
        await scene.looks()
        assert scene.telegram.world.webhook is not None
        assert scene.telegram.world.webhook.url == OURS.url
        assert not scene.keeper.reach.ok
    assert scene.said() == ["telegram.webhook_lost"]
    assert f"made Telegram deliver {where}: told to deliver to pager.example.org again" in scene.words
    await scene.looks()
    assert scene.said()[1:] == ["telegram.recovered"]
    assert scene.keeper.reach.ok


async def failed(scene: Scene) -> None:
    """A delivery failed once more: the sandbox reaches loopback only."""
    scene.telegram.world.webhook_error = None
    await until(lambda: scene.telegram.world.webhook_error)
    # Telegram's clock has seconds.
    scene.telegram.world.now = _later(scene.telegram.world.now)


def _later(now: Callable[[], float]) -> Callable[[], float]:
    return lambda: now() + 1


async def test_what_telegram_cannot_deliver_is_said_once_and_so_is_that_it_could(scene: Scene) -> None:
    scene.telegram.say(
        scene.telegram.add_user(AMA, "Ama"), "hello"
    )  # nothing leads to our address: the sandbox reaches loopback only
    await failed(scene)
    await scene.looks()
    await failed(scene)
    await scene.looks()
    assert scene.said() == ["telegram.webhook_fails"]
    assert "Telegram cannot deliver to pager.example.org: Failed to resolve host: Name or service not k" in scene.words
    assert not scene.keeper.reach.ok
    scene.telegram.world.updates.clear()
    await scene.looks()
    assert scene.said()[1:] == ["telegram.recovered"]
    assert scene.keeper.reach.ok


async def test_admins_hear_that_it_lasts_from_the_bot_that_is_deaf_once_an_hour_and_that_it_is_over(
    scene: Scene,
) -> None:
    scene.telegram.say(scene.telegram.add_user(AMA, "Ama"), "hello")
    await failed(scene)
    await scene.looks()
    assert await scene.told() == []
    for _ in range(120):
        await scene.looks()
    (first,) = await scene.told()
    assert "🚨 The bot does not hear you: Telegram cannot deliver to pager.example.org: Failed to resolve" in first
    assert "Alerts still page." in first
    await scene.looks()
    assert len(await scene.told()) == 2
    scene.telegram.world.updates.clear()
    for _ in range(2):
        await scene.looks()
    assert (await scene.told())[2:] == ["✅ The bot hears you again."]


async def test_that_it_hears_again_is_said_by_the_next_leader_too(database: Database) -> None:
    clock = ManualClock()
    before, after = (Deafness(database, Notices(places=[], admins=[AMA]), clock) for _ in range(2))
    for _ in range(2):
        await before.lasts("nobody knows why")
        clock.advance(30)
    for _ in range(2):
        await after.is_over()
    assert len(await database.read(lambda c: c.execute(select(posts.c.id)).all())) == 2


async def test_while_others_come_through_one_that_fails_is_no_news(scene: Scene) -> None:
    scene.telegram.say(scene.telegram.add_user(AMA, "Ama"), "hello")
    for update_id in range(1, 4):
        await failed(scene)
        await scene.database.write(lambda c, one=update_id: inbox.keep(c, [(one, "{}")], scene.clock.now()))
        await scene.looks()
    assert scene.said() == []
    await failed(scene)
    await scene.looks()
    assert scene.said() == ["telegram.webhook_fails"]


async def test_our_address_with_another_secret_is_set_again_when_a_delivery_has_failed(scene: Scene) -> None:
    scene.telegram.world.webhook = Set(url=OURS.url, secret="of-somebody-else")
    scene.telegram.say(scene.telegram.add_user(AMA, "Ama"), "hello")
    await failed(scene)
    await scene.looks()
    assert scene.telegram.world.webhook.secret == OURS.secret


async def test_our_address_with_fewer_kinds_of_updates_is_set_again(scene: Scene) -> None:
    scene.telegram.world.updates.allow(["message"])
    await scene.looks()
    assert scene.telegram.world.updates.allowed == sorted(ALLOWED_UPDATES)
    assert scene.said() == ["telegram.webhook_lost"]
    assert "made Telegram deliver less than what is written and pressed" in scene.words
    await scene.looks()
    assert scene.keeper.reach.ok


async def test_a_delivery_that_failed_and_came_through_is_no_news(scene: Scene) -> None:
    scene.telegram.world.webhook_error = (1_800_000_000, "Connection refused")
    await scene.looks()
    assert scene.said() == []
    assert scene.keeper.reach.ok


async def test_an_address_that_telegram_does_not_take_is_said_in_its_words_and_tried_again(scene: Scene) -> None:
    why = refused(bad_request("bad webhook: Failed to resolve host"))
    scene.telegram.fault(why, method="setWebhook", times=2)
    scene.telegram.world.webhook = None
    await scene.looks()
    await scene.looks(1)
    assert scene.said() == ["telegram.webhook_refused"]
    assert (
        "Telegram does not deliver to BRIDGE_PUBLIC_URL: Bad webhook: failed to resolve host; commands" in scene.words
    )
    assert not scene.keeper.reach.ok
    await scene.looks(2)
    await scene.looks()
    assert scene.keeper.reach.ok


async def test_other_refusals_are_not_quoted(scene: Scene) -> None:
    scene.telegram.fault(refused(bad_request("secret-of-the-webhook")), method="setWebhook")
    scene.telegram.world.webhook = None
    await scene.looks()
    assert "BRIDGE_PUBLIC_URL: it does not say why" in scene.words


async def test_telegram_out_of_reach_is_said_once_and_asked_ever_more_rarely(scene: Scene) -> None:
    remove = scene.telegram.fault(SERVER_ERROR, times=None)
    for wait_s in (LOOK_EVERY_S, 1, 2, 4, 8, 16, 30, 30):
        await scene.looks(wait_s)
    assert scene.said() == ["telegram.unreachable"]
    remove()
    await scene.looks(30)
    assert scene.said()[1:] == ["telegram.recovered"]


async def test_a_token_that_is_refused_ends_it(database: Database) -> None:
    async with TelegramSandbox() as telegram, bot_at(telegram.url, telegram.token) as bot:
        telegram.fault(UNAUTHORIZED, times=None)
        keeper = keeper_of(bot, database, ManualClock())
        with pytest.raises(InvalidToken):
            await keeper.run()
        assert not keeper.reach.ok


async def test_one_of_another_address_is_replaced_and_named_by_its_host(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with TelegramSandbox() as telegram, bot_at(telegram.url, telegram.token) as bot:
        telegram.world.webhook = THEIRS
        clock = ManualClock()
        task = asyncio.create_task(keeper_of(bot, database, clock).run())
        await until(lambda: clock.next_wake_s is not None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert "a webhook to other.example.org was still set: replaced by ours" in caplog.text
        assert telegram.world.webhook is not None
        assert telegram.world.webhook.url == OURS.url
