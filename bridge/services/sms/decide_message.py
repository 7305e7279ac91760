"""What people decide about a message: confirm, cancel, send again, leave it; and the stop switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.decision import MAYBE_SENT, TO_BE_SENT, Decision, Hold, kind_of
from bridge.domain.delivery import RESENDABLE, Cause, State
from bridge.domain.errors import NotFound, Refused
from bridge.domain.wording import count
from bridge.services.sms.send_sms import BUTTONS_FOR, check_not_paused
from bridge.store import countries, messages, switches


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who decides: `owner` as in messages, such as `tg:111111111`."""

    owner: str
    name: str
    admin: bool


def visible(connection: Connection, message_id: int, person: Actor) -> messages.MessageView:
    """The message, if this person may see it. Raises `NotFound` alike for none and for another's."""
    found = messages.view(connection, message_id)
    if found is None or not (person.admin or found.owner == person.owner):
        raise NotFound(f"There is no message #{message_id}{'' if person.admin else ' of yours'}.")
    return found


def _for_button(
    connection: Connection,
    message_id: int,
    person: Actor,
    seen: int | None,
    now: datetime,
    answers: Sequence[Decision],
) -> messages.MessageView:
    """The message, for a press of a button that was drawn at turn `seen`; None: typed, not pressed.

    `answers`: decisions that answer what the button asks. Raises `NotFound`, `Refused`.
    """
    found = visible(connection, message_id, person)
    if found.source == messages.PAGE:
        raise Refused("page", f"#{message_id} is a page: what is decided about is its incident, by /ack or /resolve.")
    if seen is None or (found.turn == seen and found.buttons_until is not None and now < found.buttons_until):
        return found
    # What was sent again and then came to this very turn was decided before this button was drawn.
    kind = kind_of(found.decision)
    if kind in answers and not (found.turn == seen and kind is Decision.SENT_AGAIN):
        raise Refused("decided", f"Already {found.decision}. See /status {message_id}.")
    raise Refused("ended", f"These buttons have had their time. See /status {message_id}.")


def confirm(connection: Connection, message_id: int, person: Actor, now: datetime, seen: int | None) -> str:
    """Let a held message go. Gives words for the person. Raises `NotFound`, `Refused`."""
    found = _for_button(connection, message_id, person, seen, now, TO_BE_SENT)
    check_not_paused(connection)
    moved = messages.move(connection, message_id, Cause.CONFIRM, State.QUEUED, now=now)
    if not moved:
        raise Refused("ended", f"#{message_id} does not wait for a confirmation.")
    asked_about = found.remarks.get("countries")
    countries.use(connection, asked_about if isinstance(asked_about, list) else (), now)
    messages.note(connection, message_id, decision=Decision.CONFIRMED.by(person.name), hold=Hold.NOT)
    # What an earlier crash left unknown is asked about next.
    unknown = found.counts.get(State.UNKNOWN)
    messages.offer_buttons(connection, message_id, now + BUTTONS_FOR if unknown else None)
    return f"#{message_id}: sending"


def cancel(connection: Connection, message_id: int, person: Actor, now: datetime, seen: int | None = None) -> str:
    """Take back what is still queued or held. Gives words for the person. Raises `NotFound`, `Refused`."""
    found = _for_button(connection, message_id, person, seen, now, TO_BE_SENT)
    moved = messages.move(connection, message_id, Cause.CANCEL, State.CANCELLED, now=now)
    sending = found.counts.get(State.SENDING, 0)
    if not moved:
        if sending:
            raise Refused("sending", f"#{message_id}: nothing was taken back. {_with_the_gateway(message_id, sending)}")
        raise Refused("nothing", f"#{message_id}: nothing is queued or held any more, so nothing can be taken back.")
    messages.note(connection, message_id, decision=Decision.CANCELLED.by(person.name), hold=Hold.NOT)
    if not found.counts.get(State.UNKNOWN):
        messages.offer_buttons(connection, message_id, None)
    rest = f". {_with_the_gateway(message_id, sending)}" if sending else ""
    return f"#{message_id}: cancelled for {_numbers(moved)}{rest}"


def _with_the_gateway(message_id: int, sending: int) -> str:
    """A card shows a call under way only when there is other news, too: it may still say that they are queued."""
    return (
        f"The SMS to {_numbers(sending)} is with the gateway at this moment. If that fails and it is queued again, "
        f"/cancel {message_id} takes it back then."
    )


def _numbers(moved: int) -> str:
    return count(moved, "number")


