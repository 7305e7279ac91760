"""`bridge send`: from the command line into the same outbox."""

import getpass
import sys
from functools import partial

import click

from bridge import logs, settings
from bridge.app import CALLS_MAY_END_WITHIN_S, Outbox, new_id, rules_of
from bridge.clock import SystemClock
from bridge.commands.run import on_signals
from bridge.domain.delivery import SETTLED, State
from bridge.domain.errors import PersonError, SettingsError
from bridge.domain.problem_words import explain
from bridge.domain.recipients import Problems, Request, read_list
from bridge.domain.wording import ICONS, count, reason
from bridge.services.send_sms import Measured, Order, Rules, measure, submit
from bridge.settings import Settings
from bridge.store import messages
from bridge.store.database import Database
from bridge.store.lock import DeliveryLock
from bridge.store.messages import MessageView
from bridge.store.migrate import migrate, sqlite_path

POLL_S = 0.2
RECIPIENTS_SHOWN = 1000
OK, NOT_ACCEPTED, SOME_UNKNOWN = 0, 1, 3


async def send_one(recipients: str, text: str, *, wait: bool, yes: bool) -> int:
    """Write it down, and with `wait` see it through; gives the exit code. Raises `OperatorError`."""
    found = settings.load()
    path = sqlite_path(found.database_url)
    lock = DeliveryLock(path)
    running = DeliveryLock.is_held(path)
    if wait and not running:
        found = settings.load(need=settings.GATEWAY)
    logs.set_up("ERROR", found.log_format, found.secrets())
    read = read_list([recipients], text=text, region=found.default_region, allowed_countries=found.allowed_countries)
    if isinstance(read, Problems):
        return _refuse(*(explain(problem) for problem in read.problems))
    rules = rules_of(found)
    try:
        measured = measure(read.text, rules)
        if not _confirmed(read, measured, rules, yes=yes):
            return _refuse("Nothing was sent.")
        migrate(path)
        database = Database(path)
        try:
            message_id = await database.write(
                partial(submit, order=_order(read), measured=measured, rules=rules, now=SystemClock().now())
            )
            return await _see_through(found, database, lock, message_id.id, wait=wait, running=running)
        finally:
            await database.aclose()
    except PersonError as error:
        return _refuse(str(error))


def _refuse(*sentences: str) -> int:
    for sentence in sentences:
        print(f"bridge: {sentence}", file=sys.stderr)
    return NOT_ACCEPTED


def _order(read: Request) -> Order:
    user = getpass.getuser()
    return Order(
        source="cli",
        source_key=new_id(),
        owner=f"cli:{user}",
        owner_name=f"{user} (command line)",
        numbers=tuple(number.e164 for number in read.numbers),
        text=read.text,
        ordered_at=SystemClock().now(),
        asks=False,
        doubles=read.doubles,
    )


def _confirmed(read: Request, measured: Measured, rules: Rules, *, yes: bool) -> bool:
    """Whether it may go out: asked on a terminal where the chat would ask, refused where nobody can be asked."""
    cost = len(read.numbers) * measured.segments.count
    questions = [f"{number.e164} is possible, but in no list of valid numbers." for number in read.unverified]
    if cost > rules.confirm_above:
        questions.append(f"This costs {cost} SMS.")
    if yes or not questions:
        return True
    for question in questions:
        print(question, file=sys.stderr)
    if not sys.stdin.isatty():
        print("bridge: this needs --yes", file=sys.stderr)
        return False
    return click.confirm("Send it?", err=True)


async def _see_through(
    found: Settings, database: Database, lock: DeliveryLock, message_id: int, *, wait: bool, running: bool
) -> int:
    if not wait:
        print(f"#{message_id} queued" if running else f"#{message_id} queued; no service is running")
        return OK
    if running:
        await _watch(database, message_id)
        return _report(await _view(database, message_id))
    lock.take()
    try:
        outbox = Outbox(found, database, SystemClock(), only_message=message_id)
        # Only this message is ours to deliver: what else lies there waits for the service, and so does its take-over.
        outbox.loop.start()
        try:
            await _watch(database, message_id)
        finally:
            await outbox.loop.stop()
            await outbox.deliverer.stop(CALLS_MAY_END_WITHIN_S)
        # Only now: what a signal interrupted has its outcome, too.
        return _report(await _view(database, message_id))
    finally:
        lock.release()


async def _view(database: Database, message_id: int) -> MessageView:
    view = await database.read(partial(messages.view, message_id=message_id, lines=RECIPIENTS_SHOWN))
    if view is None:
        raise SettingsError(f"#{message_id} is gone from the database")
    return view


async def _watch(database: Database, message_id: int) -> None:
    """Show how it goes until every outcome is known, or a signal comes."""
    asked = on_signals()
    clock = SystemClock()
    shown = ""
    while True:
        view = await _view(database, message_id)
        line = " ".join(
            f"{ICONS[state]} {view.counts[state]} {state.value}" for state in State if view.counts.get(state)
        )
        if sys.stderr.isatty() and line != shown:
            print(f"\r\x1b[K#{view.id}: {line}", end="", file=sys.stderr, flush=True)
            shown = line
        if set(view.counts) <= SETTLED or asked.is_set():
            break
        await clock.wait(asked, POLL_S)
    if shown:
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
    if view.counts.get(State.UNKNOWN) or view.counts.get(State.SENDING):  # the latter: nobody waits for it any more
        return SOME_UNKNOWN
    return OK if set(view.counts) <= {State.ACCEPTED, State.SCHEDULED} else NOT_ACCEPTED
