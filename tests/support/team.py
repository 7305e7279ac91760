"""The whole service in this event loop, between people in a chat and phones on a table.

    team = await start_team()
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone("+233241109433").gets("hello")
    await team.kofi.chat.shows("✅", "accepted")

Time stands still but for what a post costs: each one that Telegram takes moves the clock by what the flood limits ask
for, so that nothing waits for its turn. `team.time_flies = False` leaves all of it to `team.time_passes`.
Whatever nobody looked at, an SMS or a post, fails the test at its end.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from bridge import settings
from bridge.app import App
from bridge.domain.delivery import State
from bridge.oncall.file import read
from bridge.sandbox.msmpusher import MsmpusherSandbox, SentSms
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_state import Chat, Kind, Message, Topic, User
from bridge.store import alert_inbox, inbox, incidents, oncall, posts, queue
from bridge.store.tables import messages
from tests.support.alerting import TOKEN, Alertmanager
from tests.support.manual_clock import ManualClock

WITHIN_S = 30.0
"""Longest wait for anything; only a failing test waits so long."""

LOOK_EVERY_S = 0.005
"""Between two looks whether there is anything left to do."""

POST_COSTS_S = {True: 4.65, False: 1.0}
"""What a post adds to the clock, in a group and in private: as much as the service's own pacing asks for."""

Json = dict[str, object]


