"""The phone's own counting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.handset import Alphabet, received


@pytest.mark.parametrize(
    ("text", "alphabet", "parts"),
    [
        ("", Alphabet.GSM, 1),
        ("x" * 160, Alphabet.GSM, 1),
        ("x" * 161, Alphabet.GSM, 2),
        ("x" * 306, Alphabet.GSM, 2),
        ("x" * 307, Alphabet.GSM, 3),
        ("€" * 80, Alphabet.GSM, 1),
        ("€" * 81, Alphabet.GSM, 2),
        ("x" * 152 + "€" * 5, Alphabet.GSM, 2),
        ("’" * 70, Alphabet.UNICODE, 1),
        ("’" * 71, Alphabet.UNICODE, 2),
        ("🔥" * 35, Alphabet.UNICODE, 1),
        ("🔥" * 36, Alphabet.UNICODE, 2),
        ("🔥" * 67, Alphabet.UNICODE, 3),  # 33 a part: no pair is cut
    ],
)
def test_parts_as_3gpp_has_them(text: str, alphabet: Alphabet, parts: int) -> None:
    got = received(text)
    assert (got.alphabet, len(got.parts)) == (alphabet, parts)


@settings(derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_the_parts_join_back_to_the_text(text: str) -> None:
    assert "".join(received(text).parts) == text
