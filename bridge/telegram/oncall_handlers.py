"""Who is on call, in the chat: /oncall, /take, /handback, /reload."""

from collections.abc import Callable
from html import escape
from typing import Any

from sqlalchemy import Connection
from telegram.ext import Application

from bridge.clock import Clock
from bridge.domain.durations import write_duration
from bridge.domain.errors import PersonError
from bridge.oncall import who
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.oncall import keep_roster, reachable, roster_words, take_and_hand_back
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.services.oncall.take_and_hand_back import Taking
from bridge.store.database import Database
from bridge.telegram import oncall_text
from bridge.telegram.asking import Asked, Desk, Did, ForUsers, add_commands


class OnCallHandlers:
    """What people say about who is on call."""

    def __init__(
        self,
        *,
        desk: Desk,
        rosters: RosterInForce,
        database: Database,
        notices: Notices,
        clock: Clock,
        max_age_s: float,
        sms_has_link: bool,
        wake_roster: Callable[[], None],
    ) -> None:
        """`max_age_s`: an older /take means another time than now. `wake_roster`: a reload or hand-over is there.

        `sms_has_link`: whether a page can be answered by its link.
        """
        self._sms_has_link = sms_has_link
        self._desk = desk
        self._rosters = rosters
        self._database = database
        self._notices = notices
        self._clock = clock
        self._max_age_s = max_age_s
        self._wake_roster = wake_roster

    def register(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Tell python-telegram-bot which command goes where; only new ones that are somebody's own."""
        add_commands(application, self._desk, self.commands)

    @property
    def commands(self) -> dict[str, ForUsers]:
        """Command -> what does it."""
        return {"oncall": self.oncall, "take": self.take, "handback": self.handback, "reload": self.reload}

    async def oncall(self, asked: Asked) -> None:
        """`/oncall [SCHEDULE]`: who is on call now and next."""
        typed = asked.typed
        # A look at 30 days may take a moment: beside the transaction, not in it.
        try:
            words = await self._database.read(lambda connection: self._on_call(connection, typed))
        except PersonError as error:
            await asked.refuse(error)
            return
        await asked.answer(words)

    def _on_call(self, connection: Connection, typed: str) -> str:
        roster, now = self._rosters.roster(connection), self._clock.now()
        if not self._rosters.has_file:
            return oncall_text.NO_FILE
        schedules = (
            [take_and_hand_back.schedule_named(roster.oncall, typed)] if typed else list(roster.oncall.schedules)
        )
        troubles = reachable.troubles(connection, roster.oncall.people.values(), now)
        return oncall_text.on_call(roster, schedules, troubles, now, sms_has_link=self._sms_has_link)

    async def take(self, asked: Asked) -> None:
        """`/take [SCHEDULE] DURATION`: I am on call for that long."""
        words = asked.typed.split()

        def look(connection: Connection) -> tuple[Roster, Person, Taking]:
            now = self._clock.now()
            asked.check_age(self._max_age_s, now)
            roster = self._rosters.roster(connection)
            person = take_and_hand_back.person_of(roster.oncall, asked.asker.user_id)
            return roster, person, take_and_hand_back.asked(roster, person, words, now)

        try:
            roster, person, taking = await self._database.read(look)
        except PersonError as error:
            await asked.refuse(error)
            return

        told = take_and_hand_back.taken_words(roster, person, taking)
        said = escape(told)
        if not taking.changes:
            await asked.answer(Did(words=said, about=taking.schedule, outcome="unchanged"))
            return

        def act(connection: Connection) -> Did:
            take_and_hand_back.take(connection, taking, by=asked.asker.person.name)
            take_and_hand_back.answer(connection, taking.schedule, asked.asker.place, said, taking.override.start)
            if taking.already is not None:
                take_and_hand_back.tell(connection, self._notices, taking.schedule, told, taking.override.start)
            return Did(
                about=taking.schedule, detail=f"for {write_duration(taking.override.end - taking.override.start)}"
            )

        await asked.commit(act)
        self._wake_roster()

    async def handback(self, asked: Asked) -> None:
        """`/handback [SCHEDULE]`: what I have taken goes back."""
        typed = asked.typed

        def act(connection: Connection) -> Did:
            now = self._clock.now()
            asked.check_age(self._max_age_s, now)
            roster = self._rosters.roster(connection)
            person = take_and_hand_back.person_of(roster.oncall, asked.asker.user_id)
            schedules = take_and_hand_back.hand_back(connection, roster, person, typed, now)
            after = self._rosters.roster(connection)
            zone = after.oncall.zone_of(schedules)
            lines = {one: roster_words.now_and_then(after, one, now, zone) for one in schedules}
            said = escape("\n".join(["✅ Handed back.", *lines.values()]))
            take_and_hand_back.answer(connection, schedules[0], asked.asker.place, said, now)
            for one, line in lines.items():
                if person in who.now_and_next(after, one, now)[0].people:
                    take_and_hand_back.tell(connection, self._notices, one, f"📟 {line}", now)
            return Did(about=", ".join(schedules))

        await asked.commit(act)
        self._wake_roster()

    async def reload(self, asked: Asked) -> None:
        """`/reload`: reads the on-call file again; the answer comes when it is read."""

        def act(connection: Connection) -> None:
            asked.check_admin()
            keep_roster.ask(connection, asked.asker.place, self._clock.now())

        await asked.commit(act)
        self._wake_roster()
