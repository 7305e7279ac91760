"""The audit: what people said, what the database holds, what the phones got and what the chats show must agree."""

import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_state import Message

# What a card says of a number in this state: its sign, and words behind the number.
SHOWN_AS: Mapping[str, tuple[str, str]] = {
    "held": ("🕒", "held"),
    "queued": ("🕒", "queued"),
    "sending": ("🕒", "sending"),
    "accepted": ("✅", "accepted"),
    "scheduled": ("✅", "accepted"),
    "rejected": ("❌", "not sent"),
    "failed": ("❌", "not sent"),
    "unknown": ("❓", "may have been sent"),
    "cancelled": ("🚫", "cancelled"),
}
PAGE_CODE = re.compile(r"/ack (P\d+)")
FROM_A_CHAT = "telegram"  # the source of a message that has a card; what a program asks for has none
CERTAINLY_NOT_SENT = ("held", "queued", "rejected", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The count at the end. `wrong` names each disagreement."""

    kills: int
    commands: int
    confirmed: int
    lost: int
    doubled: int
    unknown: int
    unknown_not_shown: int
    wrong: Sequence[str] = field(default=())

    HEAD = (
        "| kills | commands | confirmed | lost | sent twice silently | unknown | unknown not shown |\n"
        "|---:|---:|---:|---:|---:|---:|---:|"
    )

    def row(self) -> str:
        """A row of a Markdown table under `HEAD`."""
        cells = (
            self.kills,
            self.commands,
            self.confirmed,
            self.lost,
            self.doubled,
            self.unknown,
            self.unknown_not_shown,
        )
        return "| " + " | ".join(f"{cell}" for cell in cells) + " |"


class Books:
    """Reads the database from outside, beside whoever writes it; never writes."""

    def __init__(self, database: Path, telegram: TelegramSandbox, gateway: MsmpusherSandbox) -> None:
        self._database = database
        self._telegram = telegram
        self._gateway = gateway

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Rows of a query; none while there is no database yet."""
        if not self._database.exists():
            return []
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def count(self, query: str, *values: object) -> int:
        """The one number of a query; 0 while there is no database yet."""
        return next((int(row[0]) for row in self.rows(query, *values)), 0)

    def deliveries(self) -> list[sqlite3.Row]:
        """Each delivery with its message's text."""
        return self.rows(
            "SELECT d.*, m.text AS text, m.source AS source, m.buttons_until AS buttons_until, m.hold AS hold "
            "FROM deliveries d JOIN messages m ON m.id = d.message_id ORDER BY d.id"
        )

    def states(self) -> list[str]:
        """The state of each delivery, in their order."""
        return [row["state"] for row in self.deliveries()]

    def kept(self) -> set[int]:
        """Ids of the updates that are in the inbox."""
        return {row["update_id"] for row in self.rows("SELECT update_id FROM inbox")}

    def unrest(self) -> list[str]:
        """What is still to be done, in words; empty: all is settled and shown."""
        if waiting := self._telegram.unconfirmed_updates:  # first: what is confirmed after this look is kept by then
            return [f"{len(waiting)} updates are unconfirmed"]
        if self.count("SELECT count(*) FROM sqlite_master WHERE name = 'posts'") == 0:
            return ["no database yet"]
        counts = {
            "updates are open": self.count("SELECT count(*) FROM inbox WHERE done_at IS NULL"),
            "deliveries are on their way": self.count(
                "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending')"
            ),
            "posts are out of date": self.count("SELECT count(*) FROM posts WHERE shown < wanted AND trouble = ''"),
        }
        return [f"{number} {words}" for words, number in counts.items() if number]

    def cards(self, message_id: int) -> list[Message]:
        """What the chats show of a message, by the database's word; what people cannot see is left out."""
        posts = self.rows("SELECT chat_id, telegram_id FROM posts WHERE message_id = ?", message_id)
        shown = [
            self._telegram.world.chats[post["chat_id"]].messages.get(post["telegram_id"])
            for post in posts
            if post["chat_id"] in self._telegram.world.chats
        ]
        return [card for card in shown if card is not None]

    def copies(self, message_id: int) -> list[Message]:
        """Every card of a message in any chat, also those that the database knows nothing of."""
        return [
            message
            for chat in self._telegram.world.chats.values()
            for message in self._telegram.from_bot(chat)
            if message.text.startswith(f"#{message_id} ")
        ]

    def sent(self, text: str) -> int:
        """How often a text reached a phone."""
        return sum(sms.text == text for sms in self._gateway.sent)

    def report(
        self,
        commands: Mapping[str, int],
        confirmed: Sequence[str],
        *,
        kills: int = 0,
        sent_again: Mapping[str, int] | None = None,
    ) -> Report:
        """Count everything. `commands`: each text, said once, to so many numbers; `confirmed`: those that Telegram
        gives out no more. `sent_again`: how often a person pressed Send again for a text. Every text must differ."""
        again = sent_again or {}
        pages = {row["message_id"] for row in self.rows("SELECT message_id FROM pages")}  # AlertBooks counts those
        rows = [row for row in self.deliveries() if row["message_id"] not in pages]
        by_text: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            by_text.setdefault(row["text"], []).append(row)
        lost = [text for text in confirmed if len(by_text.get(text, ())) != commands[text]]
        phones = Counter((sms.text, sms.number) for sms in self._gateway.sent if not PAGE_CODE.search(sms.text))
        calls = Counter((call.text, number) for call in self._gateway.calls for number in call.numbers)
        doubled = [
            f"{text}: {count} times to a phone" for (text, _), count in phones.items() if count > 1 + again.get(text, 0)
        ]
        doubled += [
            f"{text}: {repeats} attempts after one that nobody knows"
            for text, found in by_text.items()
            for row in found
            if (repeats := self._repeats(row)) > again.get(text, 0)
        ]
        wrong = [f"{text}: lost" for text in lost] + doubled
        unknown = [row for row in rows if row["state"] == "unknown"]
        not_shown = [
            f"#{row['message_id']}: unknown, not shown"
            for row in unknown
            if row["source"] == FROM_A_CHAT and not self._offers(row)
        ]
        for row in rows:
            wrong += self._disagreements(row, phones, calls)
        return Report(
            kills=kills,
            commands=len(commands),
            confirmed=len(confirmed),
            lost=len(lost),
            doubled=len(doubled),
            unknown=len(unknown),
            unknown_not_shown=len(not_shown),
            wrong=tuple(wrong + not_shown),
        )

    def _outcomes(self, row: sqlite3.Row) -> list[str]:
        """Of each attempt, in their order."""
        found = self.rows("SELECT outcome FROM attempts WHERE delivery_id = ? ORDER BY attempt", row["id"])
        return [attempt["outcome"] for attempt in found]

    def _repeats(self, row: sqlite3.Row) -> int:
        """Attempts that followed on one after which the phone may have buzzed."""
        return sum(outcome in ("", "unknown", "accepted") for outcome in self._outcomes(row)[:-1])

    def _offers(self, row: sqlite3.Row) -> bool:
        """Whether some chat shows that it may have been sent, with the buttons to decide."""
        labels = ("Send again", "Leave it")
        decided = row["buttons_until"] is None
        return any(
            "may have been sent" in card.text and (decided or tuple(b.text for b in card.buttons) == labels)
            for card in self.cards(row["message_id"])
        )

    def _disagreements(self, row: sqlite3.Row, phones: Counter[Any], calls: Counter[Any]) -> list[str]:
        """Where ledger, database and chat say different things of one delivery."""
        key = (row["text"], row["number"])
        name = f"#{row['message_id']} ({row['text'][:20]}) is {row['state']}"
        outcomes = self._outcomes(row)
        found = []
        if calls[key] > len(outcomes):
            found.append(f"{name}: the gateway was asked {calls[key]} times, {len(outcomes)} attempts are written down")
        if row["state"] == "accepted" and phones[key] == 0:
            found.append(f"{name}: no phone got it")
        if row["state"] in CERTAINLY_NOT_SENT and "unknown" not in outcomes and phones[key]:
            found.append(f"{name}: a phone got it")
        if phones[key] > outcomes.count("accepted") + outcomes.count("unknown"):
            found.append(f"{name}: {phones[key]} SMS for the outcomes {outcomes}")
        sign, words = SHOWN_AS[row["state"]]
        cards = self.cards(row["message_id"])
        lines = [line for card in cards for line in card.text.splitlines() if row["number"] in line]
        if not cards and row["text"] and row["source"] == FROM_A_CHAT:
            found.append(f"{name}: no chat shows it")
        found += [f"{name}: shown as {line!r}" for line in lines if not (line.startswith(sign) and words in line)]
        if cards and not lines and self.count("SELECT recipients FROM messages WHERE id = ?", row["message_id"]) <= 20:
            found.append(f"{name}: its number is in no line of {[card.text for card in cards]}")
        return found
