"""`bridge send`: from the command line into the same outbox."""

import sys
from collections.abc import Collection
from datetime import datetime
from functools import partial

import click
from sqlalchemy import Connection

from bridge import logs, settings
from bridge.app import configured_gateways, new_id, rules_of
from bridge.clock import SystemClock
from bridge.commands.roster_now import names_of_service
from bridge.commands.run import on_signals
from bridge.commands.send_alone import Alone, view_of
from bridge.commands.terminal import entry_of, note, user_name
from bridge.domain.delivery import SETTLED, State
from bridge.domain.errors import PersonError, Refused
from bridge.domain.problem_words import explain
from bridge.domain.recipients import Problems, Request, read_list
from bridge.domain.wording import ICONS, count, reason
from bridge.services.oncall.by_name import ByName, has_names
from bridge.services.sms.questions import new_countries, questions
from bridge.services.sms.rules import Rules
from bridge.services.sms.send_sms import Measured, Order, Submitted, cost_of, measure, size_of, submit
from bridge.store import audit
from bridge.store.database import Database
from bridge.store.home import Home
from bridge.store.homes import home_of
from bridge.store.messages import MessageView

ACT = "bridge send"
POLL_S = 0.2
RESTART_TAKES_S = 3.0
"""How long nobody may deliver before we do: a service that is restarted finds its lock free."""
OK, NOT_ACCEPTED, SOME_UNKNOWN = 0, 1, 3


async def send_one(recipients: str, text: str, *, wait: bool, yes: bool) -> int:
    """Write it down, and with `wait` see it through; gives the exit code. Raises `OperatorError`."""
    found = settings.load()
    home = home_of(found.database_url)
    holder = await home.holder()
    served = holder is not None and holder.is_service
    if wait and not served:
        found = settings.load(need=settings.GATEWAY)
        configured_gateways(found)
    logs.set_up("DEBUG" if found.log_level == "DEBUG" else "ERROR", found.log_format, found.secrets())
    names = ByName(None, SystemClock().now())
    if has_names(recipients):
        names = await names_of_service(home, found.default_region)
    read = read_list(
        [recipients], text=text, region=found.default_region, allowed_countries=found.allowed_countries, names=names
    )
    if isinstance(read, Problems):
        await note(home, entry_of(ACT, outcome=read.problems[0].code.value))
        return _refuse(*(explain(problem) for problem in read.problems))
    rules = rules_of(found)
    try:
        measured = measure(read.text, rules)
        if not _confirmed(read, measured, rules, await _new_countries(home, read, rules), yes=yes):
            await note(home, entry_of(ACT, outcome="not_confirmed"))
            return _refuse("Nothing was sent.")
        fresh = await home.current() is None
        await home.migrate()
        database = home.open()
        try:
            made = await database.write(
                partial(_submit, _order(read, names), measured=measured, rules=rules, now=SystemClock().now())
            )
            if isinstance(made, Refused):
                return _refuse(str(made))
            if names.left_out:
                print(f"left out, without a phone: {', '.join(names.left_out)}", file=sys.stderr)
            if wait:
                return await _see_through(home, database, made.id, served=served)
            print(f"#{made.id} queued{'' if served else _not_served(home, fresh=fresh)}")
            return OK
        finally:
            await database.aclose()
    except PersonError as error:
        await note(home, entry_of(ACT, outcome=error.code))
        return _refuse(str(error))


def _submit(
    order: Order, connection: Connection, *, measured: Measured, rules: Rules, now: datetime
) -> Submitted | Refused:
    """Write it down, and in the same transaction who did so; what refuses it is noted, too."""
    size = size_of(order, measured)
    try:
        made = submit(connection, order, measured, rules, now)
    except Refused as error:
        audit.write(connection, entry_of(ACT, outcome=error.code, detail=size), now)
        return error
    audit.write(connection, entry_of(ACT, about=f"#{made.id}", outcome=made.outcome, detail=size), now)
    return made


def _not_served(home: Home, *, fresh: bool) -> str:
    """Where it waits, and for whom: whoever sends into another file than the service's can see it."""
    made = ", which was made just now: is BRIDGE_DATABASE_URL the service's?" if fresh else ""
    return f"; no service is running on {home}{made}"


