from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.alerts import Severity
from bridge.domain.page_text import SHORTEST_TITLE, UNREADABLE, PageFacts, page_text
from bridge.domain.segments import Encoding, split

DISK = PageFacts(
    title="Disk full on db1",
    severity=Severity.CRITICAL,
    age=timedelta(minutes=3),
    more=0,
    code="P12",
    link="",
    maybe_repeat=False,
)
LINK = "https://pager.example.org/a/0123456789abcdef"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "CRITICAL Disk full on db1 (3 minutes ago) /ack P12"),
        ({"age": timedelta(seconds=59)}, "CRITICAL Disk full on db1 (now) /ack P12"),
        ({"age": timedelta(hours=5)}, "CRITICAL Disk full on db1 (5 hours ago) /ack P12"),
        ({"more": 37}, "CRITICAL Disk full on db1 (3 minutes ago) +37 more /ack P12"),
        ({"link": LINK}, f"CRITICAL Disk full on db1 (3 minutes ago) {LINK} or /ack P12"),
        ({"maybe_repeat": True}, "Maybe a repeat: CRITICAL Disk full on db1 (3 minutes ago) /ack P12"),
        ({"severity": Severity.WARNING}, "WARNING Disk full on db1 (3 minutes ago) /ack P12"),
        # look-alikes are replaced where that saves Unicode
        ({"title": "Disk “full” – db1"}, 'CRITICAL Disk "full" - db1 (3 minutes ago) /ack P12'),
    ],
)
def test_a_page_says_what_is_wrong_since_when_and_how_to_answer(changed: dict[str, object], text: str) -> None:
    assert page_text(replace(DISK, **changed)) == text


def test_a_long_title_is_cut_where_that_keeps_it_in_one_segment() -> None:
    text = page_text(replace(DISK, title="x" * 300, link=LINK))
    assert split(text).count == 1
    assert text.endswith(f"... (3 minutes ago) {LINK} or /ack P12")
    assert len(text) == 160


def test_a_title_in_another_script_takes_two_segments_rather_than_lose_what_it_says() -> None:
    text = page_text(replace(DISK, title="Диск переполнен на базе данных номер один в дата-центре", link=LINK))
    assert split(text).count == 2
    assert "номер один" in text


def test_a_link_that_fills_two_segments_leaves_room_for_a_beginning_of_the_title() -> None:
    link = "https://pager.example.org/" + "a" * 300
    text = page_text(replace(DISK, title="Disk full on the second database of the east", link=link))
    assert f"Disk full on the second{'...'}"[:SHORTEST_TITLE] in text
    assert link in text


titles = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=300)


@given(titles, st.integers(0, 5000), st.booleans(), st.sampled_from(["", LINK]))
def test_whatever_the_title_a_page_can_be_answered(title: str, more: int, repeat: bool, link: str) -> None:
    text = page_text(replace(DISK, title=title, more=more, maybe_repeat=repeat, link=link))
    assert text.endswith("/ack P12")
    assert link in text
    assert split(text).count <= 3


def test_a_page_about_what_cannot_be_read_takes_one_segment_and_no_unicode() -> None:
    parts = split(UNREADABLE)
    assert (parts.count, parts.encoding) == (1, Encoding.GSM7)
