"""A person or a program wants a text sent: check it against the rules and write it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.decision import Hold
from bridge.domain.errors import Refused
from bridge.domain.recipients import Request
from bridge.domain.segments import Encoding, Segments, simplify, split
from bridge.domain.wording import count
from bridge.services.sms.questions import Questions, first_to, new_countries, questions
from bridge.services.sms.rules import Rules
from bridge.store import countries, messages, switches
from bridge.store.queue import PRIORITY_BULK, PRIORITY_SINGLE

BUTTONS_FOR = timedelta(minutes=15)
"""How long Confirm, Send again and Leave it may be pressed."""

BULK_ABOVE = 20
"""Recipients above which a message lets smaller ones pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Who asks for what. `source_key`: the same thing asked again has the same. `owner`: `tg:123`, `api:ci`, `cli:ama`.

    `asks`: whether the one who orders can be asked back (a chat can, a program cannot). `confirmed`: whatever there is
    to ask was asked before. `left_out`: names of people who were meant and have no phone.
    """

    source: str
    source_key: str
    owner: str
    owner_name: str
    request: Request
    ordered_at: datetime
    asks: bool = False
    confirmed: bool = False
    left_out: tuple[str, ...] = ()


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
    return f"{count(len(order.request.numbers), 'recipient')}, {count(measured.segments.count, 'segment')}"


def cost_of(request: Request, measured: Measured) -> int:
    """In SMS."""
    return len(request.numbers) * measured.segments.count


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
    request = order.request
    cost = cost_of(request, measured)
    _check_limits(connection, order.owner, cost, rules, now)
    asked = Questions()
    if not order.confirmed:
        new = new_countries(connection, request.countries, rules)
        if new and not order.asks:
            raise Refused(
                "new_country",
                f"{first_to(new)} Send it from the chat, which asks; or an admin lists every country that may be "
                "texted in BRIDGE_ALLOWED_COUNTRIES. Nothing was sent.",
            )
        if order.asks:
            asked = questions(request, cost=cost, ordered_at=order.ordered_at, new=new, rules=rules, now=now)
    remarks = {**measured.remarks, **_remarks(order), **asked.remarks}
    if asked:
        remarks["countries"] = list(request.countries)
    else:
        countries.use(connection, request.countries, now)
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
            numbers=tuple(number.e164 for number in request.numbers),
            remarks=remarks,
            hold=Hold.ASK if asked else Hold.NOT,
            priority=PRIORITY_BULK if len(request.numbers) > BULK_ABOVE else PRIORITY_SINGLE,
            group_size=rules.batch,
        ),
        now=now,
        buttons_until=now + BUTTONS_FOR if asked else None,
    )
    return Submitted(id=message_id, held=bool(asked), repeated=False)


def _remarks(order: Order) -> dict[str, object]:
    """What the answer says about the request; only what there is."""
    request = order.request
    found = {"doubles": list(request.doubles), "left_out": list(order.left_out), "relayed": request.relayed}
    return {name: value for name, value in found.items() if value}


def check_not_paused(connection: Connection) -> None:
    """Raise `Refused` while the stop switch is on."""
    switch = switches.get(connection, switches.PAUSED)
    if switch is not None:
        raise Refused("paused", f"Sending is paused by {switch.by}. An admin can /resume. Nothing was sent.")


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