def _refuse(*sentences: str) -> int:
    for sentence in sentences:
        print(f"bridge: {sentence}", file=sys.stderr)
    return NOT_ACCEPTED


def _order(read: Request, names: ByName) -> Order:
    user = user_name()
    return Order(
        source="cli",
        source_key=new_id(),
        owner=f"cli:{user}",
        owner_name=f"{user} (command line)",
        request=read,
        ordered_at=SystemClock().now(),
        confirmed=True,
        left_out=names.left_out,
    )


async def _new_countries(home: Home, read: Request, rules: Rules) -> tuple[str, ...]:
    """Those that nobody has sent to from this database. A new database is not made for the question."""
    wanted = set(read.countries) - rules.known_countries
    if not wanted or await home.current() is None:
        return tuple(sorted(wanted))
    await home.migrate()
    database = home.open()
    try:
        return await database.read(partial(new_countries, wanted=read.countries, rules=rules))
    finally:
        await database.aclose()


def _confirmed(read: Request, measured: Measured, rules: Rules, first: Collection[str], *, yes: bool) -> bool:
    """Whether it may go out: asked on a terminal where the chat would ask, refused where nobody can be asked."""
    now = SystemClock().now()
    asked = questions(read, cost=cost_of(read, measured), ordered_at=now, new=first, rules=rules, now=now)
    if yes or not asked:
        return True
    for fact in asked.facts():
        print(fact, file=sys.stderr)
    if not sys.stdin.isatty():
        print("bridge: this needs --yes", file=sys.stderr)
        return False
    return click.confirm("Send it?", err=True)


async def _see_through(home: Home, database: Database, message_id: int, *, served: bool) -> int:
    """Until every outcome is known, or a signal comes: whoever holds the lock delivers, and we do when nobody does."""
    asked = on_signals()
    clock = SystemClock()
    shown = Progress(message_id)
    alone = Alone(home, database, message_id)
    free_for = 0.0 if served else RESTART_TAKES_S
    try:
        while not asked.is_set():
            if not alone.delivers:
                free_for = 0.0 if await home.holder() else free_for + POLL_S
                if free_for > RESTART_TAKES_S:
                    await alone.take_over()
            view = await view_of(database, message_id)
            shown.show(view)
            if alone.is_done(view):
                break
            await clock.wait(asked, POLL_S)
    finally:
        shown.end()
        await alone.stop()
    # Only now: what a signal interrupted has its outcome, too.
    return _report(await view_of(database, message_id))


class Progress:
    """One line on a terminal that says how it goes."""

    def __init__(self, message_id: int) -> None:
        self._message_id = message_id
        self._shown = ""

    def show(self, view: MessageView) -> None:
        """Show it, when it is news."""
        line = " ".join(
            f"{ICONS[state]} {view.counts[state]} {state.value}" for state in State if view.counts.get(state)
        )
        if sys.stderr.isatty() and line != self._shown:
            print(f"\r\x1b[K#{self._message_id}: {line}", end="", file=sys.stderr, flush=True)
            self._shown = line

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)


def _report(view: MessageView) -> int:
    print(f"#{view.id}: {count(view.recipients, 'recipient')}, {count(view.segments, 'segment')}")
    for line in view.lines:
        words = " · ".join(
            dict.fromkeys(
                part
                for part in (reason(line.reason), line.code, line.type, line.error, line.detail, line.sms_id)
                if part
            )
        )
        print(f"{ICONS[line.state]} {line.number} {line.state.value}{f' · {words}' if words else ''}")
    if any(view.counts.get(state) for state in (State.QUEUED, State.HELD)):
        print(f"#{view.id} stays in the outbox: a service sends what is queued", file=sys.stderr)
    earlier = any(line.maybe_sent and line.state not in (State.ACCEPTED, State.SCHEDULED) for line in view.lines)
    if earlier or not set(view.counts) <= SETTLED or view.counts.get(State.UNKNOWN):  # it may go out yet, or has gone
        return SOME_UNKNOWN
    return OK if set(view.counts) <= {State.ACCEPTED, State.SCHEDULED} else NOT_ACCEPTED
