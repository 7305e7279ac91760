"""From what came of a call to what follows for each of its deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain import failover
from bridge.domain.delivery import Next, State, follow
from bridge.domain.failover import Mark
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.services.sms.choose_gateway import Gateways
from bridge.services.sms.retry import RetryPolicy
from bridge.store import outcomes
from bridge.store.outcomes import Finished
from bridge.store.queue import Call, Claimed


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedCall:
    """A call that has ended, and what came of each of its numbers."""

    call: Call
    outcomes: tuple[tuple[Claimed, Outcome], ...]


def settle(
    connection: Connection,
    answered: Sequence[EndedCall],
    gateways: Gateways,
    *,
    retry: RetryPolicy,
    page_retry: RetryPolicy,
    now: datetime,
) -> list[Finished]:
    """What follows from each outcome; `gateways` hears how theirs do."""
    repeated = _repeated_ids(connection, answered)
    finished = []
    for one in answered:
        policy = page_retry if one.call.page else retry
        for delivery, said in one.outcomes:
            outcome = said
            if isinstance(said, Accepted) and (said.words.sms_id, one.call.id) in repeated:
                outcome = Unknown(reason=Reason.REPEATED_ID, words=said.words)
            if isinstance(outcome, Rejected) and len(one.outcomes) == 1:
                outcome = replace(outcome, split=False)  # nothing to halve: it is this number
            finished.append(
                Finished(
                    message_id=one.call.message_id,
                    delivery=delivery,
                    call=one.call.id,
                    outcome=outcome,
                    next=_next(outcome, delivery, one, gateways, policy, now),
                    page=one.call.page,
                    gateway=one.call.gateway,
                    claimed_at=one.call.claimed_at,
                )
            )
        if one.outcomes:  # one call is one piece of news, however many numbers it carried
            gateways.heard(one.call.gateway, one.outcomes[0][1], one.call.claimed_at)
    return finished


def _next(
    outcome: Outcome, delivery: Claimed, answered: EndedCall, gateways: Gateways, policy: RetryPolicy, now: datetime
) -> Next:
    """The other gateways first, and at once; then, when none is left in this pass, as the retry policy says."""
    mark = failover.mark_of(outcome)
    asked = failover.read_asked(delivery.asked)
    if mark is not None:
        asked = {**asked, answered.call.gateway: mark}
    elsewhere, waits = gateways.left(delivery.number, asked) if mark is not None else (False, False)
    if elsewhere and not isinstance(outcome, Unknown):
        return Next(state=State.QUEUED, due_at=now, asked=failover.write_asked(asked))
    summed_up = failover.sum_up(outcome, asked, waits=waits)
    if isinstance(summed_up, NotSent):
        # What a gateway asks for goes for it alone: whoever may be asked first, is.
        rests = gateways.rests_of_others(delivery.number, answered.call.gateway, asked)
        if mark is not Mark.NEVER:
            rests.append(summed_up.retry_after_s or 0)
        summed_up = replace(summed_up, retry_after_s=min(rests, default=0) or None)
    started_at = delivery.round_started_at
    if answered.call.page:  # as old as when it was claimed: the clock may have been set since
        started_at += now - answered.call.claimed_at
    retry_at = policy.next_due(summed_up, tries=delivery.tries, started_at=started_at, now=now)
    following = follow(summed_up, listed=len(answered.outcomes), now=now, retry_at=retry_at)
    # Of a page of which nobody knows, the repeat goes to another gateway.
    return replace(following, asked=failover.write_asked(asked if elsewhere else failover.next_pass(asked)))


def _repeated_ids(connection: Connection, answered: Sequence[EndedCall]) -> set[tuple[str, str]]:
    """(sms_id, call) of acceptances whose id is an earlier call's: the answer was not for this one."""
    given = [
        (outcome.words.sms_id, one.call)
        for one in answered
        for _, outcome in one.outcomes
        if isinstance(outcome, Accepted) and outcome.words.sms_id
    ]
    repeated = set()
    while given:
        # Side by side, two calls may have one id: each round asks for ids that differ.
        round_ = dict(given)
        repeated |= {(sms_id, round_[sms_id].id) for sms_id in outcomes.seen_before(connection, round_)}
        given = [(sms_id, call) for sms_id, call in given if round_[sms_id].id != call.id]
    return repeated
