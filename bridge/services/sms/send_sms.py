"""A person or a program wants a text sent: check it against the rules and write it down."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.decision import Hold
from bridge.domain.errors import Refused
from bridge.domain.segments import Encoding, Segments, simplify, split
from bridge.domain.wording import count
from bridge.store import countries, messages, switches
from bridge.store.queue import PRIORITY_BULK, PRIORITY_SINGLE

BUTTONS_FOR = timedelta(minutes=15)
"""How long Confirm, Send again and Leave it may be pressed."""

BULK_ABOVE = 20
"""Recipients above which a message lets smaller ones pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a message must keep to. A limit of 0 is no limit."""

    max_segments: int
    confirm_above: int
    command_max_age_s: float
    daily_limit: int
    daily_limit_all: int
    batch: int
    known_countries: frozenset[str] = frozenset()
    """Never asked about: that of BRIDGE_DEFAULT_REGION, and BRIDGE_ALLOWED_COUNTRIES."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for. `asks`: whether the one who orders can be asked back (a chat can, a program cannot).

    `confirmed`: whatever there is to ask was asked before. `countries`: of the numbers that were typed.
    """

    source: str
    source_key: str
    owner: str
    owner_name: str
    numbers: tuple[str, ...]
    text: str
    ordered_at: datetime
    asks: bool
    doubles: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # names of people who were meant and have no phone
    unverified: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    confirmed: bool = False
    relayed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A text as it will go out, and what the answer says about it."""

    text: str
    segments: Segments
    remarks: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """It is written down as message `id`. `held`: it waits for a person. `repeated`: it was there before."""

    id: int
    held: bool
    repeated: bool

    @property
    def outcome(self) -> str:
        """For the audit."""
        return "repeated" if self.repeated else "held" if self.held else "done"


def size_of(order: Order, measured: Measured) -> str:
    """For the audit: how much, and not what or to whom."""
    return f"{count(len(order.numbers), 'recipient')}, {count(measured.segments.count, 'segment')}"


def measure(text: str, rules: Rules) -> Measured:
    """The text with look-alikes replaced where that saves Unicode, counted. Raises `Refused` (empty, too long)."""
    if not text.strip():
        raise Refused("empty", "The text is empty. Nothing was sent.")
    simple = simplify(text)
    segments = split(simple.text)
    if segments.count > rules.max_segments:
        why = " in Unicode" if segments.encoding is Encoding.UCS2 else ""
        raise Refused(
            "too_long",
            f"The text has {segments.count} segments{why}; at most {rules.max_segments} are allowed "
            "(BRIDGE_MAX_SEGMENTS; an admin can raise it). Nothing was sent.",
        )
    remarks: dict[str, object] = {}
    if simple.replaced:
        remarks["replaced"] = [list(pair) for pair in simple.replaced]
    if segments.encoding is Encoding.UCS2:
        remarks["unicode"] = segments.first_non_gsm
    return Measured(text=simple.text, segments=segments, remarks=remarks)


def submit(connection: Connection, order: Order, measured: Measured, rules: Rules, now: datetime) -> Submitted:
    """Write the message and its deliveries. The same (source, key) again gives the first one's id.

    Raises `Refused` (paused, a limit, a new country), and then has written nothing.
    """
    before = messages.find(connection, order.source, order.source_key)
    if before is not None:
        return Submitted(id=before, held=False, repeated=True)
    check_not_paused(connection)
    cost = len(order.numbers) * measured.segments.count
    _check_limits(connection, order.owner, cost, rules, now)
    new = () if order.confirmed else new_countries(connection, order.countries, rules)
    if new and not order.asks:
        raise Refused(
            "new_country",
            f"{first_to(new)} Send it from the chat, which asks; or an admin lists every country that may be texted in "
            "BRIDGE_ALLOWED_COUNTRIES. Nothing was sent.",
        )
    remarks = dict(measured.remarks)
    if order.doubles:
        remarks["doubles"] = list(order.doubles)
    if order.left_out:
        remarks["left_out"] = list(order.left_out)
    if order.relayed:
        remarks["relayed"] = True
    reasons = questions(order, cost, rules, now, new) if order.asks else {}
    remarks |= reasons
    if reasons:
        remarks["countries"] = list(order.countries)
    else:
        countries.use(connection, order.countries, now)
    message_id = messages.add(
        connection,
        messages.NewMessage(
            source=order.source,
            source_key=order.source_key,
            owner=order.owner,
            owner_name=order.owner_name,
            text=measured.text,
            encoding=measured.segments.encoding.value,
            segments=measured.segments.count,
            numbers=order.numbers,
            remarks=remarks,
            hold=Hold.ASK if reasons else Hold.NOT,
            priority=PRIORITY_BULK if len(order.numbers) > BULK_ABOVE else PRIORITY_SINGLE,
            group_size=rules.batch,
        ),
        now=now,
        buttons_until=now + BUTTONS_FOR if reasons else None,
    )
    return Submitted(id=message_id, held=bool(reasons), repeated=False)


def new_countries(connection: Connection, wanted: Collection[str], rules: Rules) -> tuple[str, ...]:
    """Those of these countries that nobody has sent to, and that a person is to be asked about."""
    return tuple(sorted({*wanted} - countries.used(connection, wanted) - rules.known_countries))


def first_to(new: Collection[str]) -> str:
    """What there is to say of these countries."""
    return f"This is the first message to {', '.join(country or 'a number of no country' for country in new)}."


def questions(order: Order, cost: int, rules: Rules, now: datetime, new: Collection[str]) -> dict[str, object]:
    """What a person must be asked before this goes out: remark name -> its fact. Empty: nothing."""
    found: dict[str, object] = {}
    if cost > rules.confirm_above:
        found["ask_cost"] = cost
    age_s = (now - order.ordered_at).total_seconds()
    if age_s > rules.command_max_age_s:
        found["ask_stale_s"] = int(age_s)
    if order.unverified:
        found["ask_unverified"] = list(order.unverified)
    if new:
        found["ask_countries"] = list(new)
    return found


def check_not_paused(connection: Connection) -> None:
    """Raise `Refused` while the stop switch is on."""
    switch = switches.get(connection, switches.PAUSED)
    if switch is not None:
        raise Refused("paused", f"Sending is paused by {switch[1]}. An admin can /resume. Nothing was sent.")


def _check_limits(connection: Connection, owner: str, cost: int, rules: Rules, now: datetime) -> None:
    since = now - timedelta(days=1)
    for limit, whose, who in (
        (rules.daily_limit, owner, "your"),
        (rules.daily_limit_all, None, "the whole team's"),
    ):
        if not limit:
            continue
        used = messages.segments_since(connection, since, whose)
        if used + cost > limit:
            name = "BRIDGE_DAILY_LIMIT" if whose else "BRIDGE_DAILY_LIMIT_ALL"
            raise Refused(
                "daily_limit",
                f"This would pass {who} daily limit: {used} of {limit} segments are used, this needs {cost}. "
                f"Nothing was sent. An admin can raise {name}.",
            )
