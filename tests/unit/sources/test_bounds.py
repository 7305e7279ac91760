import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.alerts import Link
from bridge.sources import bounds


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("as it is", "as it is"),
        (" a \t b\r\nc\u00a0d\u2028e ", "a b c d e"),
        ("nul\x00 esc\x1b del\x7f", "nul esc del"),
        ("cut \ud83d", "cut \ufffd"),
        ("pair 🔥", "pair 🔥"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 297 + "..."),
        ("x" * 296 + " yyyy", "x" * 296 + "..."),
        (None, ""),
        ({}, ""),
        (5, "5"),
        (True, "true"),
    ],
)
def test_a_title_is_one_short_line(value: object, line: str) -> None:
    assert bounds.one_line(value) == line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a\r\n\tb\n", "a\n\tb"),
        ("nul\x00", "nul"),
        ("x" * 2001, "x" * 1997 + "..."),
        ([], ""),
    ],
)
def test_a_text_keeps_its_lines(value: object, text: str) -> None:
    assert bounds.prose(value) == text


def test_labels_are_bounded_in_number_and_length() -> None:
    given = {f"{n:03}": "v" for n in range(101)}
    assert list(bounds.labels(given)) == list(given)[:100]
    assert bounds.labels({"n" * 201: "v" * 501}) == {"n" * 200: "v" * 500}


def test_labels_have_a_name_and_a_value() -> None:
    given: dict[str, object] = {
        "": "x",
        "\x00": "x",
        "a": "",
        "b": " ",
        "c": None,
        "d": [],
        "e\x00": "\x001",
        "f": "\ud800",
    }
    assert bounds.labels(given) == {"e": "1", "f": "\ufffd"}


@pytest.mark.parametrize("kept", ["abc", "a b", "é🔥", "x" * 200])
def test_a_fingerprint_that_can_be_kept_is_kept(kept: str) -> None:
    assert bounds.fingerprint(kept) == kept


@given(st.text(), st.text())
def test_different_fingerprints_stay_different_and_can_be_stored(one: str, other: str) -> None:
    found = bounds.fingerprint(one)
    assert (found == bounds.fingerprint(other)) == (one == other)
    assert len(found) <= 200
    assert found.encode().count(b"\x00") == 0


def test_a_long_fingerprint_is_hashed_and_not_cut() -> None:
    one, other = bounds.fingerprint("x" * 201), bounds.fingerprint("x" * 202)
    assert one != other
    assert len(one) == len(other) == 64


@pytest.mark.parametrize(
    "url", ["http://h", "https://h/p?q=a@b#c", "HTTPS://h:1/", "https://é.example/", "http://h/" + "x" * 2039]
)
def test_a_web_address_is_a_link(url: str) -> None:
    assert bounds.links([("l", f" {url} ")]) == (Link(label="l", url=url),)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "http:///x",
        "ftp://h",
        "javascript:alert(1)",
        "h",
        "https://a b",
        "https://a\nb",
        "https://a\u202eb",
        "https://ama:hush@h/",
        "https://ama@h",
        "http://h/" + "x" * 2040,
        "https://h/\ud800",
        None,
        5,
        ["https://h"],
    ],
)
def test_what_is_no_web_address_is_left_out(url: object) -> None:
    assert bounds.links([("l", url)]) == ()


def test_links_are_few_and_each_is_another() -> None:
    urls = [f"https://h/{n}" for n in (0, 0, 1, 2, 3, 4, 5)]
    assert [link.url for link in bounds.links((str(n), url) for n, url in enumerate(urls))] == [urls[0], *urls[2:6]]


@given(st.text())
def test_any_text_becomes_one_that_can_be_stored_and_shown(text: str) -> None:
    for found in (bounds.one_line(text), bounds.prose(text), bounds.clean(text)):
        found.encode()
        assert "\x00" not in found
    assert len(bounds.one_line(text).splitlines()) <= 1
