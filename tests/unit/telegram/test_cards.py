from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.decision import Hold
from bridge.domain.delivery import State
from bridge.domain.outcome import Reason
from bridge.sandbox.telegram_markup import from_html, units
from bridge.store.messages import LINES, DeliveryView, MessageView
from bridge.telegram.sms_cards import number_shown, render

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PRIVATE, GROUP = 222222222, -1001
KWAME = "+233241109433"


def delivery(state: State, position: int = 0, **changed: object) -> DeliveryView:
    values: dict[str, object] = {
        "id": position + 1,
        "position": position,
        "number": f"+23324110{position:04d}",
        "state": state,
        "due_at": NOW,
        "attempt": 0 if state in (State.HELD, State.QUEUED) else 1,
        "tries": 0,
        "maybe_sent": 0,
        "changed_at": NOW,
        "gateway": "msmpusher",
        "reason": "",
        "code": "",
        "type": "",
        "error": "",
        "detail": "",
        "sms_id": "",
    }
    return DeliveryView(**(values | changed))  # type: ignore[arg-type]


def message(*deliveries: DeliveryView, **changed: object) -> MessageView:
    counts: dict[State, int] = {}
    for one in deliveries:
        counts[one.state] = counts.get(one.state, 0) + 1
    lines = deliveries
    if len(deliveries) > LINES:
        lines = tuple(one for one in deliveries if one.state not in (State.ACCEPTED, State.SCHEDULED))[:LINES]
    values: dict[str, object] = {
        "id": 42,
        "source": "telegram",
        "owner": "tg:222222222",
        "owner_name": "Kofi",
        "text": "hello",
        "encoding": "gsm7",
        "segments": 1,
        "recipients": len(deliveries),
        "remarks": {},
        "created_at": NOW,
        "hold": Hold.NOT,
        "buttons_until": None,
        "decision": "",
        "counts": counts,
        "turn": sum(one.attempt for one in deliveries),
        "lines": lines,
    }
    return MessageView(**(values | changed))  # type: ignore[arg-type]


def shown(view: MessageView, chat_id: int = PRIVATE, now: datetime = NOW) -> str:
    return from_html(render(view, chat_id, now).text).text


def labels(view: MessageView, now: datetime = NOW) -> list[str]:
    return [button.label for button in render(view, PRIVATE, now).buttons]


# lines


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (delivery(State.HELD), "🕒 +233241100000 held"),
        (delivery(State.QUEUED), "🕒 +233241100000 queued"),
        (
            delivery(State.QUEUED, tries=1, attempt=1, reason="busy", due_at=NOW + timedelta(seconds=61)),
            "🕒 +233241100000 queued: again at 09:01:01 UTC, the gateway is busy",
        ),
        (delivery(State.SENDING), "🕒 +233241100000 sending"),
        (
            delivery(State.ACCEPTED, code="1000", type="Sent", sms_id="MSG_1"),
            "✅ +233241100000 accepted · 1000 · MSG_1 · Sent",
        ),
        (
            delivery(State.ACCEPTED, code="1000", type="Message(s) Sent", detail="All were sent", sms_id="MSG_1"),
            "✅ +233241100000 accepted · 1000 · MSG_1 · All were sent",
        ),
        (
            delivery(State.ACCEPTED, code="1000", type="Sent", error="low balance", detail="All", sms_id="MSG_1"),
            "✅ +233241100000 accepted · 1000 · MSG_1 · low balance · All",
        ),
        (
            delivery(State.ACCEPTED, code="1001", type="Sent", error="No balance", detail="Some", sms_id="MSG_1"),
            "✅ +233241100000 accepted · 1001 · MSG_1 · Sent · No balance · Some",
        ),
        (
            delivery(State.QUEUED, tries=2, attempt=2, reason="busy"),
            "🕒 +233241100000 queued: again at 09:00:00 UTC, the gateway is busy · 2 attempts so far",
        ),
        (delivery(State.HELD, attempt=3), "🕒 +233241100000 held · 3 attempts so far"),
        (delivery(State.SENDING, attempt=2), "🕒 +233241100000 sending · attempt 2"),
        (delivery(State.CANCELLED, attempt=2), "🚫 +233241100000 cancelled · after 2 attempts"),
        (delivery(State.SCHEDULED, reason="scheduled"), "✅ +233241100000 accepted: the gateway sends it later"),
        (
            delivery(State.REJECTED, reason="bad_number", code="1005", error="Invalid", detail="Invalid"),
            "❌ +233241100000 not sent: the gateway says that this is no valid phone number · 1005 · Invalid",
        ),
        (
            delivery(State.FAILED, reason="no_balance", attempt=3),
            "❌ +233241100000 not sent: the gateway's balance is used up · attempt 3",
        ),
        (
            delivery(State.UNKNOWN, reason="cut"),
            "❓ +233241100000 may have been sent: check the phone; the connection broke after the gateway got it",
        ),
        (delivery(State.CANCELLED), "🚫 +233241100000 cancelled"),
        (delivery(State.CANCELLED, attempt=0), "🚫 +233241100000 cancelled, not sent"),
    ],
)
def test_each_state_has_its_line(one: DeliveryView, words: str) -> None:
    assert shown(message(one)).splitlines()[1] == words


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("reason", list(Reason))
def test_every_state_with_every_reason_can_be_shown(state: State, reason: Reason) -> None:
    assert "+233241100000" in shown(message(delivery(state, reason=reason.value)))


