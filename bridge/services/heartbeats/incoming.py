"""Dead man's switches: silence opens an incident, the next ping resolves it.

Due times stand in the database, so a restart in the middle changes nothing; and time in which nobody listened (no
service ran, or the store took no ping) does not count as silence.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock, Leaps
from bridge.domain.alerts import Alert
from bridge.domain.durations import write_duration
from bridge.domain.errors import NotFound, StoreError
from bridge.oncall.records import HeartbeatRule
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.one_by_one import one_by_one
from bridge.services.incidents.respond import resolve
from bridge.store import alert_ends, heartbeats, incidents, switches
from bridge.store.database import Database
from bridge.store.heartbeats import Heartbeat
from bridge.store.oncall import RosterOf

log = logging.getLogger(__name__)

SOURCE = "heartbeat"

LISTENING = "heartbeats"
"""The switch that says when somebody listened last."""

SIGN_EVERY = timedelta(seconds=10)
"""So much of the time in which somebody did listen is forgiven at a kill, at most."""

AGAIN_AFTER = timedelta(hours=1)
"""At least: somebody may have resolved it by hand, and it is silent still. That must not be the end of it."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be done about heartbeats; empty for nothing."""

    new: tuple[HeartbeatRule, ...]
    changed: tuple[HeartbeatRule, ...]
    gone: tuple[str, ...]
    late: tuple[HeartbeatRule, ...]

    def __bool__(self) -> bool:
        return any((self.new, self.changed, self.gone, self.late))


def allowed(rule: HeartbeatRule) -> timedelta:
    """The silence that is fine."""
    return rule.every + rule.grace


def plan(armed: Mapping[str, Heartbeat], rules: Mapping[str, HeartbeatRule], now: datetime) -> Plan:
    """What makes the heartbeats that are armed those of the file, and which of them are late by the times they have."""
    known = {name: rule for name, rule in rules.items() if name in armed}
    return Plan(
        new=tuple(rule for name, rule in rules.items() if name not in armed),
        changed=tuple(rule for name, rule in known.items() if armed[name].allowed != allowed(rule)),
        gone=tuple(name for name in armed if name not in rules),
        late=tuple(rule for name, rule in known.items() if armed[name].due_at <= now),
    )