def resend(connection: Connection, message_id: int, person: Actor, now: datetime, seen: int | None = None) -> str:
    """Send once more: by button what is unknown, typed also what failed or was rejected.

    Gives words for the person. Raises `NotFound`, `Refused`.
    """
    found = _for_button(connection, message_id, person, seen, now, MAYBE_SENT)
    if found.blanked:
        raise Refused(
            "blanked", f"#{message_id}: its text and numbers are gone (BRIDGE_RETENTION_DAYS). Write it as a new /sms."
        )
    check_not_paused(connection)
    states = RESENDABLE if seen is None else frozenset({State.UNKNOWN})
    moved = messages.move(connection, message_id, Cause.RESEND, State.QUEUED, now=now, only=states)
    if not moved:
        raise Refused("nothing", f"#{message_id}: no outcome is unknown, failed or rejected, so nothing is sent again.")
    messages.note(connection, message_id, decision=Decision.SENT_AGAIN.by(person.name))
    _end_unknown(connection, found)
    return f"#{message_id}: sending again to {_numbers(moved)}"


def _end_unknown(connection: Connection, found: messages.MessageView) -> None:
    """The question about unknown outcomes is answered; one about what is held stays."""
    if not (found.hold.asks and found.counts.get(State.HELD)):
        messages.offer_buttons(connection, found.id, None)


def leave(connection: Connection, message_id: int, person: Actor, now: datetime, seen: int | None) -> str:
    """Leave unknown outcomes as they are. Gives words for the person. Raises `NotFound`, `Refused`."""
    found = _for_button(connection, message_id, person, seen, now, MAYBE_SENT)
    if not found.counts.get(State.UNKNOWN):
        raise Refused("nothing", f"#{message_id}: no outcome is unknown.")
    messages.note(connection, message_id, decision=Decision.LEFT.by(person.name))
    _end_unknown(connection, found)
    return f"#{message_id}: left as it is"


def pause(connection: Connection, person: Actor, now: datetime) -> str:
    """Refuse new messages and hold queued ones. Gives words for the person."""
    if switches.get(connection, switches.PAUSED) is not None:
        return "Sending is paused already."
    switches.put(connection, switches.PAUSED, "on", by=person.name, now=now)
    held = hold_paused(connection, now)
    waiting = f" What is queued for {_numbers(held)} is held." if held else ""
    return (
        f"Paused: new messages are refused.{waiting} SMS already handed to the gateway still go out. "
        "/resume lets all go on."
    )


def hold_paused(connection: Connection, now: datetime) -> int:
    """While the stop switch is on: hold what is queued. Gives how many deliveries."""
    if switches.get(connection, switches.PAUSED) is None:
        return 0
    held = 0
    for message_id in messages.with_queued(connection):
        found = messages.view(connection, message_id, lines=0)
        held += messages.move(connection, message_id, Cause.HOLD, State.HELD, now=now)
        # What waits for a person's answer goes on waiting for that: /resume must not give it.
        if found is not None and not found.hold:
            messages.note(connection, message_id, hold=Hold.PAUSED)
    return held


def resume(connection: Connection, person: Actor, now: datetime) -> str:
    """Let messages go on. Gives words for the person."""
    if not switches.drop(connection, switches.PAUSED):
        return "Sending is not paused."
    freed = 0
    for message_id in messages.held_for(connection, Hold.PAUSED):
        freed += messages.move(connection, message_id, Cause.CONFIRM, State.QUEUED, now=now)
        messages.note(connection, message_id, hold=Hold.NOT, decision=Decision.RESUMED.by(person.name))
    return f"Resumed.{f' Sending goes on for {_numbers(freed)}.' if freed else ''}"


def hold_stale(connection: Connection, now: datetime, *, older_than: timedelta) -> list[int]:
    """After an absence: hold what was queued longer ago than that, and ask. Gives the ids of the messages concerned."""
    found = messages.with_queued(connection, written_before=now - older_than)
    for message_id in found:
        messages.move(connection, message_id, Cause.HOLD, State.HELD, now=now)
        messages.note(connection, message_id, hold=Hold.STALE)
        messages.offer_buttons(connection, message_id, now + BUTTONS_FOR)
    return found


def end_buttons(connection: Connection, now: datetime) -> None:
    """Buttons that have had their time go; what waited for a confirmation is cancelled and says so."""
    for message_id, hold in messages.with_ended_buttons(connection, now):
        cancelled = 0
        if hold.asks:
            held = frozenset({State.HELD})  # a retry that was queued before goes on
            cancelled = messages.move(connection, message_id, Cause.CANCEL, State.CANCELLED, now=now, only=held)
        if cancelled:
            messages.note(connection, message_id, decision=Decision.NOT_CONFIRMED, hold=Hold.NOT)
        messages.offer_buttons(connection, message_id, None)