class Team:
    """Ama is an admin, Kofi a user, Efua nobody. `ops` is a supergroup of all three."""

    def __init__(
        self,
        app: App,
        found: settings.Settings,
        telegram: TelegramSandbox,
        gateway: MsmpusherSandbox,
        clock: ManualClock,
    ) -> None:
        self.app = app
        self.settings = found
        self.telegram = telegram
        self.gateway = gateway
        self.clock = clock
        self.time_flies = True
        self.ama = self.person(111111111, "Ama", "Mensah")
        self.kofi = self.person(222222222, "Kofi", "Boateng")
        self.efua = self.person(333333333, "Efua", "Owusu")
        self.ops = self.group("Ops", kind=Kind.SUPERGROUP)
        self.stopped = False
        self._seen_posts: set[tuple[int, int]] = set()
        self._seen_sms: list[SentSms] = []
        self.alertmanager = Alertmanager(self)
        gateway.on_sms = lambda sms: telegram.world.changes.notify()
        telegram.on_done = self._post_takes_time
        telegram.deliveries.resolve = self._behind_its_proxy

    # who and where

    def person(self, user_id: int, first_name: str, last_name: str = "") -> "Person":
        """Somebody who pressed Start one day."""
        return Person(self.telegram.add_user(user_id, first_name, last_name), self)

    def group(self, title: str, *, kind: Kind = Kind.GROUP, forum: bool = False, admin: bool = False) -> "ChatView":
        """A group of Ama, Kofi and Efua with the bot in it. `admin`: the bot is one there, and hears everything."""
        members = [one.user.id for one in (self.ama, self.kofi, self.efua)]
        return ChatView(self.telegram.add_group(title, members, kind=kind, forum=forum, administrator=admin), self)

    def phone(self, number: str) -> "Phone":
        """The phone with this number (E.164)."""
        return Phone(number, self)

    # waiting

    async def until(self, predicate, timeout_s: float = WITHIN_S):  # type: ignore[no-untyped-def]
        """The first true value of `predicate`, looked at after each change."""
        return await self.telegram.wait_for(predicate, timeout_s)

    async def settled(self) -> None:
        """Every update handled, nothing due unsent, nobody's answer awaited, every post shown."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while any((await self._open_work()).values()):  # noqa: ASYNC110 - rest is no event
                    await asyncio.sleep(LOOK_EVERY_S)  # the service reads by the same thread
        except TimeoutError:
            raise AssertionError(f"the service does not come to rest: {await self._open_work()}") from None

    async def _open_work(self) -> dict[str, object]:
        now = self.clock.now()

        def look(connection):  # type: ignore[no-untyped-def]
            counts = queue.counts(connection)
            due = queue.next_due(connection)
            step = incidents.next_due(connection)
            page = self.app.leader.alerts.paging.next_at(connection, now)
            return {
                "alerts": alert_inbox.oldest(connection),
                "steps": step is not None and step <= now,
                "pages": page is not None and page <= now,
                "updates": inbox.open_updates(connection, 5),
                "sending": counts.get(State.SENDING, 0),
                "due": due is not None and due <= now,
                "posts": posts.due(connection, now, 5) if self.time_flies else [],
            }

        # Before the look: what is no longer there by then stands in the database, and not the other way round.
        outside = {
            "with Telegram": self.telegram.unconfirmed_updates,
            "calls": not self.app.replica.outbox.deliverer.is_idle,
        }
        return {**outside, **await self.app.database.read(look)}

    def time_passes(self, seconds: float) -> None:
        """At once. The loops look again: one that is in the middle of a step has looked at the old time."""
        self.clock.advance(seconds)
        self.app.wake()

    async def restart(self, *, after_s: float, **changed: object) -> None:
        """The service is away for so long, and comes back with the same store and settings, but for those `changed`."""
        await self.stop()
        self.clock.advance(after_s)
        self.settings = self.settings.model_copy(update=changed)
        self.app = App(self.settings, self.clock)
        await self.app.start()
        self.stopped = False

    async def minutes_pass(self, minutes: float) -> None:
        """And the service has done what was due by then."""
        self.time_passes(minutes * 60)
        await self.housekeeping()
        await self.settled()

    async def housekeeping(self) -> None:
        """What time alone brings about, now: no test waits for the loop's next turn."""
        await self.app.leader.housekeeping.step()
        self.app.wake()

    async def on_call(self, file: str) -> None:
        """This on-call file is in force from now on."""
        read(file, region="GH")
        digest = hashlib.sha256(file.encode()).hexdigest()
        now = self.clock.now()
        await self.app.database.write(lambda connection: oncall.keep_file(connection, file, digest, now))

    async def message_count(self) -> int:
        """How many messages were ever written down."""
        return await self.app.database.read(
            lambda c: c.execute(select(func.count()).select_from(messages)).scalar_one()
        )

    # the end

    async def stop(self) -> None:
        """Stop the service, once everything has come to rest."""
        if not self.stopped:
            self.stopped = True
            stopping = asyncio.create_task(self.app.stop())
            while not stopping.done():
                self.clock.advance(1)  # a loop that met an error pauses before it notices that it shall stop
                await asyncio.wait({stopping}, timeout=0.02)
            await stopping

    def leftovers(self) -> list[str]:
        """What nobody looked at."""
        found = [f"SMS to {sms.number}: {sms.text!r}" for sms in self.unseen_sms()]
        for chat in self.telegram.world.chats.values():
            for message in self.telegram.messages(chat):
                if message.sender is self.telegram.world.bot and (chat.id, message.id) not in self._seen_posts:
                    found.append(f"post in {chat!r}: {message.text!r}")
        return found

    def unseen_sms(self, number: str = "") -> list[SentSms]:
        left = Counter(id(sms) for sms in self._seen_sms)
        return [sms for sms in self.gateway.sent if id(sms) not in left and number in ("", sms.number)]

    def see_post(self, message: Message) -> Message:
        self._seen_posts.add((message.chat.id, message.id))
        return message

    def see_sms(self, sms: SentSms) -> SentSms:
        self._seen_sms.append(sms)
        return sms

    def _behind_its_proxy(self, url: str) -> str:
        """What stands behind the address that Telegram delivers to."""
        return url.replace(self.settings.public_url or "?", f"http://127.0.0.1:{self.app.port}")

    def _post_takes_time(self, method: str, params: Json) -> None:
        if self.time_flies and method.lower() in ("sendmessage", "editmessagetext"):
            self.clock.advance(POST_COSTS_S[str(params.get("chat_id", "")).startswith("-")])


@dataclass(frozen=True)
class ChatView:
    """A chat as its people see it."""

    chat: Chat
    team: Team

    async def shows(
        self, *words: str, without: Iterable[str] = (), at: Message | None = None, to: Message | None = None
    ) -> Message:
        """The newest post of the bot that holds all of `words` and none of `without`, as soon as there is one.

        `at`: this very message, edited in place. `to`: an answer to that message.
        """
        refused = tuple(without)

        def fits(post: Message) -> bool:
            if at is not None and post.id != at.id:
                return False
            if to is not None and (post.reply_to is None or post.reply_to.id != to.id):
                return False
            return _holds(post.text, words, refused)

        def found() -> Message | None:
            return next(filter(fits, reversed(self.posts)), None)

        return self.team.see_post(await self.team.until(found))

    @property
    def posts(self) -> list[Message]:
        """The bot's messages here, oldest first."""
        return self.team.telegram.from_bot(self.chat)

    def topic(self, name: str) -> Topic:
        return self.team.telegram.add_topic(self.chat, name)