def test_in_a_group_numbers_show_their_first_4_and_last_3_digits_everywhere() -> None:
    view = message(
        delivery(State.HELD, number=KWAME),
        remarks={"doubles": [KWAME], "ask_unverified": [KWAME]},
        hold=Hold.ASK,
    )
    assert "1109" not in shown(view, GROUP)
    assert shown(view, GROUP).count("+2332…433") == 3
    assert shown(view, PRIVATE).count(KWAME) >= 2


def test_a_number_is_escaped_and_copied_with_one_touch() -> None:
    assert number_shown("<1>", hide=False) == "<code>&lt;1&gt;</code>"


# head


@pytest.mark.parametrize(
    ("count", "segments", "words"),
    [
        (1, 1, "1 recipient · 1 segment"),
        (2, 1, "2 recipients · 1 segment"),
        (1, 2, "1 recipient · 2 segments = 2 SMS"),
        (2, 3, "2 recipients · 3 segments = 6 SMS"),
    ],
)
def test_the_first_line_says_how_many_and_how_long(count: int, segments: int, words: str) -> None:
    view = message(*(delivery(State.QUEUED, index) for index in range(count)), segments=segments)
    assert shown(view).splitlines()[0] == f"#42 · {words}"


def test_the_head_says_what_forces_unicode_and_where_it_came_from() -> None:
    view = message(delivery(State.QUEUED), source="cli", owner_name="cli:<root>", remarks={"unicode": "ж<"})
    assert shown(view).splitlines()[0] == "#42 · 1 recipient · 1 segment · Unicode because of “ж<” · from cli:<root>"


def test_replacements_are_named_as_a_reader_can_see_them() -> None:
    pairs = [["“", '"'], ["\u00a0", " "], ["\u200b", ""], ["<", "&"]]
    assert 'by "' in shown(message(delivery(State.QUEUED), remarks={"replaced": pairs}))
    assert "U+00A0 by a blank, U+200B left out, < by &" in shown(
        message(delivery(State.QUEUED), remarks={"replaced": pairs})
    )


# many


def test_beyond_twenty_recipients_there_are_counts_and_lines_of_what_ended_badly() -> None:
    many = [delivery(State.ACCEPTED, index) for index in range(30)] + [
        delivery(State.REJECTED, 30, reason="bad_number"),
        delivery(State.SENDING, 31),
    ]
    lines = shown(message(*many)).splitlines()
    assert lines[1] == "🕒 1 sending · ✅ 30 accepted · ❌ 1 rejected"
    assert lines[2].startswith("❌ +233241100030 not sent")
    assert len(lines) == 3


def test_more_bad_ones_than_fit_are_counted() -> None:
    view = message(*(delivery(State.FAILED, index, reason="busy") for index in range(50)))
    assert shown(view).splitlines()[-1] == "… and 30 more"


def test_what_was_taken_back_of_many_is_counted_and_not_listed() -> None:
    many = [delivery(State.CANCELLED, index) for index in range(30)]
    assert shown(message(*many)).splitlines()[1:] == ["🚫 30 cancelled"]
    many[3] = delivery(State.CANCELLED, 3, attempt=2, maybe_sent=1)
    many[4] = delivery(State.FAILED, 4, reason="busy")
    lines = shown(message(*many)).splitlines()
    assert lines[1] == "❌ 1 failed · 🚫 29 cancelled"
    assert [line[:15] for line in lines[2:]] == ["🚫 +233241100003", "❌ +233241100004"]


