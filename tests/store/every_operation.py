"""Every operation of the store, as the program calls it, on what is newest of a year (`tests.store.year`)."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from bridge.domain.balance import Level, Told
from bridge.domain.breaker import Breaker
from bridge.domain.delivery import Cause, Next, State
from bridge.domain.outcome import Accepted, Reason
from bridge.oncall.who import Override
from bridge.store import (
    alert_ends,
    alert_inbox,
    audit,
    balances,
    breakers,
    clock_set,
    countries,
    heartbeats,
    idempotency,
    inbox,
    incident_log,
    incident_moves,
    incidents,
    messages,
    oncall,
    outcomes,
    page_requests,
    page_standing,
    pages,
    posts,
    processes,
    queue,
    reached,
    retention,
    storms,
    switches,
    trail,
    vitals,
    waiting_pages,
)
from bridge.store.alert_inbox import Posted
from bridge.store.posts import Place, Post, Subject
from tests.store.year import RECENT
from tests.support.incidents import AMA, alert
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message, claim, finished

Operation = Callable[[Connection, int], object]
"""With a connection, in a year of so many messages."""

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PERSON = "person-1"
POSTED = Posted(id=1, source="a", content_type="", body=b"", received_at=NOW, taken=0)
OVERRIDE = Override(schedule="primary", person="ama", start=NOW, end=NOW + DAY)


def newest(count: int) -> list[int]:
    """The newest 5 ids of so many."""
    return list(range(count - 4, count + 1))


def post(size: int) -> Post:
    return Post(
        id=size, place=Place(chat_id=-1001), subject=Subject(message_id=size), text="", telegram_id=size, wanted=3,
        tries=0, pressed=False,
    )  # fmt: skip


def finish(connection: Connection, _: int) -> None:
    calls = claim(connection, 16, now=NOW)
    assert calls
    accepted = [finished(one, one.deliveries[0], Accepted(), Next(state=State.ACCEPTED)) for one in calls]
    assert outcomes.finish(connection, accepted, now=NOW, buttons_until=NOW) == len(calls)


def taken(connection: Connection, _: int) -> None:
    calls = claim(connection, 16, now=NOW)
    late = [finished(one, one.deliveries[0], Accepted(), Next(state=State.ACCEPTED)) for one in calls]
    assert outcomes.taken(connection, late, NOW) == []


def seen_before(connection: Connection, _: int) -> None:
    (call, *_rest) = claim(connection, 16, now=NOW)
    assert outcomes.seen_before(connection, {f"sms-{one}": call for one in range(1, 17)})


EVERY: dict[str, Operation] = {
    "alert_ends.forget": lambda c, n: alert_ends.forget(c, NOW - 364 * DAY),
    "alert_ends.note": lambda c, n: alert_ends.note(c, "alertmanager", "alert-7", NOW, NOW),
    "alert_ends.note_by_hand": lambda c, n: alert_ends.note_by_hand(c, "alertmanager", "alert-7", NOW),
    "alert_ends.of": lambda c, n: alert_ends.of(c, "alertmanager", [f"alert-{one}" for one in range(20)]),
    "alert_inbox.done": lambda c, n: alert_inbox.done(c, [1, 2]),
    "alert_inbox.keep": lambda c, n: alert_inbox.keep(c, "a", "", b"{}", NOW),
    "alert_inbox.keep_all": lambda c, n: alert_inbox.keep_all(c, [("a", "", b"{}", NOW)] * 2),
    "alert_inbox.oldest": lambda c, n: alert_inbox.oldest(c),
    "alert_inbox.set_aside": lambda c, n: alert_inbox.set_aside(c, 1, "odd"),
    "alert_inbox.took": lambda c, n: alert_inbox.took(c, POSTED, 1),
    "alert_inbox.these": lambda c, n: alert_inbox.these(c, range(1, 101), known=(1, NOW)),
    "alert_inbox.waiting_ids": lambda c, n: alert_inbox.waiting_ids(c, 100, 1 << 20),
    "audit.read": lambda c, n: audit.read(c, since=NOW - 7 * DAY),
    "audit.write": lambda c, n: audit.write(c, audit.AuditEntry(who="tg:1", door="telegram", act="/sms"), NOW),
    "audit.write_all": lambda c, n: audit.write_all(
        c, [(audit.AuditEntry(who="tg:1", door="telegram", act="/sms"), NOW)] * 2
    ),
    "audit.write_now_and_then": lambda c, n: audit.write_now_and_then(
        c, audit.AuditEntry(who="tg:1", door="telegram", act="/sms"), NOW
    ),
    "balances.put_said": lambda c, n: balances.put_said(c, "msmpusher", Level.LOW, NOW),
    "balances.put_told": lambda c, n: balances.put_told(c, "msmpusher", Told(balance=1.0, began=NOW)),
    "balances.said": lambda c, n: balances.said(c, "msmpusher"),
    "balances.told": lambda c, n: balances.told(c, "msmpusher"),
    "balances.told_by_all": lambda c, n: balances.told_by_all(c),
    "breakers.read": lambda c, n: breakers.read(c),
    "breakers.write": lambda c, n: breakers.write(c, [Breaker(gateway="msmpusher", failures=1)]),
    "clock_set.move_incidents": lambda c, n: clock_set.move_incidents(c, -timedelta(hours=1), NOW),
    "clock_set.move_pages": lambda c, n: clock_set.move_pages(c, -timedelta(hours=1), NOW),
    "clock_set.written_ahead": lambda c, n: clock_set.written_ahead(c, NOW),
    "countries.use": lambda c, n: countries.use(c, ["GH"], NOW),
    "countries.used": lambda c, n: countries.used(c, ["GH"]),
    "heartbeats.allow": lambda c, n: heartbeats.allow(c, "backup", DAY, NOW),
    "heartbeats.arm": lambda c, n: heartbeats.arm(c, "backup", DAY, NOW),
    "heartbeats.armed": lambda c, n: heartbeats.armed(c),
    "heartbeats.disarm": lambda c, n: heartbeats.disarm(c, "backup"),
    "heartbeats.forgive": lambda c, n: heartbeats.forgive(c, NOW - DAY, NOW),
    "heartbeats.look_again": lambda c, n: heartbeats.look_again(c, "backup", NOW),
    "heartbeats.not_to_come": lambda c, n: heartbeats.not_to_come(c, NOW),
    "heartbeats.pinged": lambda c, n: heartbeats.pinged(c, "backup", DAY, NOW),
    "heartbeats.went_back": lambda c, n: heartbeats.went_back(c, MINUTE, NOW),
    "idempotency.find": lambda c, n: idempotency.find(c, "api:ci", "key-7"),
    "idempotency.forget": lambda c, n: idempotency.forget(c, NOW - 364 * DAY),
    "idempotency.keep": lambda c, n: idempotency.keep(c, "api:ci", "new", "hash", n, NOW),
    "inbox.done": lambda c, n: inbox.done(c, RECENT, NOW),
    "inbox.failed": lambda c, n: inbox.failed(c, RECENT),
    "inbox.forget": lambda c, n: inbox.forget(c, NOW - 364 * DAY),
    "inbox.keep": lambda c, n: inbox.keep(c, [(n + one, "{}") for one in range(20)], NOW),
    "inbox.newest": lambda c, n: inbox.newest(c),
    "inbox.oldest": lambda c, n: inbox.oldest(c),
    "inbox.open_updates": lambda c, n: inbox.open_updates(c, 100),
    "inbox.put_aside": lambda c, n: inbox.put_aside(c, RECENT, NOW),
    "incident_log.last_of": lambda c, n: incident_log.last_of(c, newest(n // 4), ["opened", "step"]),
    "incident_log.note": lambda c, n: incident_log.note(c, newest(n // 4), "step", "", NOW),
    "incident_log.of_events": lambda c, n: incident_log.of_events(c, n // 4, ["opened", "step"]),
    "incident_log.read": lambda c, n: incident_log.read(c, n // 4),
    "incident_log.write": lambda c, n: incident_log.write(
        c, [incident_log.LogEntry(incident_id=n // 4, event="a")], NOW
    ),
    "incident_moves.acknowledge": lambda c, n: incident_moves.acknowledge(
        c, newest(n // 4), by="Ama", now=NOW, again_at={}
    ),
    "incident_moves.begin": lambda c, n: incident_moves.begin(c, n // 4, "default", NOW, NOW),
    "incident_moves.reopen": lambda c, n: incident_moves.reopen(c, n // 4 - 1, NOW),
    "incident_moves.resolve": lambda c, n: incident_moves.resolve(c, newest(n // 4), by="Ama", now=NOW),
    "incidents.add": lambda c, n: incidents.add(
        c, [incidents.New(alert=alert("new"), policy="default", place=None, due_at=NOW)], NOW
    ),
    "incidents.count_not_resolved": lambda c, n: incidents.count_not_resolved(c),
    "incidents.due": lambda c, n: incidents.due(c, NOW, 100),
    "incidents.due_ids": lambda c, n: incidents.due_ids(c, NOW, 100),
    "incidents.get": lambda c, n: incidents.get(c, n // 4),
    "incidents.heard": lambda c, n: incidents.heard(c, [(one, alert()) for one in newest(n // 4)], NOW),
    "incidents.hurry": lambda c, n: incidents.hurry(c, newest(n // 4), NOW),
    "incidents.next_due": lambda c, n: incidents.next_due(c),
    "incidents.not_resolved": lambda c, n: incidents.not_resolved(c, 20, 20),
    "incidents.of_ids": lambda c, n: incidents.of_ids(c, newest(n // 4)),
    "incidents.open_of": lambda c, n: incidents.open_of(c, "alertmanager", [f"alert-{one}" for one in newest(n // 4)]),
    "incidents.put_off": lambda c, n: incidents.put_off(c, newest(n // 4), NOW),
    "incidents.set_timers": lambda c, n: incidents.set_timers(c, [(one, 1, NOW) for one in newest(n // 4)]),
    "messages.add": lambda c, n: add_message(c, now=NOW),
    "messages.find": lambda c, n: messages.find(c, "telegram", f"key-{n}"),
    "messages.held_for": lambda c, n: messages.held_for(c, "paused"),
    "messages.latest": lambda c, n: (messages.latest(c, None, 10), messages.latest(c, "tg:4", 10)),
    "messages.move": lambda c, n: messages.move(c, n, Cause.CANCEL, State.CANCELLED, now=NOW),
    "messages.note": lambda c, n: messages.note(c, n, decision="a"),
    "messages.offer_buttons": lambda c, n: messages.offer_buttons(c, n, NOW),
    "messages.reword": lambda c, n: messages.reword(c, n - 4, "text", "gsm7", 1),
    "messages.segments_since": lambda c, n: (
        messages.segments_since(c, NOW - DAY, None),
        messages.segments_since(c, NOW - DAY, "tg:4"),
    ),
    "messages.view": lambda c, n: messages.view(c, n),
    "messages.with_ended_buttons": lambda c, n: messages.with_ended_buttons(c, NOW),
    "messages.with_queued": lambda c, n: (messages.with_queued(c), messages.with_queued(c, NOW - 5 * MINUTE)),
    "messages.without_post": lambda c, n: messages.without_post(c),
    "oncall.add_override": lambda c, n: oncall.add_override(c, OVERRIDE, by="Ama", now=NOW),
    "oncall.calendar_failed": lambda c, n: oncall.calendar_failed(c, "primary", "not reached", NOW),
    "oncall.calendar_hashes": lambda c, n: oncall.calendar_hashes(c),
    "oncall.end_overrides": lambda c, n: oncall.end_overrides(c, "ama", NOW),
    "oncall.keep_calendar": lambda c, n: oncall.keep_calendar(c, "primary", "text", "hash", NOW),
    "oncall.keep_file": lambda c, n: oncall.keep_file(c, "text", "hash", NOW),
    "oncall.kept_calendar": lambda c, n: oncall.kept_calendar(c, "primary"),
    "oncall.newest_file": lambda c, n: oncall.newest_file(c),
    "oncall.newest_file_hash": lambda c, n: oncall.newest_file_hash(c),
    "oncall.overrides_after": lambda c, n: oncall.overrides_after(c, NOW),
    "outcomes.abandon": lambda c, n: outcomes.abandon(c, now=NOW, buttons_until=NOW, but_of=["me"]),
    "outcomes.finish": finish,
    "outcomes.seen_before": seen_before,
    "outcomes.taken": taken,
    "page_requests.answer": lambda c, n: page_requests.answer(c, 1, PERSON, newest(n // 4)),
    "page_requests.ask": lambda c, n: page_requests.ask(
        c,
        [page_requests.PageRequest(incident_id=one, person=AMA, position=0, due_at=NOW) for one in newest(n // 4)],
        NOW,
    ),
    "page_requests.drop": lambda c, n: page_requests.drop(c, newest(n // 4)),
    "page_requests.due_at": lambda c, n: page_requests.due_at(c, PERSON, n // 4),
    "page_requests.each_waiting": lambda c, n: page_requests.each_waiting(c),
    "page_requests.exhausted": lambda c, n: page_requests.exhausted(c, newest(n // 4)),
    "page_requests.hurry": lambda c, n: page_requests.hurry(c, newest(n // 4), NOW),
    "page_requests.requested": lambda c, n: page_requests.requested(c, PERSON, NOW),
    "page_requests.take_back": lambda c, n: page_requests.take_back(c, n * 2 // 5, [], NOW),
    "page_requests.under_way": lambda c, n: page_requests.under_way(c, newest(n // 4)),
    "page_requests.waiting": lambda c, n: page_requests.waiting(c),
    "page_standing.standing": lambda c, n: page_standing.standing(c, n * 2 // 5, 5),
    "pages.add": lambda c, n: pages.add(c, AMA, key="new", hash_of=lambda _: "new", now=NOW),
    "pages.by_message": lambda c, n: pages.by_message(c, newest(n)),
    "pages.by_token": lambda c, n: pages.by_token(c, "hash-7"),
    "pages.get": lambda c, n: pages.get(c, 7),
    "pages.incident_ids": lambda c, n: pages.incident_ids(c, n * 2 // 5),
    "pages.last_paged": lambda c, n: pages.last_paged(c, PERSON),
    "pages.mark_repeat": lambda c, n: pages.mark_repeat(c, newest(n * 2 // 5)),
    "pages.mark_repeats": lambda c, n: pages.mark_repeats(c, NOW),
    "pages.of_incident": lambda c, n: pages.of_incident(c, n // 4),
    "pages.queued_of": lambda c, n: pages.queued_of(c, PERSON),
    "pages.unanswered": lambda c, n: pages.unanswered(c, newest(n // 4)),
    "pages.worst": lambda c, n: pages.worst(c, n * 2 // 5, 5),
    "posts.chat_moved": lambda c, n: posts.chat_moved(c, -5, -6),
    "posts.delay": lambda c, n: posts.delay(c, post(n), NOW),
    "posts.due": lambda c, n: (posts.due(c, NOW, 64), posts.due(c, NOW, 64, {-1001, -1002})),
    "posts.due_pressed": lambda c, n: posts.due_pressed(c, NOW, 16),
    "posts.give_up": lambda c, n: posts.give_up(c, post(n), "blocked"),
    "posts.lost": lambda c, n: posts.lost(c, post(n)),
    "posts.next_due": lambda c, n: posts.next_due(c, NOW),
    "posts.not_later_than": lambda c, n: posts.not_later_than(c, NOW, NOW + MINUTE),
    "posts.oldest_open": lambda c, n: posts.oldest_open(c),
    "posts.press": lambda c, n: posts.press(c, -1000 - n % 20, n),
    "posts.say": lambda c, n: posts.say(c, "new", Place(chat_id=1), "text", NOW),
    "posts.show": lambda c, n: posts.show(c, "new", Place(chat_id=1), n, NOW),
    "posts.show_card": lambda c, n: posts.show_card(c, "new", Place(chat_id=1), Subject(incident_id=1), NOW),
    "posts.shown": lambda c, n: posts.shown(c, post(n), 7),
    "posts.touch": lambda c, n: posts.touch(c, newest(n)),
    "posts.touch_incidents": lambda c, n: posts.touch_incidents(c, newest(n // 4)),
    "posts.without_thread": lambda c, n: posts.without_thread(c, post(n)),
    "processes.beat": lambda c, n: processes.beat(c, "a", leads=True),
    "processes.count_missing": lambda c, n: processes.count_missing(c, "a", 3),
    "processes.end_session": lambda c, n: c.dialect.name != "postgresql" or processes.end_session(c, 0),
    "processes.enter": lambda c, n: processes.enter(c, "a", process="a", version="1", leads=True),
    "processes.everybody": lambda c, n: processes.everybody(c),
    "processes.forget_others": lambda c, n: processes.forget_others(c, "a"),
    "processes.is_there": lambda c, n: processes.is_there(c, "a"),
    "processes.leave": lambda c, n: processes.leave(c, "a"),
    "processes.names": lambda c, n: processes.names(c),
    "processes.schema": lambda c, n: processes.schema(c),
    "queue.claim": lambda c, n: (claim(c, 16, now=NOW), claim(c, 16, now=NOW, only_message=n)),
    "queue.counts": lambda c, n: queue.counts(c),
    "queue.next_due": lambda c, n: queue.next_due(c),
    "queue.next_page_due": lambda c, n: queue.next_page_due(c),
    "queue.not_later_than": lambda c, n: queue.not_later_than(c, NOW, NOW + MINUTE),
    "reached.open_chats": lambda c, n: reached.open_chats(c, [-1001, 111111111]),
    "reached.rejected_at": lambda c, n: reached.rejected_at(c, [(PERSON, "+233241000001")], NOW - 30 * DAY),
    "reached.silent_chats": lambda c, n: reached.silent_chats(c, [-1001, 111111111]),
    "retention.blank": lambda c, n: retention.blank(c, NOW - 90 * DAY),
    "storms.begin": lambda c, n: storms.begin(c, None, NOW),
    "storms.cards_since": lambda c, n: storms.cards_since(c, None, NOW - MINUTE),
    "storms.incident_ids": lambda c, n: storms.incident_ids(c, 1),
    "storms.join": lambda c, n: storms.join(c, 1, newest(n // 4), NOW),
    "storms.running": lambda c, n: storms.running(c, None, NOW - MINUTE),
    "storms.view": lambda c, n: storms.view(c, 1),
    "switches.drop": lambda c, n: switches.drop(c, "paused"),
    "switches.get": lambda c, n: switches.get(c, "paused"),
    "switches.put": lambda c, n: switches.put(c, "paused", "", by="Ama", now=NOW),
    "switches.several": lambda c, n: switches.several(c, ["paused", "alive"]),
    "trail.answered_by": lambda c, n: trail.answered_by(c, n * 2 // 5),
    "trail.asked_about": lambda c, n: trail.asked_about(c, n // 4),
    "trail.attempts_of": lambda c, n: trail.attempts_of(c, newest(n)),
    "trail.page_of_message": lambda c, n: trail.page_of_message(c, n - 4),
    "trail.shown_for": lambda c, n: trail.shown_for(
        c, message_ids=newest(n), incident_id=n // 4, storm_id=1, page_ids=[n * 2 // 5]
    ),
    "trail.standings_of": lambda c, n: trail.standings_of(c, newest(n)),
    "vitals.count": lambda c, n: vitals.count(c),
    "vitals.read": lambda c, n: vitals.read(c),
    "waiting_pages.due": lambda c, n: waiting_pages.due(c, NOW),
    "waiting_pages.stuck": lambda c, n: waiting_pages.stuck(c, NOW, MINUTE),
    "waiting_pages.give_up": lambda c, n: waiting_pages.give_up(c, n * 2 // 5, Reason.NO_NUMBER, NOW),
}