def _holds(text: str, words: Iterable[str], refused: Iterable[str]) -> bool:
    return all(word in text for word in words) and not any(word in text for word in refused)


@dataclass(frozen=True)
class Person:
    """Somebody in Telegram."""

    user: User
    team: Team

    @property
    def chat(self) -> ChatView:
        """Their private chat with the bot."""
        return ChatView(self.team.telegram.private(self.user), self.team)

    async def says(
        self, text: str, *, to: ChatView | None = None, at: datetime | None = None, **how: object
    ) -> Message:
        """Writes, in private or `to` a group. `at`: it is a message of the past. `how`: as `People.say` has it."""
        date = int((at or self.team.clock.now()).timestamp())
        return self.team.telegram.say(self.user, text, chat=to.chat if to else None, date=date, **how)

    async def edits(self, message: Message, text: str) -> None:
        self.team.telegram.edit(self.user, message, text)

    async def presses(self, label: str, on: Message) -> str:
        """Presses a button of a post as it stands now; what the bot answers to that."""
        pressed = await self.team.telegram.press(self.user, on, label)
        return (await pressed.answer(WITHIN_S)).text

    async def presses_data(self, data: str, on: Message) -> str:
        """What an old keyboard or a modified client sends; what the bot answers to that."""
        return (await self.team.telegram.press_data(self.user, on, data).answer(WITHIN_S)).text


@dataclass(frozen=True)
class Phone:
    """A phone: an SMS that a test has seen is not seen again."""

    number: str
    team: Team

    async def gets(self, text: str) -> SentSms:
        """An SMS with this text that nobody looked at yet."""
        return self.team.see_sms(
            await self.team.until(
                lambda: next((sms for sms in self.team.unseen_sms(self.number) if sms.text == text), None)
            )
        )

    async def gets_some(self, *words: str) -> SentSms:
        """An SMS that holds all of these words and that nobody looked at yet."""
        return self.team.see_sms(
            await self.team.until(
                lambda: next((sms for sms in self.team.unseen_sms(self.number) if _holds(sms.text, words, ())), None)
            )
        )

    @property
    def texts(self) -> list[str]:
        """All that ever reached it."""
        return [sms.text for sms in self.team.gateway.sent if sms.number == self.number]


def environment(telegram: TelegramSandbox, gateway: MsmpusherSandbox, folder: Path) -> dict[str, str]:
    """The settings of a service between these two."""
    return {
        "BRIDGE_TELEGRAM_TOKEN": telegram.token,
        "BRIDGE_TELEGRAM_API_URL": telegram.url,
        "BRIDGE_TELEGRAM_ADMINS": "111111111",
        "BRIDGE_TELEGRAM_USERS": "222222222",
        "BRIDGE_MSMPUSHER_URL": gateway.url,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": gateway.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": gateway.public_key,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
        "BRIDGE_GATEWAY_TIMEOUT_S": "5",
        "BRIDGE_GATEWAY_SLOTS": "4",
        "BRIDGE_DATABASE_URL": f"sqlite:///{folder / 'bridge.db'}",
        "BRIDGE_PORT": "0",
        "BRIDGE_ALERT_TOKENS": TOKEN,
    }


async def start_team(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, clock: ManualClock, folder: Path, **changed: object
) -> Team:
    """A service that polls, unless it has an address. `changed`: settings, such as `BRIDGE_CONFIRM_ABOVE=2`."""
    values = environment(telegram, gateway, folder) | {name: str(value) for name, value in changed.items()}
    found = settings.load(values, need=settings.TELEGRAM + settings.GATEWAY, env_file=folder / "none")
    app = App(found, clock)
    await app.start()
    return Team(app, found, telegram, gateway, clock)


def commands_shown(telegram: TelegramSandbox, scope: Json) -> list[str]:
    """The command menu of a scope, as Telegram has it."""
    key = json.dumps([scope, ""], sort_keys=True)
    return [str(one["command"]) for one in telegram.world.commands.get(key, [])]
