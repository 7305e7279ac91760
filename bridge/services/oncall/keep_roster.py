"""Keeps the roster in step with the world: the on-call file when asked, calendars, hand-overs. `step` is a loop's.

A file that is accepted is told of in the chat once its calendars were read: that it is to be told stands in the
database until then. So does what was asked by /reload, and where.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from html import escape

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.errors import SettingsError
from bridge.oncall.findings import Weight, findings
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices, post_key
from bridge.services.oncall import roster_words
from bridge.services.oncall.calendars import Calendars
from bridge.services.oncall.hand_over import HandOver
from bridge.services.oncall.oncall_file import NOT_THERE, AtStart, OnCallFile, Written, accept
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.store import oncall as kept
from bridge.store import posts, switches
from bridge.store.database import Database
from bridge.store.posts import Place
from bridge.store.switches import Switch

log = logging.getLogger(__name__)

ASKED = "oncall:asked"
NEWS = "oncall:news"
"""Switches: where /reload was asked; and where it was asked for the file that is in force and not told of yet."""

SCHEDULES_SHOWN = 20
PROBLEMS_SHOWN = 10


class RosterKeeper:
    """What is asked for and due, one after the other."""

    def __init__(
        self,
        *,
        file: OnCallFile,
        database: Database,
        rosters: RosterInForce,
        calendars: Calendars,
        hand_over: HandOver,
        notices: Notices,
        clock: Clock,
        on_change: Callable[[], None],
        on_written: Callable[[], None],
    ) -> None:
        """`on_change`: the file in force is another one, or a calendar is. `on_written`: there may be new posts."""
        self._file = file
        self._database = database
        self._rosters = rosters
        self._calendars = calendars
        self._hand_over = hand_over
        self._notices = notices
        self._clock = clock
        self._on_change = on_change
        self._on_written = on_written
        self._signalled = False
        self._look_at: datetime | None = None

    async def start(self, found: AtStart) -> None:
        """Put the file in force, as this process found it at its start; not where another was accepted since then.

        So who takes over from another process goes by the newest file, and not by what stands on a disk by now.
        Raises SettingsError, with every problem, if it is not good and none is in force.
        """
        await self._rosters.refresh(self._database)
        in_force = await self._database.read(kept.newest_file)
        if in_force is not None and in_force.accepted_at > found.read_at and self._rosters.is_readable:
            return
        written = found.written
        if written.oncall is not None:
            await self._database.write(partial(self._accept, written, []))
            await self._rosters.refresh(self._database)
        elif not self._rosters.is_readable and (written.problems or self._rosters.has_file):
            lost = f"on-call file: there is no {written.path}, and the one accepted before cannot be read any more"
            raise SettingsError(written.trouble if written.problems else lost)
        elif written.problems:
            words = f"{written.trouble}; the on-call file accepted before stays in force"
            log.error("%s", words, extra={"event": "oncall.refused"})
            await self._database.write(partial(self._refuse, written, []))
        elif self._rosters.has_file:
            words = "there is no %s: the on-call file accepted before stays in force"
            log.warning(words, written.path, extra={"event": "oncall.missing"})

    def signal(self) -> None:
        """Read the file again at the next step, as SIGHUP asks."""
        self._signalled = True

    def look_soon(self) -> None:
        """Look for hand-overs at the next step: somebody took a schedule, say."""
        self._look_at = None

    async def step(self) -> float | None:
        """Do what is asked for and due. Gives the seconds until something is."""
        asked = await self._database.read(lambda connection: switches.get(connection, ASKED))
        if asked is not None or self._signalled:
            self._signalled = False
            self._calendars.forget()
            await self._reload()
        changed = await self._rosters.refresh(self._database)
        if await self._calendars.read_due(self._rosters.oncall):
            changed |= await self._rosters.refresh(self._database)
        if changed:
            self._on_change()
        await self._tell_news()
        if changed or self._look_at is None or not self._near(self._look_at):
            self._look_at = await self._hand_over.look()
        self._on_written()
        return (self._look_at - self._clock.now()).total_seconds()

    def _near(self, at: datetime) -> bool:
        """Whether that time is still to come, and soon: a clock that is put back must not end the looking."""
        return 0 < (at - self._clock.now()).total_seconds() <= 60

    async def _reload(self) -> None:
        written = await asyncio.to_thread(self._file.read)
        if not written.there:
            written = replace(written, problems=(NOT_THERE,))
        if written.oncall is None:
            log.error("%s; nothing changes", written.trouble, extra={"event": "oncall.refused"})
        await self._database.write(partial(self._reloaded, written))

    def _reloaded(self, written: Written, connection: Connection) -> None:
        places = _places(switches.get(connection, ASKED))
        switches.drop(connection, ASKED)
        if written.oncall is None:
            self._refuse(written, places, connection)
        elif not self._accept(written, places, connection):
            words = f"{written.path} is what is in force already. Calendars are read again."
            self._answer(connection, places, f"same:{self._clock.now().isoformat()}", words)

    def _accept(self, written: Written, places: Sequence[Place], connection: Connection) -> bool:
        now = self._clock.now()
        if not accept(connection, written, now):
            return False
        switches.put(connection, NEWS, _json(places), by="", now=now)
        return True

    def _refuse(self, written: Written, places: Sequence[Place], connection: Connection) -> None:
        now = self._clock.now()
        in_force = "the one accepted before stays in force" if self._rosters.has_file else "none is in force"
        shown = [f"• {problem}" for problem in written.problems[:PROBLEMS_SHOWN]]
        if more := len(written.problems) - len(shown):
            shown.append(f"… and {more} more; bridge check names them all")
        words = "\n".join([f"❌ The on-call file {written.path} cannot be taken; {in_force}.", *shown])
        key = f"oncall-file:{now.isoformat()}"
        self._answer(connection, places, key, words)
        if not places:  # at start, or by a signal: nobody else would hear of it
            self._notices.tell(connection, key, words, now)

    def _answer(self, connection: Connection, places: Sequence[Place], key: str, words: str) -> None:
        """To whoever asked; under the key of the notice of the same words, which is then not needed there."""
        for place in places:
            posts.say(connection, post_key(key, place), place, escape(words), self._clock.now())

    async def _tell_news(self) -> None:
        news = await self._database.read(lambda connection: switches.get(connection, NEWS))
        if news is None:
            return
        roster = await self._database.read(self._rosters.roster)
        words = await asyncio.to_thread(in_force_words, roster, self._clock.now())
        await self._database.write(partial(self._told, words, news.at))

    def _told(self, words: str, since: datetime, connection: Connection) -> None:
        news = switches.get(connection, NEWS)
        switches.drop(connection, NEWS)
        key = f"oncall-file:{since.isoformat()}"
        self._answer(connection, _places(news), key, words)
        self._notices.tell(connection, key, words, self._clock.now())


def ask(connection: Connection, place: Place | None, now: datetime) -> None:
    """Have the file read again, and the answer posted at that place; None: as SIGHUP asks."""
    places = [*_places(switches.get(connection, ASKED)), *([place] if place else [])]
    switches.put(connection, ASKED, _json(places), by="", now=now)


def in_force_words(roster: Roster, now: datetime) -> str:
    """A new file is in force: what is in it, who is on call, and what is wrong. Takes a moment for many shifts."""
    lines = [f"📖 A new on-call file is in force: {roster_words.contents(roster.oncall)}."]
    zone = roster.oncall.zone_of()
    shown = list(roster.oncall.schedules)[:SCHEDULES_SHOWN]
    lines += [roster_words.now_and_then(roster, key, now, zone) for key in shown]
    wrong = [found.words for found in findings(roster, now) if found.weight is not Weight.NOTE]
    lines += [f"⚠️ {words}" for words in wrong[:PROBLEMS_SHOWN]]
    if len(wrong) > PROBLEMS_SHOWN:
        lines.append(f"… and {len(wrong) - PROBLEMS_SHOWN} more; bridge check names them all")
    return "\n".join(lines)


def _json(places: Sequence[Place]) -> str:
    return json.dumps([[place.chat_id, place.thread_id, place.reply_to] for place in places])


def _places(switch: Switch | None) -> list[Place]:
    listed = json.loads(switch.value) if switch else []
    return [Place(chat_id=chat, thread_id=thread, reply_to=reply) for chat, thread, reply in listed]
