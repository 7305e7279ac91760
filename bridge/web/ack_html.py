"""The ack page as HTML: small, for old phones, without a script. Pure; all that others wrote is escaped."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from bridge.domain.incident import IncidentState
from bridge.domain.wording import age, count
from bridge.services.incidents.ack_link import Linked
from bridge.store.incidents import Incident

_STYLE = (
    "body{font:18px/1.4 sans-serif;margin:0 auto;max-width:32em;padding:1em;color:#111;background:#fff}"
    "h1{font-size:1.3em;margin:0 0 .5em}ul{padding:0;list-style:none}"
    "li{border-top:1px solid #ccc;padding:.6em 0;word-wrap:break-word}small{color:#555}"
    "button{font-size:1.3em;width:100%;padding:.8em;border:0;border-radius:6px;color:#fff;background:#b00020}"
)

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}
"""Of every answer: the address is a secret, and the page nobody's to frame, keep or index."""


def ack_page(linked: Linked, now: datetime) -> str:
    """What stands there, and the button where something is open."""
    found = linked.standing
    one = found.shown[0]
    head = escape(one.title) if found.total == 1 else count(found.total, "alert")
    parts = [f"<h1>{head}</h1>"]
    if linked.words:
        parts.append(f"<p><b>{escape(linked.words)}</b></p>")
    if found.open:
        label = "Acknowledge" if found.total == 1 else f"Acknowledge {'all' if found.open > 1 else 'it'}"
        # No action: the form goes to the address that this page has, whatever stands before it.
        parts.append(f'<form method="post"><button type="submit">{label}</button></form>')
    parts.append("<ul>")
    parts += [_line(incident, now, named=found.total > 1) for incident in found.shown]
    if more := found.total - len(found.shown):
        parts.append(f"<li>and {more} more</li>")
    parts.append("</ul>")
    parts.append(f"<p><small>Page {linked.page.code}, sent to {escape(linked.page.person_name)}</small></p>")
    title = "Acknowledge" if found.open else "Acknowledged" if found.resolved_at is None else "Resolved"
    return _document(title, "".join(parts))


def notice_page(words: str, *, again: bool = False) -> str:
    """A sentence, and a button that asks again where that may help."""
    button = '<form method="post"><button type="submit">Try again</button></form>' if again else ""
    return _document("bridge", f"<h1>{escape(words)}</h1>{button}")


def _line(incident: Incident, now: datetime, *, named: bool) -> str:
    title = f"{escape(incident.title)}<br>" if named else ""
    facts = f"{incident.severity.value.upper()}, {incident.code}, {_since(incident.opened_at, now)}"
    return f"<li>{title}<small>{facts}</small><br>{escape(_state(incident))}</li>"


def _since(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    return "just now" if seconds < 60 else f"{age(seconds)} ago"


def _state(incident: Incident) -> str:
    if incident.state is IncidentState.OPEN:
        return "Nobody has acknowledged it yet."
    if incident.state is IncidentState.ACKNOWLEDGED:
        return f"Acknowledged by {incident.acked_by}{_at(incident.acked_at)}."
    return f"Resolved by {incident.resolved_by}{_at(incident.resolved_at)}."


def _at(at: datetime | None) -> str:
    return f" at {at.astimezone(UTC):%H:%M} UTC" if at else ""


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
