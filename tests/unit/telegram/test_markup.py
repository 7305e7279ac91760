from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.telegram.markup import TEXT_LIMIT, cut, plain

TEXT = st.text(max_size=200)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_tags_of_ours_go_and_entities_become_their_characters() -> None:
    html = '<b>#1</b> <code>+233</code> <i>a &lt;b&gt; &amp;amp;</i> <pre>x</pre> <a href="https://x">y</a>'
    assert plain(html) == "#1 +233 a <b> &amp; x y"


def test_signs_of_less_and_more_that_are_no_tags_stay() -> None:
    assert plain("1 &lt; 2 and 3 &gt; 2") == "1 < 2 and 3 > 2"


@settings(derandomize=True)
@given(TEXT)
def test_an_escaped_text_comes_back_as_it_was(text: str) -> None:
    assert plain(f"<b>{escape(text)}</b>") == text


@settings(derandomize=True)
@given(st.text(alphabet="a🎉<&", max_size=60), st.integers(0, 80))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert units(kept) <= limit
    assert kept == text or units(text[: len(kept) + 1]) > limit


def test_a_plain_text_fits_into_a_message() -> None:
    assert units(plain("🎉" * 5000)) == TEXT_LIMIT