class Heartbeats:
    """`ping` by whoever is alive; `step`, called by a `WorkLoop`, looks for those who are not."""

    def __init__(
        self,
        *,
        database: Database,
        roster: RosterOf,
        in_force: Callable[[], bool],
        intake: Intake,
        notices: Notices,
        clock: Clock,
        on_written: Callable[[], None],
        leads: Callable[[], bool] = lambda: True,
        led: Database | None = None,
    ) -> None:
        """`in_force`: whether the roster's file is there and could be read. `on_written`: incidents changed.

        `leads`: what was written by a clock that was set is brought to it by one process alone.
        """
        self._database = database
        self._led = led or database
        self._roster = roster
        self._in_force = in_force
        self._intake = intake
        self._notices = notices
        self._clock = clock
        self._on_written = on_written
        self._leads = leads
        self._leaps = Leaps(clock)
        self._one_at_a_time = asyncio.Lock()
        self._deaf = True  # until a look ends well: what was silent meanwhile may have called in vain

    async def rules(self) -> Mapping[str, HeartbeatRule]:
        """Those of the on-call file in force, by name."""
        return await self._database.read(lambda connection: self._roster(connection).oncall.heartbeats)

    async def ping(self, name: str) -> datetime:
        """It is alive: that is committed when this returns. Gives when the next ping is due at the latest.

        Raises `NotFound` for what is not in the on-call file.
        """
        await self._catch_up()
        due_at, is_back = await self._database.write(lambda connection: self._ping(connection, name))
        if is_back:
            self._on_written()
        return due_at

    async def step(self) -> float | None:
        """Arm what is new, disarm what is gone, and see to what is late. Gives the seconds until one may be late."""
        try:
            await self._catch_up()
            if await self._database.read(self._is_due):
                await self._led.write(self._look)
                self._deaf = False
                self._on_written()
            return await self._database.read(self._until_due)
        except StoreError:
            self._deaf = True
            raise

    def listen_anew(self) -> None:
        """Nobody looked for a while, as far as this process knows."""
        self._deaf = True

    async def leave(self) -> None:
        """Note when nobody listens any more."""
        try:
            await self._led.write(self._sign)
        except StoreError as error:
            log.error("%s", error, extra={"event": "store.unavailable"})

    async def _catch_up(self) -> None:
        """What was written by a clock that was set since is brought to it, before anything is written by it."""
        async with self._one_at_a_time:
            if leap := self._leaps.seen():
                if self._leads():
                    await self._database.write(partial(self._clock_was_set, leap))
                self._leaps.settle(leap)

    def _clock_was_set(self, leap: timedelta, connection: Connection) -> None:
        now = self._clock.now()
        if leap < timedelta(0):
            heartbeats.went_back(connection, -leap, now)
        else:  # the machine slept, and heard nothing; or no time passed at all
            heartbeats.forgive(connection, now - leap, now)

    def _is_due(self, connection: Connection) -> bool:
        armed = heartbeats.armed(connection)
        rules = self._roster(connection).oncall.heartbeats
        if not self._in_force() or not (armed or rules):
            return False
        now = self._clock.now()
        signed = switches.get(connection, LISTENING)
        signs = signed is None or not timedelta(0) <= now - signed.at < SIGN_EVERY
        return self._deaf or signs or bool(plan(armed, rules, now))

    def _until_due(self, connection: Connection) -> float | None:
        due = [one.due_at for one in heartbeats.armed(connection).values()]
        return max(1.0, (min(due) - self._clock.now()).total_seconds()) if due else None

    def _look(self, connection: Connection) -> None:
        now = self._clock.now()
        signed = switches.get(connection, LISTENING)
        if self._deaf:
            heartbeats.not_to_come(connection, now)
            if signed is not None:
                heartbeats.forgive(connection, signed.at, now)
        self._sign(connection)
        roster = self._roster(connection)
        armed = heartbeats.armed(connection)
        found = plan(armed, roster.oncall.heartbeats, now)
        for rule in found.new:
            heartbeats.arm(connection, rule.name, allowed(rule), now)
        for rule in found.changed:
            heartbeats.allow(connection, rule.name, allowed(rule), armed[rule.name].silent_since + allowed(rule))
        for name in found.gone:
            self._disarm(connection, name, now)
        # Whether it is late by its new times is seen at the next look.
        late = [rule for rule in found.late if rule not in found.changed]
        for rule in late:
            heartbeats.look_again(connection, rule.name, now + max(allowed(rule), AGAIN_AFTER))
        odd = one_by_one(connection, late, lambda rule: self._late(connection, rule, armed[rule.name], roster, now))
        for rule, why in odd:
            self._cannot_be_told(connection, rule, why, now)

    def _sign(self, connection: Connection) -> None:
        switches.put(connection, LISTENING, "", by="", now=self._clock.now())

    def _ping(self, connection: Connection, name: str) -> tuple[datetime, bool]:
        now = self._clock.now()
        roster = self._roster(connection)
        rule = roster.oncall.heartbeats.get(name)
        if rule is None:
            raise NotFound(f"The on-call file has no heartbeat {name[:40]}.")
        heartbeats.pinged(connection, name, allowed(rule), now)
        current = incidents.open_of(connection, SOURCE, [name]).get(name)
        if current is not None:
            ends_at = max(_after_the_last_end(connection, name, now), current.starts_at or now)
            over = Alert(source=SOURCE, fingerprint=name, firing=False, title=current.title, ends_at=ends_at)
            self._intake.take(connection, [over], roster, received_at=now, now=now)
            log.info("heartbeat %s is back", name, extra={"event": "heartbeat.back"})
        return now + allowed(rule), current is not None

    def _late(
        self, connection: Connection, rule: HeartbeatRule, known: Heartbeat, roster: Roster, now: datetime
    ) -> None:
        if incidents.open_of(connection, SOURCE, [rule.name]):
            return
        alert = Alert(
            source=SOURCE,
            fingerprint=rule.name,
            firing=True,
            # Nothing behind it: an SMS has the age of the incident there, and that is since when it is late.
            title=f"Heartbeat {rule.name} became late",
            text=f"{_seen(known)} Expected every {write_duration(rule.every)}, and {write_duration(rule.grace)}"
            " of grace are over.",
            starts_at=_after_the_last_end(connection, rule.name, now),
            labels={"alertname": "HeartbeatLate", "heartbeat": rule.name},
        )
        self._intake.take(connection, [alert], roster, received_at=now, now=now, policy=rule.policy)
        log.warning("heartbeat %s is late", rule.name, extra={"event": "heartbeat.late"})

    def _cannot_be_told(self, connection: Connection, rule: HeartbeatRule, why: str, now: datetime) -> None:
        """Its incident cannot be opened or read. The others that are late page all the same."""
        log.error("heartbeat %s is late and opens nothing: %s", rule.name, why, extra={"event": "heartbeat.odd"})
        words = f"Heartbeat {rule.name} is late, and its incident fails ({why}): it pages nobody. The log says more."
        self._notices.alarm(connection, f"odd heartbeat:{rule.name}:{now.timestamp():.0f}", words, now)

    def _disarm(self, connection: Connection, name: str, now: datetime) -> None:
        heartbeats.disarm(connection, name)
        for current in incidents.open_of(connection, SOURCE, [name]).values():
            resolve(connection, [current.id], by="the on-call file", via="has no such heartbeat any more", now=now)


def _seen(known: Heartbeat) -> str:
    if known.seen_at is None:
        return "Never seen."
    return f"Last seen {known.seen_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."  # as the rest of its card


def _after_the_last_end(connection: Connection, name: str, now: datetime) -> datetime:
    """Now, even where the clock was put back: nothing of ours is late news."""
    last_end = alert_ends.of(connection, SOURCE, [name]).get(name)
    return now if last_end is None else max(now, last_end.at + _MOMENT)