def test_of_many_that_were_accepted_those_that_may_have_been_sent_before_are_counted() -> None:
    many = [delivery(State.ACCEPTED, index) for index in range(30)]
    assert shown(message(*many, doubtful=3)).splitlines()[1:] == [
        "✅ 30 accepted",
        "❓ An earlier attempt may have been sent to 3 of them",
    ]


# questions, notes and buttons


@pytest.mark.parametrize(
    ("remarks", "words"),
    [
        ({"ask_cost": 25}, "This costs 25 SMS. Send it?"),
        ({"ask_stale_s": 601}, "This command is 10 minutes old: bridge was away. Send it now?"),
        ({"ask_stale_s": 7200}, "This command is 2 hours old"),
        ({"ask_stale_s": 60}, "This command is 1 minute old"),
        ({"ask_countries": ["DE", "US"]}, "This is the first message to DE, US. Send it?"),
        ({"ask_countries": [""]}, "This is the first message to a number of no country. Send it?"),
        ({"ask_unverified": ["+447700900000"]}, "Possible, but in no list of valid numbers: +447700900000. Send it?"),
    ],
)
def test_a_held_message_says_what_it_asks(remarks: dict[str, object], words: str) -> None:
    view = message(delivery(State.HELD), hold=Hold.ASK, remarks=remarks, buttons_until=NOW + timedelta(minutes=15))
    assert words in shown(view)
    assert shown(view).endswith(" Unanswered, it is cancelled after 15 minutes, at 09:15:00 UTC.")
    assert labels(view) == ["Send now", "Cancel"]


def test_a_blanked_message_says_so_and_offers_nothing() -> None:
    view = message(delivery(State.UNKNOWN), blanked=True)
    assert shown(view).splitlines()[-1] == "Its text and numbers are gone: it is older than BRIDGE_RETENTION_DAYS."
    assert labels(view) == []


def test_more_than_one_reason_to_ask_is_one_question() -> None:
    remarks = {"ask_cost": 25, "ask_stale_s": 601, "ask_unverified": ["+447700900000"]}
    view = message(delivery(State.HELD), hold=Hold.ASK, remarks=remarks)
    assert shown(view).splitlines()[2:] == [
        "⚠️ This costs 25 SMS.",
        "⚠️ Possible, but in no list of valid numbers: +447700900000.",
        "⚠️ This command is 10 minutes old: bridge was away. Send it now?",
    ]


def test_a_message_that_is_held_without_a_reason_asks_all_the_same() -> None:
    assert "This waits for a person. Send it?" in shown(message(delivery(State.HELD), hold=Hold.ASK))


def test_what_waited_through_an_absence_says_for_how_long() -> None:
    view = message(delivery(State.HELD), hold=Hold.STALE, buttons_until=NOW + timedelta(hours=4))
    assert "This waited 3 hours: bridge was away." in shown(view, now=NOW + timedelta(hours=3))
    assert labels(view) == ["Send now", "Cancel"]


def test_what_a_pause_holds_has_no_buttons() -> None:
    view = message(delivery(State.HELD), hold=Hold.PAUSED)
    assert "⏸ Sending is paused" in shown(view)
    assert labels(view) == []


def test_unknown_outcomes_offer_to_send_again_or_leave_it_until_it_is_written_down_that_the_time_is_over() -> None:
    """Not until a clock says so: one that is an hour ahead, and put right, would leave a card without its buttons."""
    view = message(delivery(State.UNKNOWN, reason="cut"), buttons_until=NOW + timedelta(minutes=15))
    assert labels(view) == labels(view, NOW + timedelta(hours=1)) == ["Send again", "Leave it"]
    assert labels(message(delivery(State.UNKNOWN, reason="cut"), buttons_until=None)) == []
    assert [button.data for button in render(view, PRIVATE, NOW).buttons] == ["again:42:1", "leave:42:1"]


def test_without_buttons_the_way_to_send_again_is_named_until_somebody_decided() -> None:
    one = delivery(State.UNKNOWN, reason="cut")
    assert "/resend 42 sends again what is unknown." in shown(message(one))
    decided = shown(message(one, decision="left as it is by <Kofi>"))
    assert "👤 left as it is by <Kofi>" in decided
    assert "/resend" not in decided


def test_what_was_accepted_has_no_buttons_left() -> None:
    assert labels(message(delivery(State.ACCEPTED), buttons_until=NOW + timedelta(minutes=15))) == []


# whatever it holds, Telegram takes it

