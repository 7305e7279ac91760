"""That a gateway is out is said once, what a person must mend once an hour; and that it works again."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape
from typing import Any

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.breaker import CLOCKS_DIFFER
from bridge.domain.errors import StoreUnavailable
from bridge.domain.outcome import Accepted, GatewayWords
from bridge.domain.wording import ALARMS, ALL_CLEAR, REASONS, REFUSED_BEFORE, count
from bridge.services.sms.choose_gateway import Standing
from bridge.store import posts, switches
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place

log = logging.getLogger(__name__)

QUIET_FOR = timedelta(hours=1)
"""For so long an alarm is not repeated, nor an all-clear: a gateway that takes some and refuses others would have us
talk all day. Of the two the alarm has the last word."""

ASK_AGAIN = timedelta(minutes=1)
"""How often, at most, the store is asked whether an alarm of another process stands."""

AT_ONCE = datetime.min.replace(tzinfo=UTC)

Outage = tuple[datetime | None, bool]
"""Since when a gateway is out, and whether another one is in."""

EVERYWHERE = "everywhere"
"""The value of an alarm's switch that was told to each admin as well."""

OUT = "out"
"""The name, in the store, of the alarm that calls failed one after the other. The others are named by their reason."""


class Alarms:
    """Posts an alarm for each trouble of one gateway that only a person can mend, one when it is out, the all-clear.

    In a transaction of its own: nothing that goes wrong with an alarm may hold up the outcomes it is about. That an
    alarm stands, and since when, is written with its post: a restart neither repeats it nor forgets its all-clear.
    """

    def __init__(
        self, database: Database, clock: Clock, *, gateway: str, places: Sequence[Place], everywhere: Sequence[Place]
    ) -> None:
        """`places`: where admins read. `everywhere`: and each of them privately, for when nothing can be sent."""
        self._database = database
        self._clock = clock
        self._gateway = gateway
        self._places = places
        self._everywhere = tuple(dict.fromkeys([*places, *everywhere]))
        self._writing: set[asyncio.Task[None]] = set()
        self._raised = 0
        # From when on an acceptance may end an alarm. Another process may have left one: the first acceptance asks.
        self._may_end = AT_ONCE
        self._told_of: Outage | None = None

    def heard(self, finished: Sequence[Finished], standing: Standing) -> None:
        """These outcomes of the gateway were written; it stands so after them."""
        out = standing if standing.is_out else None
        found = {one.outcome.reason: one.outcome.words for one in finished if one.outcome.reason in ALARMS}
        troubles = {reason.value: _with_words(ALARMS[reason], words) for reason, words in sorted(found.items())}
        if out and (reason := out.breaker.reason) and reason not in ALARMS and self._outage(out) != self._told_of:
            troubles[OUT] = f"{count(out.breaker.failures, 'call')} in a row failed: {REASONS[reason]}."
        accepted = [one.claimed_at for one in finished if isinstance(one.outcome, Accepted) and one.claimed_at]
        if troubles:
            self._raised += 1
            self._may_end = AT_ONCE
            self._start(self._raise(troubles, out))
        elif accepted and not timedelta(0) < self._may_end - self._clock.now() <= QUIET_FOR:
            self._start(self._clear(max(accepted), self._raised))

    @staticmethod
    def _outage(out: Standing) -> "Outage":
        return out.breaker.out_since, bool(out.others)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _raise(self, troubles: Mapping[str, str], out: Standing | None) -> None:
        try:
            await self._database.write(partial(self._post_alarms, troubles, out))
        except StoreUnavailable as error:
            log.error("an alarm could not be posted: %s", error, extra={"event": "store.unavailable"})
            return
        if out and OUT in troubles:
            self._told_of = self._outage(out)

    async def _clear(self, accepted: datetime, raised: int) -> None:
        try:
            may_end = await self._database.write(partial(self._post_all_clear, accepted))
        except StoreUnavailable as error:
            log.error("an all-clear could not be posted: %s", error, extra={"event": "store.unavailable"})
            return
        if raised == self._raised:  # else an alarm of meanwhile stands
            # Another process may raise one.
            self._may_end = may_end or self._clock.now() + ASK_AGAIN

    def _post_alarms(self, troubles: Mapping[str, str], out: Standing | None, connection: Connection) -> None:
        now = self._clock.now()
        alone = out is not None and not out.others
        standing = {name: switches.get(connection, self._switch(name)) for name in (*ALARMS, OUT)}
        stands = [said for said in standing.values() if said is not None]
        everywhere = any(said.value == EVERYWHERE for said in stands)
        since = out.breaker.out_since if out else None
        # By whatever alarm that was.
        is_known_to_be_out = since is not None and any(since <= said.at <= now + CLOCKS_DIFFER for said in stands)
        for name, words in troubles.items():
            said = standing[name]
            is_news = (said is None or _over(said.at, now)) and not (name == OUT and is_known_to_be_out)
            if is_news or (alone and not everywhere):
                # Who heard of it hears how it goes on.
                told = EVERYWHERE if alone or (said is not None and said.value == EVERYWHERE) else ""
                switches.put(connection, self._switch(name), told, by="", now=now)
                self._say(connection, name, f"⚠️ Gateway {self._gateway}: {words}{_others(out)}", now, told)

    def _post_all_clear(self, accepted: datetime, connection: Connection) -> datetime | None:
        """Say it once for all alarms that stand. `accepted`: when the call began that got through.

        Gives from when on the next acceptance may end what still stands; None: nothing stands.
        """
        now = self._clock.now()
        standing = {self._switch(name): switches.get(connection, self._switch(name)) for name in (*ALARMS, OUT)}
        told = EVERYWHERE if any(said.value == EVERYWHERE for said in standing.values() if said) else ""
        mended = any(standing[self._switch(name)] for name in ALARMS)
        stands = [said.at for said in standing.values() if said is not None]
        if not stands:
            return None
        # A call that was under way when another one was refused tells nothing. An alarm of a time to come was raised by
        # a clock that was ahead: before anything that is accepted now.
        if any(accepted < at <= now + CLOCKS_DIFFER for at in stands):
            return AT_ONCE
        last = switches.get(connection, self._switch("clear"))
        if last is not None and not _over(last.at, now):
            return last.at + QUIET_FOR
        for name in standing:
            switches.drop(connection, name)
        switches.put(connection, self._switch("clear"), "", by="", now=now)
        self._say(
            connection, "clear", f"✅ Gateway {self._gateway} {ALL_CLEAR}{REFUSED_BEFORE if mended else ''}", now, told
        )
        return None

    def _switch(self, what: str) -> str:
        return f"alarm:{self._gateway}:{what}"

    def _say(self, connection: Connection, what: str, words: str, now: datetime, told: str) -> None:
        for place in self._everywhere if told == EVERYWHERE else self._places:
            key = f"{self._switch(what)}:{place.chat_id}:{told}:{now.isoformat()}"
            posts.say(connection, key, place, escape(words), now)

    async def stop(self) -> None:
        """Wait for alarms that are being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)


def _with_words(words: str, own: GatewayWords) -> str:
    """With the gateway's own, in which no key stands."""
    said = " · ".join(filter(None, (own.code, own.error)))
    return f"{words} It said {said.rstrip('.')}." if said else words


def _others(out: Standing | None) -> str:
    """What this means for messages, where it is known."""
    if out is None or not out.several:
        return ""
    return f" Messages go by {' and '.join(out.others)}." if out.others else " No gateway is left that works."


def _over(said_at: datetime, now: datetime) -> bool:
    """Whether it may be said again; at once when the clock was put back."""
    return not timedelta(0) <= now - said_at < QUIET_FOR
