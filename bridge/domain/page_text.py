"""The SMS of a page: what a person must know at 3 a.m., in one segment where that can be."""

from dataclasses import dataclass
from datetime import timedelta

from bridge.domain.alerts import Severity
from bridge.domain.segments import simplify, split
from bridge.domain.wording import age

SHORTEST_TITLE = 24
"""Characters of the title that are kept, even if that takes a second segment."""

UNREADABLE = "CRITICAL: you are paged, and it cannot be read about what. Look at /alerts in Telegram"
"""The text of a page whose rows cannot be read: one segment."""

TAGS = {
    Severity.CRITICAL: "CRITICAL",
    Severity.ERROR: "ERROR",
    Severity.WARNING: "WARNING",
    Severity.INFO: "INFO",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFacts:
    """What a page says. `more`: incidents beside the one of `title`. `link`: of its ack page, "" without one."""

    title: str
    severity: Severity
    age: timedelta
    more: int
    code: str
    link: str
    maybe_repeat: bool


def page_text(facts: PageFacts) -> str:
    """The text, look-alikes replaced; the title is cut where that saves a segment, and never to nothing."""
    whole = _text(facts, facts.title)
    if _segments(whole) == 1:
        return whole
    for length in range(len(facts.title) - 1, SHORTEST_TITLE - 1, -1):
        text = _text(facts, facts.title[:length].rstrip() + "...")
        if _segments(text) == 1:
            return text
    # A title in another script, or a long link: what fits into two segments, and then whatever it takes.
    for length in range(len(facts.title), SHORTEST_TITLE - 1, -1):
        text = _text(facts, facts.title[:length].rstrip() + ("..." if length < len(facts.title) else ""))
        if _segments(text) <= 2:
            return text
    return _text(facts, facts.title[:SHORTEST_TITLE].rstrip() + "...")


def _text(facts: PageFacts, title: str) -> str:
    parts = [
        "Maybe a repeat:" if facts.maybe_repeat else "",
        f"{TAGS[facts.severity]} {title}",
        f"({_age(facts.age)})",
        f"+{facts.more} more" if facts.more else "",
        facts.link or f"/ack {facts.code}",
        f"or /ack {facts.code}" if facts.link else "",
    ]
    return simplify(" ".join(part for part in parts if part)).text


def _age(since: timedelta) -> str:
    seconds = since.total_seconds()
    return "now" if seconds < 60 else f"{age(seconds)} ago"


def _segments(text: str) -> int:
    return split(text).count