WORDS = st.text(alphabet=st.sampled_from("<>&\"'ä🎉x \n"), max_size=200)
DELIVERIES = st.builds(
    lambda state, reason, kind, error, detail, sms_id, tries: (state, reason.value, kind, error, detail, sms_id, tries),
    st.sampled_from(State),
    st.sampled_from(Reason),
    WORDS,
    WORDS,
    WORDS,
    WORDS,
    st.integers(0, 3),
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.lists(DELIVERIES, min_size=1, max_size=40),
    WORDS,
    st.sampled_from(Hold),
    st.sampled_from([PRIVATE, GROUP]),
)
def test_a_card_is_always_markup_that_telegram_takes_and_short_enough(
    many: list[tuple[State, str, str, str, str, str, int]], name: str, hold: Hold, chat_id: int
) -> None:
    lines = [
        delivery(state, index, reason=reason, type=kind, error=error, detail=detail, sms_id=sms_id, tries=tries)
        for index, (state, reason, kind, error, detail, sms_id, tries) in enumerate(many)
    ]
    view = message(
        *lines,
        source="api",
        owner_name=name,
        hold=hold,
        decision=f"left as it is by {name}"[:300],
        remarks={"unicode": name[:5], "doubles": [KWAME] * 30, "ask_unverified": [KWAME] * 30},
        buttons_until=NOW + timedelta(minutes=1),
    )
    card = render(view, chat_id, NOW)
    rich = from_html(card.text)
    assert 0 < units(rich.text) <= 4096
    assert all(len(button.data.encode()) <= 64 for button in card.buttons)
    if name.strip():
        assert unescape(name) == name or name.strip() in rich.text


@pytest.mark.parametrize("chat_id", [PRIVATE, GROUP])
def test_the_longest_card_fits(chat_id: int) -> None:
    long = "<&>" * 70
    lines = [
        delivery(
            State.UNKNOWN,
            index,
            reason="cut",
            code="9" * 40,
            type=long,
            error=long + "x",
            detail=long + "y",
            sms_id=long,
            attempt=1000,
        )
        for index in range(20)
    ]
    view = message(
        *lines,
        source="api",
        owner_name="🎉" * 200,
        decision="🎉" * 300,
        remarks={
            "unicode": "🎉" * 5,
            "doubles": [KWAME] * 1000,
            "ask_cost": 10**9,
            "ask_stale_s": 10**9,
            "ask_unverified": [KWAME] * 1000,
            "replaced": [["“", '"']] * 100,
        },
        hold=Hold.ASK,
    )
    assert units(from_html(render(view, chat_id, NOW).text).text) <= 4096


def test_what_an_earlier_attempt_may_have_done_is_said_with_every_later_outcome() -> None:
    for state in (State.ACCEPTED, State.FAILED, State.REJECTED, State.CANCELLED):
        line = render(message(delivery(state, attempt=2, maybe_sent=1)), 1, NOW).text
        assert "an earlier attempt may have been sent" in line
    assert "earlier" not in render(message(delivery(State.FAILED, attempt=2)), 1, NOW).text


@pytest.mark.parametrize(
    ("count", "shown_last"),
    [(1, "⚠️ Left out, without a phone: <0>"), (23, " and 3 more")],
)
def test_who_has_no_phone_is_named(count: int, shown_last: str) -> None:
    view = message(delivery(State.ACCEPTED), remarks={"left_out": [f"<{index}>" for index in range(count)]})
    assert unescape(shown(view)).splitlines()[1].endswith(shown_last)


def test_who_was_left_out_for_want_of_a_phone_is_said() -> None:
    some = message(remarks={"left_out": ["Esi & Co", "Yaw"]})
    assert "Left out, without a phone: Esi &amp; Co, Yaw" in render(some, PRIVATE, NOW).text
    many = message(remarks={"left_out": [f"Person {number}" for number in range(23)]})
    assert "Person 19 and 3 more" in render(many, PRIVATE, NOW).text


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.ACCEPTED, True),
        (State.UNKNOWN, True),
        (State.FAILED, True),
        (State.HELD, False),
        (State.CANCELLED, False),
    ],
)
def test_with_several_gateways_a_line_names_the_one_that_took_it_or_was_asked_last(
    state: State, expected: bool
) -> None:
    one = message(delivery(state, gateway="textlocal", attempt=1))
    assert ("by textlocal" in render(one, PRIVATE, NOW, name_gateways=True).text) is expected
    assert "textlocal" not in render(one, PRIVATE, NOW).text


def test_what_was_not_asked_of_any_gateway_names_none() -> None:
    assert " by " not in render(message(delivery(State.QUEUED, gateway="")), PRIVATE, NOW, name_gateways=True).text
