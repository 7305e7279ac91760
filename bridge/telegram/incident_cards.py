"""An incident, a storm, and a page for many, as the chat shows them: pure, from state to text and buttons."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from bridge.domain.alerts import Severity
from bridge.domain.delivery import State
from bridge.domain.incident import IncidentState
from bridge.domain.wording import ICONS, age, count, reason
from bridge.oncall.records import NO_POLICY
from bridge.services.chat.chat_port import Button, Card
from bridge.services.incidents import codes
from bridge.store.incident_log import BECAME_CRITICAL, TELEGRAM_ONLY, LogEntry
from bridge.store.incidents import Incident
from bridge.store.pages import Page, Paged
from bridge.store.storms import Storm
from bridge.telegram.button_data import OfIncident, Verb
from bridge.telegram.markup import TEXT_LIMIT, cut

TEXT_SHOWN = 700  # characters of an alert's own text
LABELS_SHOWN = 8
PAGED_SHOWN = 12
EVENTS = {BECAME_CRITICAL: "‼️", TELEGRAM_ONLY: "💬"}
"""Events of an incident's log that its card shows, each with its sign."""

SAID_ELSEWHERE = frozenset({"severity", "alertname", "summary", "description"})

_DOTS = {Severity.CRITICAL: "🔴", Severity.ERROR: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_SETTLED_DOTS = {IncidentState.ACKNOWLEDGED: "🟡", IncidentState.RESOLVED: "🟢"}

_PAGED_WORDS = {
    State.QUEUED: "queued",
    State.SENDING: "sending",
    State.HELD: "held",
    State.ACCEPTED: "sent",
    State.SCHEDULED: "the gateway sends it later",
    State.REJECTED: "not sent",
    State.FAILED: "not sent",
    State.UNKNOWN: "may have been sent",
    State.CANCELLED: "cancelled",
}


_STILL_TRIED = frozenset({None, State.QUEUED, State.SENDING, State.HELD})


def incident_card(incident: Incident, paged: Sequence[Paged], told: Sequence[LogEntry] = ()) -> Card:
    """The card of an incident, with who was paged and what came of it. `told`: entries of its log, of `EVENTS`."""
    for room in (TEXT_SHOWN, 200, 0):
        text = "\n".join([*_head(incident, room), *_people(incident, paged), *_told(told), *_foot(incident, paged)])
        if len(text.encode("utf-16-le")) // 2 <= TEXT_LIMIT:
            break
    return Card(text=text, buttons=_buttons(incident))


def storm_card(storm: Storm) -> Card:
    """The card that many incidents share."""
    total = sum(storm.counts.values())
    states = [f"{number} {state.value}" for state in IncidentState if (number := storm.counts.get(state))]
    kinds = [f"{number} {one.value}" for one in Severity if (number := storm.severities.get(one.value))]
    lines = [
        f"🌩 <b>Storm S{storm.id}</b> · {count(total, 'alert')} since {_clock(storm.opened_at)}",
        f"{' · '.join(states)} · of them {', '.join(kinds)}",
        *(summary(one) for one in storm.newest),
    ]
    left = total - storm.counts.get(IncidentState.RESOLVED, 0) - len(storm.newest)
    if left > 0:
        lines.append(f"… and {left} more: /alerts")
    is_open = storm.counts.get(IncidentState.OPEN)
    ack = _button("Ack all", Verb.ACK, f"S{storm.id}", codes.seen_of_storm(storm))
    return Card(text="\n".join(lines), buttons=(ack,) if is_open else ())


def page_card(page: Page, worst: Sequence[Incident], still_open: int, total: int) -> Card:
    """The private copy of a page that stands for many incidents."""
    lines = [f"📟 <b>Page {page.code}</b> · {count(total, 'alert')}, {still_open} open", *map(summary, worst)]
    if still_open > len(worst):
        lines.append(f"… and {still_open - len(worst)} more: /alerts")
    ack = _button("Ack all", Verb.ACK, page.code, total)
    return Card(text="\n".join(lines), buttons=(ack,) if still_open else ())


def summary(incident: Incident) -> str:
    """An incident in a line of a list, Telegram HTML."""
    done = f" · ack {escape(incident.acked_by)}" if incident.state is IncidentState.ACKNOWLEDGED else ""
    return f"{_dot(incident)} <b>{incident.code}</b> {escape(incident.title[:100])}{done}"


def _dot(incident: Incident) -> str:
    return _SETTLED_DOTS.get(incident.state) or _DOTS[incident.severity]


def _head(incident: Incident, room: int) -> list[str]:
    lines = [
        f"{_dot(incident)} <b>{incident.code}</b> · {incident.severity.value} · <b>{escape(incident.title)}</b>",
    ]
    if incident.text and room:
        shown = cut(incident.text, room)
        lines.append(escape(shown) + ("…" if shown != incident.text else ""))
    if labels := _labels(incident):
        lines.append(f"<code>{labels}</code>")
    if incident.links:
        lines.append(" · ".join(_link(one.label, one.url) for one in incident.links))
    heard = f" · heard {incident.news} times" if incident.news > 1 else ""
    lines.append(f"{escape(incident.source)} · since {_clock(incident.opened_at)}{heard}")
    return lines


def _link(label: str, url: str) -> str:
    return f'<a href="{escape(url, quote=True)}">{escape(label)}</a>'


def _labels(incident: Incident) -> str:
    shown = [
        f"{name}={value[:60]}"
        for name, value in sorted(incident.labels.items())
        if name not in SAID_ELSEWHERE and value and value not in incident.title
    ]
    return escape(" ".join(shown[:LABELS_SHOWN]))


def _people(incident: Incident, paged: Sequence[Paged]) -> list[str]:
    shown = paged[-PAGED_SHOWN:]
    lines = [f"… {count(len(paged) - len(shown), 'earlier page')}"] if len(paged) > len(shown) else []
    return lines + [_paged(incident, one) for one in shown]


def _told(told: Sequence[LogEntry]) -> list[str]:
    return [f"{EVENTS[one.event]} {escape(one.words)}{_at(one.at)}" for one in told[-PAGED_SHOWN:]]


def _paged(incident: Incident, one: Paged) -> str:
    name = escape(one.person_name)
    if one.state is None:
        if incident.state is not IncidentState.OPEN:
            return f"📟 {name}: not paged"
        quiet = one.due_at > one.requested_at
        return f"🕒 {name}: quiet, to be paged {_clock(one.due_at)}" if quiet else f"🕒 {name}: to be paged"
    words = _PAGED_WORDS[one.state]
    if one.state in (State.REJECTED, State.FAILED, State.UNKNOWN, State.QUEUED) and (why := reason(one.reason)):
        words += f": {why}"
    if one.maybe_sent and one.state is not State.UNKNOWN:
        words += "; an earlier attempt may have been sent"
    at = f" {_clock(one.changed_at)}" if one.changed_at else ""
    return f"{ICONS[one.state]} {name}: {words}{at}"


def _foot(incident: Incident, paged: Sequence[Paged]) -> list[str]:
    lines = []
    if incident.acked_by:
        lines.append(f"👤 acknowledged by {escape(incident.acked_by)}{_at(incident.acked_at)}")
    if incident.state is IncidentState.RESOLVED:
        since = (
            f" after {age((incident.resolved_at - incident.opened_at).total_seconds())}" if incident.resolved_at else ""
        )
        lines.append(f"✅ resolved by {escape(incident.resolved_by)}{_at(incident.resolved_at)}{since}")
    elif incident.state is IncidentState.OPEN and incident.due_at is not None:
        lines.append(f"⏭ next step {_clock(incident.due_at)}")
    elif incident.state is IncidentState.OPEN and incident.policy == NO_POLICY:
        lines.append("A card only: nobody is paged")
    elif incident.state is IncidentState.OPEN and any(one.state in _STILL_TRIED for one in paged):
        lines.append("🚨 no further step: the last page is still tried")
    elif incident.state is IncidentState.OPEN:
        lines.append("🚨 nobody is paged about it any more")
    elif incident.due_at is not None:
        lines.append(f"⏭ pages again {_clock(incident.due_at)} if it still fires")
    return lines


def _at(at: datetime | None) -> str:
    return f" at {_clock(at)}" if at else ""


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S UTC")


def _buttons(incident: Incident) -> tuple[Button, ...]:
    seen = codes.seen_of_incident(incident)
    resolve = _button("Resolve", Verb.RESOLVE, incident.code, seen)
    if incident.state is IncidentState.RESOLVED:
        return ()
    if incident.state is IncidentState.ACKNOWLEDGED:
        return (resolve,)
    ack = _button("Ack", Verb.ACK, incident.code, seen)
    if incident.due_at is None:
        return (ack, resolve)
    return (ack, resolve, _button("Escalate now", Verb.ESCALATE, incident.code, incident.position))


def _button(label: str, verb: Verb, code: str, seen: int) -> Button:
    return Button(label=label, data=OfIncident(verb, code, seen).data)
