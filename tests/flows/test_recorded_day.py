"""A day on call, from Saturday 19:00 to Sunday 20:00 in Berlin, in which the clocks go forward: what each phone got.

What is expected, and when, was written down from the on-call file and the script, before the first run.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from bridge.app import App
from bridge.sandbox.msmpusher import Mode, SentSms
from bridge.store import incidents, page_requests, queue
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI
from tests.support.team import Team

ESI = "+233201234567"
NAMES = {AMA: "Ama", KOFI: "Kofi", ESI: "Esi"}

FILE = f"""
timezone = "Europe/Berlin"

[people.ama]
name = "Ama"
phone = "{AMA}"
telegram = 111111111
quiet = "22:00-07:00"

[people.kofi]
name = "Kofi"
phone = "{KOFI}"
telegram = 222222222

[people.esi]
name = "Esi"
phone = "{ESI}"
quiet = "23:00-08:00"

[schedules.primary]
people = ["ama", "kofi"]
shift = "1d"
start = 2026-03-02T09:00:00

[policies.default]
steps = [
  {{ page = ["schedule:primary"], wait = "5m" }},
  {{ page = ["person:esi"], wait = "10m" }},
]
fallback = ["person:esi"]
ack_timeout = "1h"
"""

PROBES = [f"probe {index} failed" for index in range(300)]

# UTC. Berlin is one hour ahead until 01:00, then two.
EXPECTED = """
18:10:00 Ama  CRITICAL disk full on db1 (now) /ack P1
19:00:00 Ama  WARNING queue is long (now) /ack P2
19:05:00 Esi  WARNING queue is long (5 minutes ago) /ack P3
23:00:00 Ama  CRITICAL probe 0 failed (now) +199 more /ack P4
23:01:00 Ama  CRITICAL probe 200 failed (now) +99 more /ack P5
01:30:?? Ama  CRITICAL replica lost (50 minutes ago) +1 more /ack P6
01:30:?? Esi  CRITICAL replica lost (50 minutes ago) +1 more /ack P7
02:33:00 Ama  CRITICAL cache cold (103 minutes ago) /ack P8
03:10:00 Ama  CRITICAL api errors (now) /ack P9
03:18:00 Esi  CRITICAL api errors (8 minutes ago) /ack P10
03:28:00 Esi  CRITICAL api errors (18 minutes ago) /ack P11
05:00:00 Ama  WARNING backup is late (7 hours ago) /ack P12
06:55:00 Ama  CRITICAL certificate ends (now) /ack P13
07:00:00 Esi  CRITICAL certificate ends (5 minutes ago) /ack P14
07:30:00 Kofi CRITICAL disk full on db2 (now) /ack P15
12:00:00 Esi  CRITICAL dns down (now) /ack P17
15:00:00 Kofi CRITICAL vpn down (now) /ack P18
15:00:00 Kofi Maybe a repeat: CRITICAL vpn down (now) /ack P18
"""

ABSENCE = timedelta(hours=1)
HOP = ABSENCE * 0.9
"""Longest step of the clock: after a longer time without a sign the service takes it that it was away."""


SOON = timedelta(seconds=20)


@dataclass
class Day:
    """Moves the clock from one due time to the next, never past one."""

    team: Team
    got: list[tuple[datetime, SentSms]]

    async def at(self, clock_time: str) -> None:
        """Whatever is due by then has happened: the next time that clocks in UTC show it."""
        target = self._when(clock_time)
        while (now := self.team.clock.now()) < target:
            due = await self.team.app.database.read(self._next)
            self.team.time_passes((min([target, now + HOP, *(at for at in due if at > now)]) - now).total_seconds())
            await self.team.housekeeping()
            await self.team.settled()

    def _next(self, connection: Connection) -> list[datetime]:
        now = self.team.clock.now()
        found = [incidents.next_due(connection)]
        # While the gateway is away each retry is as the one before it: two pages would make hundreds.
        found += [] if self.team.gateway.mode is Mode.DOWN else [queue.next_due(connection)]
        # Who is to be paged waits for the end of a quiet time, or of a minute.
        found += [max(at, now + SOON) for at in page_requests.waiting(connection).values()]
        return [at for at in found if at is not None]

    def _when(self, clock_time: str) -> datetime:
        now = self.team.clock.now()
        found = datetime.combine(now.date(), time.fromisoformat(clock_time), UTC)
        return found if found >= now else found + timedelta(days=1)

    async def says(self, who: str, text: str) -> None:
        await (self.team.ama if who == "Ama" else self.team.kofi).says(text)
        await self.team.settled()

    async def away_until(self, clock_time: str) -> None:
        """The service stops, and a new one starts then."""
        await self.team.stop()
        self.team.clock.advance((self._when(clock_time) - self.team.clock.now()).total_seconds())
        self.team.app = App(self.team.settings, self.team.clock)
        await self.team.app.start()
        self.team.stopped = False
        await self.team.settled()

    def phones(self) -> list[str]:
        """What they got, as it is written down above."""
        return [f"{at:%H:%M:%S} {NAMES[sms.number]:4} {sms.text}" for at, sms in self.got]


async def test_a_day_on_call_over_a_change_of_the_clocks(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_COMMAND_MAX_AGE_S=int(ABSENCE.total_seconds()))
    team.time_flies = False
    team.clock.advance((datetime(2026, 3, 28, 18, tzinfo=UTC) - team.clock.now()).total_seconds())
    await team.housekeeping()
    await team.on_call(FILE)
    day = Day(team, got=[])
    tell = team.gateway.on_sms
    assert tell is not None

    def note(sms: SentSms) -> None:
        day.got.append((team.clock.now(), team.see_sms(sms)))
        tell(sms)

    team.gateway.on_sms = note
    source = team.alertmanager

    # Saturday evening: Ama has the schedule until 09:00 on Sunday.
    await day.at("18:10")
    await source.fires("disk full on db1", severity="critical")
    await day.at("18:12")
    await day.says("Ama", "/ack P1")
    await day.at("18:40")
    await source.resolves("disk full on db1")
    await day.at("19:00")  # nobody answers in time: Esi, who is not in her quiet time yet
    await source.fires("queue is long", severity="warning")
    await day.at("19:10")
    await source.resolves("queue is long")
    await day.at("21:30")  # 22:30 in Berlin: Ama is quiet, and so the escalation waits for her
    await source.fires("backup is late", severity="warning")

    # Midnight: a surge wakes Ama once, and once more for the rest; it is over before anybody else is paged.
    await day.at("23:00")
    await source.fires(*PROBES[:200], severity="critical")
    await day.at("23:00:20")
    await source.fires(*PROBES[200:], severity="critical")
    await day.at("23:03")
    await source.resolves(*PROBES)

    # The gateway is away from 00:30 to 01:30, while the clocks go from 02:00 to 03:00.
    await day.at("00:30")
    team.gateway.mode = Mode.DOWN
    await day.at("00:40")
    await source.fires("replica lost", severity="critical")
    await day.at("00:50")
    await source.fires("cache cold", severity="critical")
    await day.at("01:00")
    await source.fires("link down", severity="critical")
    await day.at("01:10")
    await source.resolves("link down")
    await day.at("01:30")
    team.gateway.mode = Mode.OK
    await day.at("01:33")
    await day.says("Ama", "/ack P6")
    await day.at("02:00")
    await source.resolves("replica lost")
    await day.at("02:34")  # an hour after the Ack the cache was still cold
    await day.says("Ama", "/ack P8")
    await day.at("03:00")
    await source.resolves("cache cold")

    # The service is away when Esi's step is due at 03:15; the fallback comes ten minutes after it was made up for.
    await day.at("03:10")
    await source.fires("api errors", severity="critical")
    await day.at("03:12")
    await day.away_until("03:18")
    await day.at("03:30")
    await day.says("Kofi", "/ack P11")
    await day.at("03:40")
    await source.resolves("api errors")

    # Sunday morning: Ama's quiet time ends at 07:00, the hand-over is at 09:00, both by the new clocks.
    await day.at("05:02")
    await day.says("Ama", "/ack P12")
    await day.at("05:30")
    await source.resolves("backup is late")
    await day.at("06:55")
    await source.fires("certificate ends", severity="critical")
    await day.at("07:02")
    await source.resolves("certificate ends")
    await day.at("07:30")
    await source.fires("disk full on db2", severity="critical")
    await day.at("07:31")
    await day.says("Kofi", "/ack P15")
    await day.at("08:00")
    await source.resolves("disk full on db2")

    # The afternoon: Kofi's number is refused, so Esi is paged now; then nobody knows whether an SMS arrived.
    await day.at("12:00")
    team.gateway.bad_numbers.add(KOFI)
    await source.fires("dns down", severity="critical")
    await day.at("12:04")
    team.gateway.bad_numbers.clear()
    await source.resolves("dns down")
    await day.at("15:00")
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await source.fires("vpn down", severity="critical")
    await day.at("15:02")
    await day.says("Kofi", "/ack P18")
    await day.at("15:10")
    await source.resolves("vpn down")
    await day.at("18:00")

    got = day.phones()
    expected = EXPECTED.strip().splitlines()
    assert sorted(map(_blurred, got), key=_order) == sorted(map(_blurred, expected), key=_order)
    assert await team.app.database.read(incidents.count_not_resolved) == {}
    for view in (team.ama.chat, team.kofi.chat):
        for post in view.posts:
            team.see_post(post)  # this day is about phones


def _order(line: str) -> tuple[bool, str]:
    """By time and page; the day begins in the evening."""
    return line < "18", line[:9] + line.partition("/ack")[2] + line


def _blurred(line: str) -> str:
    """Without the second at which a retry comes."""
    return re.sub(r"^01:30:..", "01:30:??", line)
