from urllib.parse import quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bridge.domain.outcome import WORDS_LIMIT
from bridge.gateways.printed import Fields
from bridge.gateways.words import words_without


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("Invalid phone number", "Invalid phone number"),
        (1005, "1005"),
        (" two\r\nlines\x00\u202e\ud800 ", "two lines"),
        (["a", 1, None], "a, 1, "),
        ([Fields([("numbers", ["is required", "is bad"])])], "numbers: is required, is bad"),
        ([[[["deep"]]]], ""),
        ("x" * 500, "x" * 200),
    ],
)
def test_any_value_becomes_one_short_line(value: object, words: str) -> None:
    assert words_without([])(value).strip() == words.strip()


@pytest.mark.parametrize(
    "echo",
    [
        "key s3/cret+key== is wrong",
        "key S3/CRET+KEY== is wrong",
        "GET /v1/send?privatekey=s3%2Fcret%2Bkey%3D%3D&x=1",
        "GET /v1/send?privatekey=s3/cret%2Bkey%3D%3D&x=1",
        '{"privatekey": "s3\\/cret+key=="}',
        "s3/cre\x00t+key==".replace("\x00", ""),
        "x" * 195 + "s3/cret+key==",
    ],
)
def test_a_key_that_is_echoed_is_hidden(echo: str) -> None:
    words = words_without(["s3/cret+key==", ""])(echo)

    assert "cret" not in words.lower()
    assert "s3" not in words


@settings(derandomize=True, max_examples=150)
@given(st.text(), st.text("abcXYZ0189-_/+=&<>\"'%", min_size=4, max_size=40), st.text())
def test_no_words_hold_a_key_or_anything_that_cannot_be_shown(before: str, key: str, after: str) -> None:
    assume(key not in "[key]")
    words = words_without([key])(f"{before}{key}{after} {quote_plus(key)}")

    assert key not in words.replace("[key]", "\n")
    assert len(words) <= WORDS_LIMIT
    assert words.isprintable()
    assert words.encode()
