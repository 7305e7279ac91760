from datetime import UTC, datetime

import pytest

from bridge.domain.decision import Hold
from bridge.domain.delivery import State
from bridge.store.messages import MessageView
from bridge.telegram import replies
from bridge.telegram.access import Role
from bridge.telegram.menu import menu

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def message(
    number: int = 1,
    *,
    text: str = "hello",
    owner: str = "Kofi",
    source: str = "telegram",
    key: str = "1:7:1767603600",
    doubtful: int = 0,
    **counts: int,
) -> MessageView:
    return MessageView(
        id=number,
        source=source,
        source_key=key,
        doubtful=doubtful,
        owner="tg:1",
        owner_name=owner,
        text=text,
        encoding="gsm7",
        segments=1,
        recipients=sum(counts.values()),
        remarks={},
        created_at=AT,
        hold=Hold.NOT,
        buttons_until=None,
        decision="",
        counts={State(name): count for name, count in counts.items()},
        turn=0,
        lines=(),
    )


@pytest.mark.parametrize("role", list(Role))
def test_help_and_menu_offer_what_the_role_may_do_and_no_more(role: Role) -> None:
    shown = replies.help_for(role)
    offered = [command.command for command in menu(role)]
    for name, _, least in replies.COMMANDS:
        assert (f"/{name} - " in shown) == (name in offered) == (role >= least)


def test_every_description_fits_into_telegrams_menu() -> None:
    for name, words, _ in replies.COMMANDS:
        assert 3 <= len(words) <= 256
        assert name.islower()


@pytest.mark.parametrize("role", list(Role))
def test_whoami_tells_id_and_role(role: Role) -> None:
    assert replies.whoami(42, role).startswith("Your id is <code>42</code>, your role: ")
    assert replies.ROLE_NAMES[role] in replies.whoami(42, role)


def test_a_stranger_learns_an_id_and_nothing_else() -> None:
    words = replies.ask_for_access(42)
    assert "42" in words
    assert "sms" not in words.lower()
    assert "at most once a minute" in words


def test_problems_are_listed_escaped_and_counted_beyond_twenty() -> None:
    shown = replies.problems([f"<{index}> & more" for index in range(25)])
    assert shown.startswith("❌ Nothing was sent.")
    assert "• &lt;0&gt; &amp; more" in shown
    assert shown.count("•") == 20
    assert shown.endswith("… and 5 more")
    assert "more" not in replies.problems(["one"])


def test_who_left_something_out_is_shown_how_it_goes() -> None:
    shown = replies.problems(["There is no text."], incomplete=True)
    assert shown.splitlines()[1] == "• There is no text."
    assert "<code>/sms 0241109433 Disk full on db1</code>" in shown
    assert "eply to a message" in shown
    assert "/sms" not in replies.problems(["“12” is too short."])


def test_an_unknown_command_is_shown_escaped_and_cut() -> None:
    assert "/a&lt;b&gt;" in replies.unknown_command("/a<b>")
    assert "x" * 41 not in replies.unknown_command("/" + "x" * 60)


def test_history_says_when_there_is_nothing() -> None:
    assert replies.history([], everybody=True) == "There are no messages yet."


def test_history_shows_counts_and_the_beginning_of_the_text() -> None:
    shown = replies.history([message(7, text="<" + "x" * 60, accepted=2, unknown=1)], everybody=False)
    assert shown == f"<b>#7</b> 05 Jan 09:00 UTC · 3 recipients ✅2 ❓1 · &lt;{'x' * 39}…"


def test_history_of_everybody_says_whose_each_is() -> None:
    shown = replies.history([message(1, owner="A & B"), message(2)], everybody=True)
    assert "A &amp; B" in shown
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize(
    ("source", "key", "told"),
    [
        ("telegram", "-100:7:1767603600", "hello"),
        ("telegram", "-1001:7:1767603600", "(not from this chat)"),
        ("telegram", "1:7:1767603600", "(not from this chat)"),
        ("api", "-100:7:1767603600", "(not from this chat)"),
        ("cli", "", "(not from this chat)"),
    ],
)
def test_a_group_reads_only_texts_that_were_written_in_it(source: str, key: str, told: str) -> None:
    one = message(source=source, key=key, accepted=1)
    assert replies.history([one], everybody=True, group=-100).endswith(f" · {told}")
    assert replies.history([one], everybody=True).endswith(" · hello")


def test_history_marks_what_may_have_been_sent_before() -> None:
    shown = replies.history([message(accepted=3, doubtful=2)], everybody=False)
    assert "✅3 (❓2 <b>may have been sent before</b>) · hello" in shown


def test_history_keeps_each_message_on_one_line() -> None:
    assert len(replies.history([message(text="two\nlines\rand\u2028more")], everybody=False).splitlines()) == 1
