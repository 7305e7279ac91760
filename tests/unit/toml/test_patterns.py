import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.toml.patterns import LONGEST_PATTERN, LONGEST_VALUE, fits, read_pattern


@pytest.mark.parametrize(
    "written",
    [
        "",
        "db.*",
        "db-[0-9]+",
        "(?i)db.*",
        "db.*|cache.*|queue.*|web.*|mail.*",
        "(db|cache)-.*",
        "(?:db|cache)?-.*",
        "(?P<what>db)+",
        "(?i:db)*",
        "(?!test).*",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}",
        r"[]a-z\]]{2}(ab){3}",
        "a{,3}b{2,}c{4}",
        "x{}y{z",
        ".*?-.*?-.*?",
        "(a|b){0,1}(a|b){1}",
        r"\(.*\)",
    ],
)
def test_what_routes_need_is_taken(written: str) -> None:
    assert isinstance(read_pattern(written), re.Pattern)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("(", "is no regular expression"),
        ("[a", "is no regular expression"),
        ("*", "is no regular expression"),
        ("[[a]", "is no regular expression: Possible nested set"),
        ("a{99999999999}", "is no regular expression"),
        ("a" * (LONGEST_PATTERN + 1), "is longer than 200 characters"),
        ("(a+)+", "repeats a group"),
        ("(a|b)*", "repeats a group"),
        ("(a?){2,9}", "repeats a group"),
        ("((a{1,2}))+", "repeats a group"),
        ("(?:a.*){9}", "repeats a group"),
        (".*.*.*.*", "too many ways"),
        ("(.*)(.*)(.*)(.*)", "too many ways"),
        ("a?" * 25, "too many ways"),
        ("(a|b)" * 25, "too many ways"),
        (r"(a)\1", "not taken here"),
        ("(?P<a>x)(?P=a)", "not taken here"),
        ("(a)?(?(1)b|c)", "not taken here"),
        ("(?x) a # (", "not taken here"),
    ],
)
def test_what_could_take_for_ever_or_is_none_is_refused(written: str, why: str) -> None:
    found = read_pattern(written)
    assert isinstance(found, str)
    assert why in found


def test_the_whole_value_must_fit() -> None:
    pattern = read_pattern("db.*")
    assert isinstance(pattern, re.Pattern)
    assert fits(pattern, "db-1")
    assert not fits(pattern, "my-db-1")
    assert not fits(pattern, "db-1\nx")


def test_only_the_beginning_of_a_long_value_is_looked_at() -> None:
    pattern = read_pattern("a*")
    assert isinstance(pattern, re.Pattern)
    assert fits(pattern, "a" * LONGEST_VALUE + "b")


@given(st.text(alphabet="ab.*+?|(){}[]^$\\1,-:=!<>P29i#\n ", max_size=40))
def test_any_text_gives_a_pattern_or_words(written: str) -> None:
    found = read_pattern(written)
    assert isinstance(found, re.Pattern | str)


@given(st.text(alphabet="aab.*+?|(){,}2[]", max_size=14))
def test_a_pattern_that_is_taken_is_quick_on_the_worst_of_values(written: str) -> None:
    pattern = read_pattern(written)
    if isinstance(pattern, re.Pattern):
        began = process_time()
        fits(pattern, "a" * (LONGEST_VALUE - 1) + "!")
        assert process_time() - began < 5
