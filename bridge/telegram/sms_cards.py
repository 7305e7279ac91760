"""A message as the chat shows it: pure, from state to text and buttons."""

from dataclasses import replace
from datetime import UTC, datetime
from html import escape

from bridge.domain.decision import Hold
from bridge.domain.delivery import FINAL, SETTLED, State
from bridge.domain.phone import mask
from bridge.domain.wording import ICONS, age, count, reason
from bridge.services.chat.chat_port import Button, Card
from bridge.services.sms.questions import kept
from bridge.services.sms.send_sms import BUTTONS_FOR
from bridge.store.messages import LINES, DeliveryView, MessageView
from bridge.telegram.button_data import OfMessage, Verb
from bridge.telegram.markup import TEXT_LIMIT

# How much of the gateway's own words, and how many lines: the first that fits.
_SIZES = ((200, LINES), (80, LINES), (30, LINES), (0, LINES), (0, LINES // 3))
_PAIRS_SHOWN = 20
_LEFT_OUT_SHOWN = 20
_NOT_ASKED = {State.HELD, State.CANCELLED}
_ENDED_BADLY = SETTLED - FINAL | {State.CANCELLED}


def render(message: MessageView, chat_id: int, now: datetime, *, name_gateways: bool = False) -> Card:
    """The card of a message for a chat; in a group (a negative id) numbers show their first 4 and last 3 digits.

    `name_gateways`: there are several, so each line says which one took it, or was asked last.
    """
    hide = chat_id < 0
    if not name_gateways:
        message = replace(message, lines=tuple(replace(line, gateway="") for line in message.lines))
    text = ""
    for width, most in _SIZES:
        text = "\n".join([*_head(message, hide), *_lines(message, hide, width, most), *_foot(message, hide, now)])
        if shown_length(text) <= TEXT_LIMIT:
            break
    return Card(text=text, buttons=_buttons(message))


def shown_length(html: str) -> int:
    """An upper bound of the UTF-16 units that Telegram counts (it counts without tags, and entities as one)."""
    return len(html.encode("utf-16-le")) // 2


def number_shown(number: str, hide: bool) -> str:
    """A number for people, in Telegram HTML."""
    return f"<code>{escape(mask(number) if hide else number)}</code>"


def _head(message: MessageView, hide: bool) -> list[str]:
    remarks = message.remarks
    size = f"{count(message.recipients, 'recipient')} · {count(message.segments, 'segment')}"
    if message.recipients * message.segments > 1 and message.segments > 1:
        size += f" = {message.recipients * message.segments} SMS"
    if remarks.get("unicode"):
        size += f" · Unicode because of “{escape(str(remarks['unicode']))}”"
    origin = "" if message.source == "telegram" else f" · from {escape(message.owner_name)}"
    lines = [f"<b>#{message.id}</b> · {size}{origin}"]
    if replaced := remarks.get("replaced"):
        pairs = [_pair(old, new) for old, new in _pairs(replaced)]
        more = ", …" if len(pairs) > _PAIRS_SHOWN else ""
        lines.append(f"Replaced, so that no Unicode is needed: {', '.join(pairs[:_PAIRS_SHOWN])}{more}")
    if doubles := remarks.get("doubles"):
        shown = ", ".join(number_shown(number, hide) for number in _strings(doubles)[:20])
        lines.append(f"Named more than once, sent once: {shown}")
    if left_out := _strings(remarks.get("left_out")):
        more = f" and {len(left_out) - _LEFT_OUT_SHOWN} more" if len(left_out) > _LEFT_OUT_SHOWN else ""
        lines.append(f"⚠️ Left out, without a phone: {escape(', '.join(left_out[:_LEFT_OUT_SHOWN]))}{more}")
    return lines


def _pair(old: str, new: str) -> str:
    old = escape(old) if old.isprintable() and not old.isspace() else f"U+{ord(old[0]):04X}"
    if not new:
        return f"{old} left out"
    return f"{old} by {'a blank' if new == ' ' else escape(new)}"


def _pairs(value: object) -> list[tuple[str, str]]:
    return [(str(old), str(new)) for old, new in value] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _lines(message: MessageView, hide: bool, width: int, most: int) -> list[str]:
    each = message.recipients <= len(message.lines) or message.recipients == 1
    if each and message.recipients <= most:
        return [_line(delivery, hide, width) for delivery in message.lines]
    totals = [f"{ICONS[state]} {message.counts[state]} {state.value}" for state in State if message.counts.get(state)]
    lines = [" · ".join(totals)]
    # While thousands are on their way, only those that ended badly are worth a line; what was taken back is all alike.
    bad = [one for one in message.lines if one.state in _ENDED_BADLY and not _taken_back(one)][:most]
    lines += [_line(delivery, hide, width) for delivery in bad]
    more = sum(message.counts.get(state, 0) for state in _ENDED_BADLY - {State.CANCELLED})
    more -= sum(one.state is not State.CANCELLED for one in bad)
    if bad and more:
        lines.append(f"… and {more} more")
    if message.doubtful:
        lines.append(f"❓ An <b>earlier attempt may have been sent</b> to {message.doubtful} of them")
    return lines


def _taken_back(delivery: DeliveryView) -> bool:
    return delivery.state is State.CANCELLED and not delivery.maybe_sent


def _line(delivery: DeliveryView, hide: bool, width: int) -> str:
    words = [f"{ICONS[delivery.state]} {number_shown(delivery.number, hide)} {_state_words(delivery)}"]
    code = [escape(delivery.code[:40])] if delivery.code else []
    sms_id = [f"<i>{escape(delivery.sms_id[: max(width, 30)])}</i>"] if delivery.sms_id else []
    own = [escape(said[:width]) for said in dict.fromkeys(_own_words(delivery)) if said and width]
    # Of a plain acceptance the id is what somebody may look for; of anything else, what the gateway says of it.
    told = [*sms_id, *own] if delivery.state is State.ACCEPTED else [*own, *sms_id]
    by = [f"by {escape(delivery.gateway)}"] if delivery.gateway and delivery.state not in _NOT_ASKED else []
    return " · ".join([*words, *by, *code, *told, *_attempts(delivery)])


def _own_words(delivery: DeliveryView) -> tuple[str, ...]:
    """The gateway's own; of a plain acceptance once, since its type says no more than its detail."""
    if delivery.state is State.ACCEPTED and delivery.code == "1000":
        return (delivery.error, delivery.detail or delivery.type)
    return (delivery.type, delivery.error, delivery.detail)


def _attempts(delivery: DeliveryView) -> list[str]:
    if delivery.attempt < 2:
        return []
    match delivery.state:
        case State.HELD | State.QUEUED:
            return [f"{delivery.attempt} attempts so far"]
        case State.CANCELLED:
            return [f"after {delivery.attempt} attempts"]
    return [f"attempt {delivery.attempt}"]


def _state_words(delivery: DeliveryView) -> str:
    words = _outcome_words(delivery)
    if delivery.maybe_sent and delivery.state in SETTLED and delivery.state is not State.UNKNOWN:
        return f"{words}; <b>an earlier attempt may have been sent</b>: check the phone"
    return words


def _outcome_words(delivery: DeliveryView) -> str:
    why = reason(delivery.reason)
    match delivery.state:
        case State.HELD:
            return "held"
        case State.QUEUED if delivery.tries:
            return f"queued: again at {_clock(delivery.due_at)}, {why}"
        case State.QUEUED:
            return "queued"
        case State.SENDING:
            return "sending"
        case State.ACCEPTED:
            return "accepted"
        case State.SCHEDULED:
            return f"accepted: {why}"
        case State.UNKNOWN:
            return f"<b>may have been sent</b>: check the phone; {why}"
        case State.CANCELLED:
            return "cancelled, not sent" if not delivery.attempt else "cancelled"
        case _:  # rejected, failed
            return f"not sent: {why}"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S UTC")


def _foot(message: MessageView, hide: bool, now: datetime) -> list[str]:
    lines = []
    if message.hold is Hold.PAUSED:
        lines.append("⏸ Sending is paused: this goes on when an admin says /resume.")
    elif message.hold:
        lines += [f"⚠️ {words}" for words in _questions(message, hide, now)]
    if message.blanked:
        lines.append("Its text and numbers are gone: it is older than BRIDGE_RETENTION_DAYS.")
    if message.decision:
        lines.append(f"👤 {escape(message.decision)}")
    if (
        message.counts.get(State.UNKNOWN)
        and message.buttons_until is None
        and not message.decision
        and not message.blanked
    ):
        lines.append(f"/resend {message.id} sends again what is unknown.")
    return lines


def _questions(message: MessageView, hide: bool, now: datetime) -> list[str]:
    """What makes us ask, a line each; the last one ends with the question."""
    asked = kept(message.remarks)
    asked = replace(asked, countries=tuple(map(escape, asked.countries)))
    facts = asked.facts(lambda number: number_shown(number, hide))
    late = [asked.late] if asked.late else []
    if message.hold is Hold.STALE:
        late.append(f"This waited {age((now - message.created_at).total_seconds())}: bridge was away.")
    *lines, last = [*facts, *late, *([] if facts or late else ["This waits for a person."])]
    return [*lines, f"{last} {'Send it now?' if late else 'Send it?'}{_ends(message)}"]


def _ends(message: MessageView) -> str:
    minutes = count(int(BUTTONS_FOR.total_seconds() // 60), "minute")
    until = message.buttons_until
    return f" Unanswered, it is cancelled after {minutes}, at {_clock(until)}." if until else ""


def _buttons(message: MessageView) -> tuple[Button, ...]:
    if message.buttons_until is None:  # their end is written down, and then shown: a card goes by no clock
        return ()
    if message.hold.asks and message.counts.get(State.HELD):
        return _button(message, "Send now", Verb.SEND), _button(message, "Cancel", Verb.CANCEL)
    if message.counts.get(State.UNKNOWN):
        return _button(message, "Send again", Verb.SEND_AGAIN), _button(message, "Leave it", Verb.LEAVE)
    return ()


def _button(message: MessageView, label: str, verb: Verb) -> Button:
    return Button(label=label, data=OfMessage(verb, message.id, message.turn).data)
