"""A message as the chat shows it: pure, from state to text and buttons."""

from datetime import UTC, datetime
from html import escape

from bridge.domain.delivery import FINAL, SETTLED, State
from bridge.domain.phone import mask
from bridge.domain.wording import ICONS, age, count, reason
from bridge.services.chat_port import Button, Card
from bridge.store.messages import LINES, DeliveryView, MessageView
from bridge.telegram.markup import TEXT_LIMIT

# How much of the gateway's own words, and how many lines: the first that fits.
_SIZES = ((200, LINES), (80, LINES), (30, LINES), (0, LINES), (0, LINES // 3))
_PAIRS_SHOWN = 20
_ENDED_BADLY = SETTLED - FINAL | {State.CANCELLED}


def render(message: MessageView, chat_id: int, now: datetime) -> Card:
    """The card of a message for a chat; in a group (a negative id) numbers show their first 4 and last 3 digits."""
    hide = chat_id < 0
    text = ""
    for width, most in _SIZES:
        text = "\n".join([*_head(message, hide), *_lines(message, hide, width, most), *_foot(message, hide, now)])
        if shown_length(text) <= TEXT_LIMIT:
            break
    return Card(text=text, buttons=_buttons(message, now))


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
    # While thousands are on their way, only those that ended badly are worth a line.
    bad = [one for one in message.lines if one.state in _ENDED_BADLY][:most]
    lines += [_line(delivery, hide, width) for delivery in bad]
    more = sum(message.counts.get(state, 0) for state in _ENDED_BADLY)
    if bad and more > len(bad):
        lines.append(f"… and {more - len(bad)} more")
    return lines


def _line(delivery: DeliveryView, hide: bool, width: int) -> str:
    parts = [f"{ICONS[delivery.state]} {number_shown(delivery.number, hide)} {_state_words(delivery)}"]
    if delivery.code:
        parts.append(escape(delivery.code[:40]))
    own = (delivery.type, delivery.error, delivery.detail)
    parts += [escape(words[:width]) for words in dict.fromkeys(own) if words and width]
    if delivery.sms_id:
        parts.append(f"<i>{escape(delivery.sms_id[: max(width, 30)])}</i>")
    if delivery.attempt > 1:
        parts.append(f"attempt {delivery.attempt}")
    return " · ".join(parts)


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
    if message.hold == "paused":
        lines.append("⏸ Sending is paused: this goes on when an admin says /resume.")
    elif message.hold:
        lines += [f"⚠️ {words}" for words in _questions(message, hide, now)]
    if message.decision:
        lines.append(f"👤 {escape(message.decision)}")
    if message.counts.get(State.UNKNOWN) and message.buttons_until is None and not message.decision:
        lines.append(f"/resend {message.id} sends again what is unknown.")
    return lines


def _questions(message: MessageView, hide: bool, now: datetime) -> list[str]:
    remarks = message.remarks
    found = []
    if "ask_cost" in remarks:
        found.append(f"This costs {remarks['ask_cost']} SMS. Send it?")
    if "ask_stale_s" in remarks:
        found.append(f"This command is {age(int(str(remarks['ask_stale_s'])))} old: bridge was away. Send it now?")
    if message.hold == "stale":
        waited_s = (now - message.created_at).total_seconds()
        found.append(f"This waited {age(waited_s)}: bridge was away. Send it now?")
    if unverified := _strings(remarks.get("ask_unverified")):
        shown = ", ".join(number_shown(number, hide) for number in unverified[:5])
        found.append(f"Possible, but in no list of valid numbers: {shown}. Send it?")
    return [*found, "Nothing is sent until somebody presses."]


def _buttons(message: MessageView, now: datetime) -> tuple[Button, ...]:
    if message.buttons_until is None or message.buttons_until <= now:
        return ()
    tag = f"{message.id}:{message.turn}"
    if message.hold in ("ask", "stale") and message.counts.get(State.HELD):
        return (Button(label="Send now", data=f"go:{tag}"), Button(label="Cancel", data=f"no:{tag}"))
    if message.counts.get(State.UNKNOWN):
        return (Button(label="Send again", data=f"again:{tag}"), Button(label="Leave it", data=f"leave:{tag}"))
    return ()
