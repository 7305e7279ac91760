"""HTML to text and entities, for any text."""

import html

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.telegram_markup import MarkupError, Rich, from_html, plain, trimmed, units

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(derandomize=True)
@given(texts)
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    assert from_html(html.escape(text)) == Rich(text=text)


@settings(derandomize=True)
@given(texts, texts.filter(bool), texts)
def test_an_entity_covers_exactly_its_words(before: str, words: str, after: str) -> None:
    rich = from_html(f"{html.escape(before)}<b>{html.escape(words)}</b>{html.escape(after)}")
    assert rich.text == before + words + after
    assert rich.entities == ({"type": "bold", "offset": units(before), "length": units(words)},)


@settings(derandomize=True)
@given(st.text("<>/ab &;='\"i\n🔥", max_size=40))
def test_anything_at_all_is_text_or_a_refusal(source: str) -> None:
    try:
        rich = from_html(source)
    except MarkupError:
        return
    for entity in rich.entities:
        assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= units(rich.text)


def test_nested_entities_come_outer_first() -> None:
    rich = from_html(
        '<blockquote expandable>a <b>b <i>c</i></b></blockquote><pre><code class="language-sql">d</code></pre>'
    )
    assert [(e["type"], e["offset"], e["length"]) for e in rich.entities] == [
        ("expandable_blockquote", 0, 5),
        ("bold", 2, 3),
        ("italic", 4, 1),
        ("code", 5, 1),
        ("pre", 5, 1),
    ]


def test_a_link_that_telegram_does_not_like_keeps_its_text_only() -> None:
    assert from_html('<a href="javascript:alert(1)">x</a>') == Rich(text="x")


def test_white_space_around_a_message_goes_and_entities_follow() -> None:
    rich = trimmed(from_html(" \n🔥 <b>x </b>\n"))
    assert rich == Rich(text="🔥 x", entities=({"type": "bold", "offset": 3, "length": 1},))


def test_commands_are_found_only_where_they_are_commands() -> None:
    found = [e["offset"] for e in plain("/sms a/b http://x.example/c <2/3> /x").entities if e["type"] == "bot_command"]
    assert found == [0, 34]
