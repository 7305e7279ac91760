import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.gateways.described.template import Slot, Template, TemplateError, Tree, fill, parse, repeats, slots_of

FILLING = {slot: f"<{slot}>" for slot in Slot}


def value_of(name: str) -> str:
    return f"value of {name}"


def filled(text: str) -> str:
    return parse(text, value_of).fill(FILLING)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{text}", "<text>"),
        ("To: {number}, {numbers}.", "To: <number>, <numbers>."),
        ("${KEY}", "value of KEY"),
        ("a${KEY}b{id}", "avalue of KEYb<id>"),
        ("{{text}}", "{text}"),
        ("{{{text}}}", "{<text>}"),
        ("$5 and $ {sender}", "$5 and $ <sender>"),
        ("${{text}}", "${text}"),
        ("$${KEY}", "$value of KEY"),
        ("$", "$"),
        ("two\nlines {unicode}", "two\nlines <unicode>"),
    ],
)
def test_a_template_is_filled(written: str, expected: str) -> None:
    assert filled(written) == expected


@pytest.mark.parametrize(
    "written", ["{", "}", "{ text }", "{Text}", "{text", "text}", "{}", "${}", "${1}", "{text:>5}"]
)
def test_a_single_brace_is_refused(written: str) -> None:
    with pytest.raises(TemplateError, match="brace is written twice"):
        parse(written, value_of)


def test_a_placeholder_that_is_none_or_not_for_here_is_refused_with_those_that_are() -> None:
    with pytest.raises(TemplateError) as caught:
        parse("{to}", value_of)
    assert str(caught.value) == (
        "cannot hold {to}; placeholders here: {number}, {numbers}, {text}, {sender}, {id}, {unicode}"
    )
    with pytest.raises(TemplateError, match=r"cannot hold \{text\}; placeholders here: \{id\}$"):
        parse("{text}", value_of, frozenset({Slot.ID}))
    with pytest.raises(TemplateError, match=r"placeholders here: none$"):
        parse("{text}", value_of, frozenset())


def test_a_value_is_put_in_as_it_is_and_not_read_again() -> None:
    assert parse("${KEY}", lambda name: "{text} ${KEY} {{").fill(FILLING) == "{text} ${KEY} {{"
    assert parse("{text}", value_of).fill({**FILLING, Slot.TEXT: "{number} ${KEY}"}) == "{number} ${KEY}"


def test_a_template_does_not_show_what_it_holds() -> None:
    assert "value" not in repr(parse("${KEY}", value_of))


@given(st.text())
def test_any_text_is_a_template_or_refused_in_words(text: str) -> None:
    try:
        template = parse(text, value_of)
    except TemplateError:
        assert {"{", "}"} & set(text)
    else:
        template.fill(FILLING)


@given(st.text())
def test_a_text_with_its_braces_doubled_stands_for_itself(text: str) -> None:
    assert filled(text.replace("{", "{{").replace("}", "}}")) == text


def tree(written: object) -> Tree:
    if isinstance(written, str):
        return parse(written, value_of)
    if isinstance(written, dict):
        return {key: tree(one) for key, one in written.items()}
    if isinstance(written, list):
        return [tree(one) for one in written]
    assert isinstance(written, bool | int | float)
    return written


NUMBERS = ["+1", "+2"]
ONE = {**FILLING, Slot.NUMBER: "+1", Slot.NUMBERS: "+1,+2"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"a": 1, "b": True, "c": 1.5, "d": "{text}"}, {"a": 1, "b": True, "c": 1.5, "d": "<text>"}),
        (["{number}"], ["+1", "+2"]),
        (["a", "{number}", "{numbers}"], ["a", "+1", "+2", "+1,+2"]),
        ({"to": [{"n": "{number}", "id": 7}]}, {"to": [{"n": "+1", "id": 7}, {"n": "+2", "id": 7}]}),
        (
            {"messages": [{"text": "{text}", "to": [{"n": "{number}"}]}]},
            {"messages": [{"text": "<text>", "to": [{"n": "+1"}, {"n": "+2"}]}]},
        ),
        (
            [{"n": "{number}", "all": ["{number}"]}],
            [{"n": "+1", "all": ["+1", "+2"]}, {"n": "+2", "all": ["+1", "+2"]}],
        ),
        ([["{number}"]], [["+1", "+2"]]),
        ({"to": "{number}"}, {"to": "+1"}),
        ([], []),
    ],
)
def test_in_a_list_what_is_about_one_number_stands_there_for_each(written: object, expected: object) -> None:
    assert fill(tree(written), ONE, NUMBERS) == expected


def test_slots_are_found_wherever_they_are() -> None:
    found = set(slots_of(tree({"a": "{text}", "b": ["{number}", {"c": "{id}"}], "d": 1})))

    assert found == {(Slot.TEXT, False), (Slot.NUMBER, True), (Slot.ID, True)}
    assert not repeats(Template(("plain",)))
