"""What the on-call file says. People, groups and schedules share one namespace; `@oncall` is taken.

Names are spelled as in the file; who asks for one may spell it in capitals or not (`who.people_named`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

ONCALL = "oncall"
"""`@oncall`: whoever the first step of the policy `default` would page now."""

DEFAULT_POLICY = "default"
NO_POLICY = "none"
"""The policy of what pages nobody: a card in the chat, no SMS."""

UTC = ZoneInfo("UTC")


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Quiet:
    """Each day from `start` to before `end`, by the person's own clock; over midnight where `end` is the earlier."""

    start: time
    end: time


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """`phone`: E.164 with `+`, or "". `telegram`: the numeric id, or None. At least one of them is there."""

    key: str
    name: str
    phone: str = ""
    telegram: int | None = None
    quiet: Quiet | None = None
    timezone: ZoneInfo = UTC


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """`people`: their keys, none twice."""

    key: str
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """People who take turns, from `start` on. `start`: without an offset, by the clocks of `timezone`."""

    key: str
    people: tuple[str, ...]
    shift: timedelta
    start: datetime
    timezone: ZoneInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarSchedule:
    """Whoever an iCalendar names. `ical`: a path, as it stands in the file, or an https address."""

    key: str
    ical: str
    timezone: ZoneInfo


Schedule = Rotation | CalendarSchedule


class Kind(StrEnum):
    PERSON = "person"
    GROUP = "group"
    SCHEDULE = "schedule"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Whom to page. `str()` is its spelling in the file, such as `schedule:primary`."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Who is paged, and how long until the next step."""

    targets: tuple[Target, ...]
    wait: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`repeat`: further rounds of the steps after the first. `ack_timeout`: None if an Ack holds for good."""

    key: str
    steps: tuple[Step, ...]
    repeat: int = 0
    fallback: tuple[Target, ...] = ()
    ack_timeout: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """`topic`: the message thread in it, None for the chat itself."""

    chat_id: int
    topic: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """`match`: label -> the value, or a pattern that the whole value fits; without any, every alert.

    `policy`: a key of the policies, or `none`. `chat`: where the card stands; None: where notices go.
    """

    match: Mapping[str, str | re.Pattern[str]]
    policy: str
    chat: Chat | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HeartbeatRule:
    """A ping is expected `every` so often, and is late after `grace` more. `token`: its own, "" if it has none."""

    name: str
    every: timedelta
    grace: timedelta
    policy: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OnCall:
    """The whole file; every name in it is the name of something in it.

    `lines`: dotted path, such as `schedules.primary` or `routes.0`, -> the line where it begins, from 1.
    """

    timezone: ZoneInfo = UTC
    people: Mapping[str, Person] = field(default_factory=_nothing)
    groups: Mapping[str, Group] = field(default_factory=_nothing)
    schedules: Mapping[str, Schedule] = field(default_factory=_nothing)
    policies: Mapping[str, Policy] = field(default_factory=_nothing)
    routes: tuple[Route, ...] = ()
    heartbeats: Mapping[str, HeartbeatRule] = field(default_factory=_nothing)
    lines: Mapping[str, int] = field(default_factory=_nothing, repr=False, compare=False)

    @property
    def calendars(self) -> tuple[CalendarSchedule, ...]:
        """The schedules that are calendars."""
        return tuple(one for one in self.schedules.values() if isinstance(one, CalendarSchedule))

    def zone_of(self, schedules: Iterable[str] | None = None) -> ZoneInfo:
        """By which clocks to tell of these schedules (None: of all) in one text: theirs if they agree, else the file's.

        Nobody should have to reckon from one zone to another within a text.
        """
        zones = {self.schedules[key].timezone for key in (self.schedules if schedules is None else schedules)}
        return zones.pop() if len(zones) == 1 else self.timezone
