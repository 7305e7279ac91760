"""Incidents in the chat: /alerts, /ack, /resolve, /page, and the buttons of their cards."""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from sqlalchemy import Connection
from telegram.ext import Application

from bridge.clock import Clock
from bridge.domain.alerts import Alert, Severity
from bridge.domain.errors import Refused
from bridge.domain.incident import IncidentState
from bridge.oncall.naming import targets_named
from bridge.oncall.who import Roster
from bridge.services.incidents import codes, respond
from bridge.services.incidents.codes import Meant
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.policies import ASKED_FOR
from bridge.services.oncall.by_name import SIGNS
from bridge.services.sms.decide_message import Actor
from bridge.store import incidents
from bridge.store.oncall import RosterOf
from bridge.telegram import incident_cards
from bridge.telegram.asking import Asked, Desk, Did, ForUsers, add_commands, relayed_text
from bridge.telegram.button_data import OfIncident, Verb

LISTED = 15
"""Incidents of one `/alerts`; `/alerts 2` shows the next ones."""

NAMES_SHOWN = 30

PAGE_SOURCE = "chat"
"""The source of incidents that people open by `/page`."""


class IncidentHandlers:
    """What people say about incidents. Each handler is one transaction that does it and holds the answer."""

    def __init__(self, *, desk: Desk, roster: RosterOf, intake: Intake, clock: Clock) -> None:
        self._desk = desk
        self._roster = roster
        self._intake = intake
        self._clock = clock

    def register(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Tell python-telegram-bot which command goes where; only new ones that are somebody's own."""
        add_commands(application, self._desk, self.commands)

    @property
    def commands(self) -> dict[str, ForUsers]:
        """Command -> what does it."""
        return {"alerts": self.alerts, "ack": self.ack, "resolve": self.resolve, "page": self.page}

    async def alerts(self, asked: Asked) -> None:
        """`/alerts [PAGE]`: what is not resolved, open ones first."""
        argument = asked.typed
        shown = int(argument) if re.fullmatch(r"[0-9]{1,6}", argument) else 1

        def act(connection: Connection) -> str:
            first = (max(1, shown) - 1) * LISTED
            found = incidents.not_resolved(connection, LISTED, first)
            counts = incidents.count_not_resolved(connection)
            total = sum(counts.values())
            if not found:
                return f"That is all: /alerts {-(-total // LISTED)} is the last page." if total else "Nothing is open."
            states = [f"{number} {state.value}" for state in IncidentState if (number := counts.get(state))]
            head = f"<b>{', '.join(states)}</b>"
            more = f"/alerts {max(1, shown) + 1} shows more. " if first + len(found) < total else ""
            foot = f"{more}/ack CODE acknowledges, /resolve CODE ends one."
            return "\n".join([head, *map(incident_cards.summary, found), foot])

        await asked.commit(act)

    async def ack(self, asked: Asked) -> None:
        """`/ack CODE`: what the button Ack does."""
        await self._by_code(asked, "ack", self._acknowledge)

    async def resolve(self, asked: Asked) -> None:
        """`/resolve CODE`: what the button Resolve does."""
        await self._by_code(asked, "resolve", self._resolve)

    async def page(self, asked: Asked) -> None:
        """`/page [@WHO] TEXT`: opens a critical incident; as a reply it takes that message's text."""
        name, typed = _who_and_text(asked.typed)
        text = typed or (relayed_text(asked.message) or "").strip()

        def act(connection: Connection) -> Did:
            roster = self._roster(connection)
            policy = _asked_for(roster, name)
            if name:
                _only_one(roster, typed)
            if not text:
                whom = f"@{escape(name)} " if name else ""
                words = f"What about? Write what is wrong, too: <code>/page {whom}database is on fire</code>"
                return Did(words=words, outcome="incomplete")
            now = self._clock.now()
            title, _, more = text.partition("\n")
            alert = Alert(
                source=PAGE_SOURCE,
                fingerprint=asked.asker.key,
                firing=True,
                title=" ".join(title.split())[:300],
                text=more.strip()[:2000],
                severity=Severity.CRITICAL,
                labels={"from": asked.asker.person.name},
            )
            self._intake.take(connection, [alert], roster, received_at=now, now=now, policy=policy)
            opened = incidents.open_of(connection, PAGE_SOURCE, [asked.asker.key])[asked.asker.key]
            if opened.due_at is None:
                words = f"{opened.code} is open, and <b>nobody is paged</b>: the on-call file has no policy for it."
                return Did(words=words, about=opened.code, outcome="nobody_paged")
            paged = escape(f"@{name}") if name else "who is on call"
            words = f"{opened.code} is open: {paged} is to be paged; its card shows when. /ack {opened.code} ends that."
            return Did(words=words, about=opened.code)

        await asked.commit(act)

    def press(self, button: OfIncident, connection: Connection, person: Actor) -> str:
        """A button of a card was pressed by somebody who may; gives words for them. Raises `PersonError`."""
        if button.verb is Verb.ESCALATE:
            (incident_id,) = codes.pressed(connection, button.code, None).ids[:1]
            now, seen = self._clock.now(), button.seen or 0
            return respond.escalate_now(connection, incident_id, seen=seen, by=person.name, now=now).words
        meant = codes.pressed(connection, button.code, button.seen)
        act = self._acknowledge if button.verb is Verb.ACK else self._resolve
        return act(connection, meant, person)

    async def _by_code(self, asked: Asked, command: str, act: Callable[[Connection, Meant, Actor], str]) -> None:
        code = asked.typed

        def run(connection: Connection) -> Did | str:
            if not code:
                words = f"Which one? Write /{command} and a code, such as /{command} A7. /alerts shows them."
                return Did(words=words, outcome="incomplete")
            meant = codes.typed(connection, code, self._clock.now())
            return escape(act(connection, meant, asked.asker.person))

        await asked.commit(run, about=code.strip().upper())

    def _acknowledge(self, connection: Connection, meant: Meant, person: Actor) -> str:
        now, roster = self._clock.now(), self._roster(connection)
        done = respond.acknowledge(connection, meant.ids, by=person.name, via="chat", roster=roster, now=now)
        return f"{done.words}{meant.rest}"

    def _resolve(self, connection: Connection, meant: Meant, person: Actor) -> str:
        done = respond.resolve(connection, meant.ids, by=person.name, via="chat", now=self._clock.now())
        return f"{done.words}{meant.rest}"


def _who_and_text(typed: str) -> tuple[str, str]:
    """The name behind `/page`, without its sign ("" for none), and the text."""
    first, *rest = typed.split(maxsplit=1)[:2] or [""]
    if not first.startswith(SIGNS):
        return "", typed
    return first[1:].rstrip(",،，:"), rest[0] if rest else ""


def _only_one(roster: Roster, text: str) -> None:
    """Raises Refused for a text that begins with a second name: whoever typed it means both."""
    second, _ = _who_and_text(text)
    if second and targets_named(roster.oncall, second) is not None:
        words = "/page takes one name. For several, write /page for each, or make a group of the on-call file for them."
        raise Refused("several_names", words)


def _asked_for(roster: Roster, name: str) -> str:
    """The policy that pages who was asked for; "" for what the routes say. Raises Refused for nobody of that name."""
    if not name:
        return ""
    if targets_named(roster.oncall, name) is None:
        known = [*roster.oncall.people, *roster.oncall.groups, *roster.oncall.schedules]
        more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
        there = f"{', '.join(f'@{one}' for one in known[:NAMES_SHOWN])}{more}" if known else "no on-call file"
        raise Refused("unknown_name", f"Nobody is @{name[:40]} in the on-call file. There is {there}.")
    return f"{ASKED_FOR}{name}"
