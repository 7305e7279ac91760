"""The audit of a night: what sources posted, what the database holds, what the phones got and what the chats show."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.store.messages import PAGE
from tests.faults.books import PAGE_CODE, Books

REPEAT = "Maybe a repeat: "
BAD_ENDS = ("rejected", "failed")
CLOCKS = timedelta(seconds=0.25)
"""How much sooner than its wait a step may seem to run: a step's timer counts from the moment that it is due."""


@dataclass(kw_only=True, slots=True)
class Answered:
    """What somebody was told is done: names of alerts, ids of incidents that somebody acknowledged."""

    fired: set[str] = field(default_factory=set)
    resolved: set[str] = field(default_factory=set)
    acks: set[int] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The count at the end. `doubled`: pages that a phone got twice without a word of it. `wrong` names each fault.

    `unsure`: incidents that are open, and of which no phone has heard because calls about them were cut twice.
    """

    kills: int
    alerts: int
    lost: int
    pages: int
    doubled: int
    repeats: int
    unknown: int
    unknown_not_shown: int
    acks: int
    after_ack: int
    unsure: int
    wrong: Sequence[str] = ()

    HEAD = (
        "| kills | alerts | lost | pages | doubled silently | marked as a repeat | unknown | unknown not shown "
        "| acks | paged after ack | open, cut twice |\n"
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )

    def row(self) -> str:
        """A row of a Markdown table under `HEAD`."""
        cells = (
            self.kills,
            self.alerts,
            self.lost,
            self.pages,
            self.doubled,
            self.repeats,
            self.unknown,
            self.unknown_not_shown,
            self.acks,
            self.after_ack,
            self.unsure,
        )
        return "| " + " | ".join(f"{cell}" for cell in cells) + " |"


class AlertBooks:
    """Reads the database from outside, beside whoever writes it; never writes."""

    def __init__(self, books: Books, telegram: TelegramSandbox, gateway: MsmpusherSandbox) -> None:
        self._books = books
        self._telegram = telegram
        self._gateway = gateway

    def incidents(self) -> list[sqlite3.Row]:
        """All there are."""
        return self._books.rows("SELECT * FROM incidents ORDER BY id")

    def pages(self) -> list[sqlite3.Row]:
        """Each page with its delivery."""
        return self._books.rows(
            "SELECT p.*, d.id AS delivery_id, d.state, d.number, d.maybe_sent "
            "FROM pages p JOIN deliveries d ON d.message_id = p.message_id ORDER BY p.id"
        )

    def requests(self) -> list[sqlite3.Row]:
        """Who was to be paged about what, in the order in which it was asked for."""
        return self._books.rows("SELECT * FROM page_requests ORDER BY id")

    def unrest(self, soon: datetime) -> list[str]:
        """What is still to be done, in words."""
        at = int(soon.timestamp() * 1e6)
        counts = {
            "requests wait": self._books.count("SELECT count(*) FROM alert_inbox"),
            "steps are due soon": self._books.count("SELECT count(*) FROM incidents WHERE due_at < ?", at),
            "pages are asked for": self._books.count(
                "SELECT count(*) FROM page_requests WHERE page_id IS NULL AND dropped = 0"
            ),
        }
        return [f"{number} {words}" for words, number in counts.items() if number]

    def picture(self) -> str:
        """For whoever reads why a test failed."""
        found = [(row["id"], row["state"], row["position"], row["due_at"]) for row in self.incidents()[-10:]]
        pages = [(row["id"], row["person"], row["state"], row["repeat"]) for row in self.pages()[-10:]]
        return f"incidents {found}, pages {pages}, SMS {[sms.text for sms in self._gateway.sent][-10:]}"

    def audit(self, answered: Answered, *, kills: int, waits: Mapping[str, Sequence[timedelta]]) -> Audit:
        """Count everything. `waits`: policy -> how long each of its steps waits."""
        incidents, pages = self.incidents(), self.pages()
        lost = list(self._lost(answered, incidents))
        doubled = list(self._doubled(pages))
        after_ack = list(self._after_ack(pages))
        not_shown = list(self._not_shown(pages))
        other = [*self._acks(answered, incidents), *self._unheard(incidents), *self._steps(incidents, waits)]
        return Audit(
            kills=kills,
            alerts=len(answered.fired),
            lost=len(lost),
            pages=len(pages),
            doubled=len(doubled),
            repeats=sum(sms.text.startswith(REPEAT) for sms in self._gateway.sent),
            unknown=sum(self._was_unknown(page) for page in pages),
            unknown_not_shown=len(not_shown),
            acks=len(answered.acks),
            after_ack=len(after_ack),
            unsure=sum(row["state"] == "open" and self._is_unsure(row) for row in incidents),
            wrong=(*lost, *doubled, *after_ack, *not_shown, *other),
        )

    def _lost(self, answered: Answered, incidents: Sequence[sqlite3.Row]) -> Iterator[str]:
        """Answered with 202, and not there exactly once; or not ended although that was answered."""
        found = defaultdict(list)
        for row in incidents:
            found[row["title"]].append(row)
        for name in answered.fired:
            if len(found[name]) != 1:
                yield f"{name}: answered with 202, and {len(found[name])} incidents"
        for name in answered.resolved:
            if any(row["state"] != "resolved" for row in found[name]):
                yield f"{name}: its end was answered with 202, and it is not resolved"

    def _doubled(self, pages: Sequence[sqlite3.Row]) -> Iterator[str]:
        """A phone got a page again that does not say so, or oftener than twice; or a call that nobody wrote down."""
        sent, plain = Counter[str](), Counter[str]()
        commands = {row["text"] for row in self._books.rows("SELECT text FROM messages WHERE source != ?", PAGE)}
        for sms in self._gateway.sent:
            if sms.text in commands:
                continue
            code = PAGE_CODE.search(sms.text)
            if code is None:
                yield f"call {sms.call}: a phone got it, and it is neither a page nor a message"
                continue
            sent[code[1]] += 1
            plain[code[1]] += not sms.text.startswith(REPEAT)
        calls = Counter(code[1] for call in self._gateway.calls if (code := PAGE_CODE.search(call.text)))
        known = {f"P{page['id']}": page for page in pages}
        for code, number in plain.items():
            if number > 1:
                yield f"{code}: {number} times to a phone, and silent about it"
        for code, number in sent.items():
            if number > 2:
                yield f"{code}: {number} times to a phone"
        for code, number in calls.items():
            written = len(self._attempts(known[code])) if code in known else 0
            if number > written:
                yield f"{code}: the gateway was asked {number} times, {written} attempts are written down"

    def _attempts(self, page: sqlite3.Row) -> list[sqlite3.Row]:
        return self._books.rows("SELECT * FROM attempts WHERE delivery_id = ? ORDER BY attempt", page["delivery_id"])

    def _outcomes(self, page: sqlite3.Row) -> list[str]:
        return [f"{attempt['outcome']} {attempt['reason']}" for attempt in self._attempts(page)]

    def _of_page(self, page: sqlite3.Row) -> list[sqlite3.Row]:
        """The incidents that it stands for."""
        return self._books.rows(
            "SELECT i.* FROM page_requests r JOIN incidents i ON i.id = r.incident_id WHERE r.page_id = ?", page["id"]
        )

    def _after_ack(self, pages: Sequence[sqlite3.Row]) -> Iterator[str]:
        """An attempt that was claimed when each of its incidents was acknowledged or over."""
        for page in pages:
            ends = [
                min(at for at in (row["acked_at"], row["resolved_at"], FOREVER) if at) for row in self._of_page(page)
            ]
            for attempt in self._attempts(page):
                if attempt["started_at"] > max(ends, default=FOREVER):
                    yield f"P{page['id']}: attempt {attempt['attempt']} began after all of it was acknowledged"

    def _was_unknown(self, page: sqlite3.Row) -> bool:
        return any(attempt["outcome"] == "unknown" for attempt in self._attempts(page))

    def _not_shown(self, pages: Sequence[sqlite3.Row]) -> Iterator[str]:
        """Somebody may have been paged, and a card of it does not say so."""
        shown = self._cards()
        for page in pages:
            if not self._was_unknown(page):
                continue
            for row in self._of_page(page):
                cards = shown.get(row["id"], [])
                if not cards and row["storm_id"] is None:
                    yield f"A{row['id']}: no chat shows it"
                for card in cards:
                    lines = [line for line in card.splitlines() if f"{page['person_name']}:" in line]
                    if not any("may have been sent" in line for line in lines):
                        yield f"A{row['id']}: P{page['id']} is {page['state']}, its card says {lines}"

    def _cards(self) -> dict[int, list[str]]:
        """Incident -> the text of each of its cards, by the database's word of where they stand."""
        found: dict[int, list[str]] = defaultdict(list)
        for post in self._books.rows("SELECT chat_id, telegram_id, incident_id FROM posts WHERE incident_id > 0"):
            chat = self._telegram.world.chats.get(post["chat_id"])
            message = chat.messages.get(post["telegram_id"]) if chat else None
            if message is not None:
                found[post["incident_id"]].append(message.text)
        return found

    def _acks(self, answered: Answered, incidents: Sequence[sqlite3.Row]) -> Iterator[str]:
        for row in incidents:
            if row["id"] in answered.acks and not (row["acked_by"] or row["state"] == "resolved"):
                yield f"A{row['id']}: somebody acknowledged it, and it is {row['state']}"

    def _unheard(self, incidents: Sequence[sqlite3.Row]) -> Iterator[str]:
        """Open, and neither paged nor to be paged."""
        for row in incidents:
            if row["state"] != "open":
                continue
            if not self._reached(row) and not self._is_unsure(row):
                ends = [(page["person"], page["state"], self._outcomes(page)) for page in self._pages_of(row)]
                yield f"A{row['id']}: open, and no phone got it: {ends}"
            if row["due_at"] is None and row["policy"] != "none":
                yield f"A{row['id']}: open, and no step is to come"

    def _reached(self, row: sqlite3.Row) -> bool:
        sent = {code[1] for sms in self._gateway.sent if (code := PAGE_CODE.search(sms.text))}
        return any(f"P{page['id']}" in sent for page in self._pages_of(row))

    def _is_unsure(self, row: sqlite3.Row) -> bool:
        """No phone got it, and nobody can know: a call about it was cut twice. The card says so, the fallback comes."""
        return not self._reached(row) and any(page["state"] == "unknown" for page in self._pages_of(row))

    def _pages_of(self, row: sqlite3.Row) -> list[sqlite3.Row]:
        return self._books.rows(
            "SELECT DISTINCT p.id, p.person, d.id AS delivery_id, d.state FROM page_requests r "
            "JOIN pages p ON p.id = r.page_id JOIN deliveries d ON d.message_id = p.message_id WHERE r.incident_id = ?",
            row["id"],
        )

    def _steps(self, incidents: Sequence[sqlite3.Row], waits: Mapping[str, Sequence[timedelta]]) -> Iterator[str]:
        """Each step asks for a person once, and not before the wait of the one before is over."""
        for row in incidents:
            asked = self._books.rows(
                "SELECT r.*, d.state FROM page_requests r LEFT JOIN pages p ON p.id = r.page_id "
                "LEFT JOIN deliveries d ON d.message_id = p.message_id WHERE r.incident_id = ? ORDER BY r.id",
                row["id"],
            )
            for (position, person), number in Counter((one["position"], one["person"]) for one in asked).items():
                if number > 1:
                    yield f"A{row['id']}: step {position} asked for {person} {number} times"
            # A request that waits is carried on by a later step, with the time of the first: the log has each step's.
            began = [
                one["at"]
                for one in self._books.rows(
                    "SELECT at FROM incident_log WHERE incident_id = ? AND event = 'page.asked' ORDER BY id", row["id"]
                )
            ]
            bad = {one["position"] for one in asked if one["state"] in BAD_ENDS}
            for position, wait in enumerate(waits.get(row["policy"], ())):
                if position + 1 < len(began) and position not in bad:
                    passed = timedelta(microseconds=began[position + 1] - began[position])
                    if passed < wait - CLOCKS:
                        yield f"A{row['id']}: step {position + 1} ran after {passed}"


FOREVER = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1e6)
