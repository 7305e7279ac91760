import unicodedata
import warnings
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.segments import DEFAULT_ALPHABET, ESCAPE, EXTENSION, LOOK_ALIKES, Encoding, simplify, split

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependency `future` asks for modules that are on their way out
    import smsutil

# 3GPP TS 23.038 by code point, not by character, so that a look-alike in the source cannot pass. Rows of 16 codes.
_ROWS = """
0040 00A3 0024 00A5 00E8 00E9 00F9 00EC 00F2 00C7 000A 00D8 00F8 000D 00C5 00E5
0394 005F 03A6 0393 039B 03A9 03A0 03A8 03A3 0398 039E ESC  00C6 00E6 00DF 00C9
0020 0021 0022 0023 00A4 0025 0026 0027 0028 0029 002A 002B 002C 002D 002E 002F
0030 0031 0032 0033 0034 0035 0036 0037 0038 0039 003A 003B 003C 003D 003E 003F
00A1 0041 0042 0043 0044 0045 0046 0047 0048 0049 004A 004B 004C 004D 004E 004F
0050 0051 0052 0053 0054 0055 0056 0057 0058 0059 005A 00C4 00D6 00D1 00DC 00A7
00BF 0061 0062 0063 0064 0065 0066 0067 0068 0069 006A 006B 006C 006D 006E 006F
0070 0071 0072 0073 0074 0075 0076 0077 0078 0079 007A 00E4 00F6 00F1 00FC 00E0
"""
STANDARD = _ROWS.split()
STANDARD_EXTENSION = {
    0x0A: 0x000C,
    0x14: 0x005E,
    0x28: 0x007B,
    0x29: 0x007D,
    0x2F: 0x005C,
    0x3C: 0x005B,
    0x3D: 0x007E,
    0x3E: 0x005D,
    0x40: 0x007C,
    0x65: 0x20AC,
}
ONE_SEPTET = {chr(int(point, 16)) for point in STANDARD if point != "ESC"}
TWO_SEPTETS = {chr(point) for point in STANDARD_EXTENSION.values()}

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=150)
GSM_TEXT = st.text(st.sampled_from(sorted(ONE_SEPTET | TWO_SEPTETS)), max_size=700)
MOSTLY_PAIRS = st.text(st.sampled_from("{}a€é\n"), min_size=100, max_size=700)
UNICODE_TEXT = st.text(st.sampled_from("aé“ŋЖ你🙂👩‍🚒"), max_size=400)
ANY_TEXT = st.one_of(GSM_TEXT, MOSTLY_PAIRS, UNICODE_TEXT, st.text(max_size=300))


def units(text: str, encoding: Encoding) -> int:
    """A second way to count: by code points and by encoding to UTF-16."""
    if encoding is Encoding.GSM7:
        return sum(1 if character in ONE_SEPTET else 2 for character in text)
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def fewest_segments(text: str, encoding: Encoding) -> int:
    """The least number of pieces by trying every cut, however slow."""
    alone, room = (160, 153) if encoding is Encoding.GSM7 else (70, 67)
    if units(text, encoding) <= alone:
        return 1
    best = [0]
    for end in range(1, len(text) + 1):
        start = end
        used = 0
        while start and used + units(text[start - 1], encoding) <= room:
            start -= 1
            used += units(text[start], encoding)
        best.append(1 + min(best[start:end]))
    return best[-1]


@pytest.mark.parametrize("code", range(128))
def test_the_default_alphabet_is_the_standards(code: int) -> None:
    expected = ESCAPE if STANDARD[code] == "ESC" else chr(int(STANDARD[code], 16))
    assert DEFAULT_ALPHABET[code] == expected


def test_the_default_alphabet_has_128_codes_and_the_extension_table_those_of_the_standard() -> None:
    assert len(DEFAULT_ALPHABET) == len(STANDARD) == 128
    assert {code: ord(character) for code, character in EXTENSION.items()} == STANDARD_EXTENSION


def test_every_code_point_costs_what_the_standard_says() -> None:
    beyond = [plane << 16 | point for plane in range(1, 17) for point in (0, 0xF600, 0xFFFF)]
    wrong = []
    for point in [*range(0x10000), *beyond]:
        character = chr(point)
        counted = split(character)
        if character in ONE_SEPTET:
            expected = (Encoding.GSM7, 1)
        elif character in TWO_SEPTETS:
            expected = (Encoding.GSM7, 2)
        else:
            expected = (Encoding.UCS2, 1 if point < 0x10000 else 2)
        if (counted.encoding, counted.units_used) != expected:
            wrong.append(hex(point))
    assert wrong == []


@pytest.mark.parametrize("character", ["ç", ESCAPE, "\t", "`", "\u00a0", "Á", "ê", "ɔ", "Α"])
def test_characters_that_are_often_taken_for_gsm_force_unicode(character: str) -> None:
    assert split(f"a{character}").encoding is Encoding.UCS2


@pytest.mark.parametrize(
    ("text", "parts", "used", "left"),
    [
        ("", [0], 0, 160),
        ("a", [1], 1, 159),
        ("a" * 160, [160], 160, 0),
        ("a" * 161, [153, 8], 161, 145),
        ("a" * 306, [153, 153], 306, 0),
        ("a" * 307, [153, 153, 1], 307, 152),
        ("a" * 158 + "€", [159], 160, 0),
        ("a" * 159 + "€", [153, 7], 161, 145),
        ("a" * 152 + "€" + "a" * 7, [152, 8], 161, 144),
        ("€" * 80, [80], 160, 0),
        ("€" * 81, [76, 5], 162, 143),
        ("\f" * 80, [80], 160, 0),
        ("ŋ" * 70, [70], 70, 0),
        ("ŋ" * 71, [67, 4], 71, 63),
        ("ŋ" * 134, [67, 67], 134, 0),
        ("ŋ" * 135, [67, 67, 1], 135, 66),
        ("🙂" * 35, [35], 70, 0),
        ("🙂" * 36, [33, 3], 72, 61),
        ("ŋ" * 69 + "🙂", [67, 3], 71, 63),
        ("ŋ" * 66 + "🙂" + "ŋ" * 3, [66, 4], 71, 62),
    ],
)
def test_a_text_is_cut_at_the_standards_limits(text: str, parts: list[int], used: int, left: int) -> None:
    counted = split(text)
    assert [len(part) for part in counted.parts] == parts
    assert (counted.units_used, counted.units_left, counted.count) == (used, left, len(parts))


def test_the_first_characters_that_force_unicode_are_named_once_each() -> None:
    assert split("plain {text} €").first_non_gsm == ""
    assert split("ýes ý and “no”").first_non_gsm == "ý“”"
    assert split("абвгдежз").first_non_gsm == "абвгд"


def test_a_lone_surrogate_counts_as_one_unit_and_does_not_crash() -> None:
    counted = split("a\ud83d" * 36)
    assert counted.encoding is Encoding.UCS2
    assert counted.units_used == 72
    assert "".join(counted.parts) == "a\ud83d" * 36
    assert simplify("a\ud83d…").text == "a\ud83d…"


@REPEATABLE
@given(ANY_TEXT)
def test_parts_join_back_fit_and_are_as_few_as_possible(text: str) -> None:
    counted = split(text)
    alone, room = (160, 153) if counted.encoding is Encoding.GSM7 else (70, 67)
    sizes = [units(part, counted.encoding) for part in counted.parts]
    limit = alone if len(sizes) == 1 else room
    assert "".join(counted.parts) == text
    assert max(sizes) <= limit
    assert sum(sizes) == counted.units_used
    assert limit - sizes[-1] == counted.units_left
    assert counted.count == fewest_segments(text, counted.encoding)
    assert (counted.encoding is Encoding.GSM7) == (set(text) <= ONE_SEPTET | TWO_SEPTETS)


# smsutil takes ESC for a character of the alphabet; alone it has no meaning, so such texts go out as Unicode here. An
# empty text has no part there and one here.
SMSUTIL_IS_WRONG_ABOUT = {ESCAPE}


def test_smsutil_has_the_same_alphabet_but_for_what_is_listed() -> None:
    points = map(chr, range(0x3000))
    different = {point for point in points if smsutil.is_valid_gsm(point) != (split(point).encoding == "gsm7")}
    assert different == SMSUTIL_IS_WRONG_ABOUT


@pytest.mark.parametrize(
    "characters",
    [sorted(ONE_SEPTET), sorted(ONE_SEPTET | TWO_SEPTETS), "a{}€\n", "aŋ🙂{", "aé“Ж你👩\u200d🚒"],
    ids=["one septet", "gsm", "pairs", "units", "mixed"],
)
def test_the_parts_agree_with_smsutil(characters: Sequence[str]) -> None:
    chance = Random(7)
    for _ in range(1000):
        text = "".join(chance.choices(characters, k=chance.randint(1, 500)))
        counted, theirs = split(text), smsutil.split(text)
        assert (counted.encoding is Encoding.GSM7) == (theirs.encoding == "gsm0338")
        assert list(counted.parts) == [part.content for part in theirs.parts]


@pytest.mark.parametrize(
    ("text", "simple", "replaced"),
    [
        ("it’s “down” – now…", 'it\'s "down" - now...', [("’", "'"), ("“", '"'), ("”", '"'), ("–", "-"), ("…", "...")]),
        ("a\u00a0b\u202fc\td", "a b c d", [("\u00a0", " "), ("\u202f", " "), ("\t", " ")]),
        ("\ufeffa\u200bb\u00adc", "abc", [("\ufeff", ""), ("\u200b", ""), ("\u00ad", "")]),
        ("cafe\u0301 A\u030angstrom", "café Ångstrom", [("e\u0301", "é"), ("A\u030a", "Å")]),
        ("１２％，ＯＫ", "12%,OK", [("１", "1"), ("２", "2"), ("％", "%"), ("，", ","), ("Ｏ", "O"), ("Ｋ", "K")]),
        (
            "50\u2126 \u212b\u212a\u037e",
            "50Ω ÅK;",
            [("\u2126", "Ω"), ("\u212b", "Å"), ("\u212a", "K"), ("\u037e", ";")],
        ),
        ("run `df`", "run 'df'", [("`", "'")]),
        ("one\u2028two", "one\ntwo", [("\u2028", "\n")]),
        ("€5 – ’", "€5 - '", [("–", "-"), ("’", "'")]),
        ("’’’", "'''", [("’", "'")]),
    ],
)
def test_look_alikes_are_replaced_and_named(text: str, simple: str, replaced: list[tuple[str, str]]) -> None:
    assert simplify(text).text == simple
    assert list(simplify(text).replaced) == replaced


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain {text} €",
        "Сервер “упал” – сейчас…",  # Cyrillic
        "الخادم “متوقف”…",
        "Ɛyɛ den – ɔkɔ",  # Twi
        "Ŋdi – ɖo ƒe ɣe ʋu",  # Ewe
        "fire 🔥 – now",
        "👩\u200d🚒 on the way…",
        "1\ufe0f\u20e3 “first”",
        "1\ufe0f – first",
        "ýes “no”",
        "ça va – bien",
        "Αθήνα’",  # Greek capital alpha is no Latin A
        "\u202eabc’",  # without the override it would show in another order
        "e\u0301 and e\u0323’",  # the second has no place in GSM-7
        "\u0301’",  # an accent on nothing
        "a\x1b’",
        "Hausa \u02bcya’ya",  # a letter that looks like an apostrophe
    ],
)
def test_a_text_that_would_lose_something_or_gain_nothing_stays_as_typed(text: str) -> None:
    assert simplify(text).text == text
    assert simplify(text).replaced == ()


def test_a_replacement_that_would_cost_more_segments_is_not_made() -> None:
    dots = "…" * 60
    assert split(dots).count == 1
    assert simplify(dots).text == dots


@pytest.mark.parametrize("like", sorted(LOOK_ALIKES))
def test_every_look_alike_is_foreign_and_becomes_gsm(like: str) -> None:
    assert split(f"a{like}b").encoding is Encoding.UCS2
    assert simplify(f"a{like}b").text == f"a{LOOK_ALIKES[like]}b"
    assert simplify(f"a{like}b").replaced == ((like, LOOK_ALIKES[like]),)


def test_no_letter_is_among_the_look_alikes_but_in_another_form_of_itself() -> None:
    letters = [like for like in LOOK_ALIKES if unicodedata.category(like).startswith("L")]
    assert [like for like in letters if unicodedata.normalize("NFKC", like) != LOOK_ALIKES[like]] == []


@REPEATABLE
@given(st.one_of(ANY_TEXT, st.text(st.sampled_from([*LOOK_ALIKES, *"abc é{\u0301\u0308ŋ🙂"]), max_size=200)))
def test_simplifying_gives_gsm_text_for_no_more_money_or_the_text_itself(text: str) -> None:
    simple = simplify(text)
    if simple.replaced:
        assert split(simple.text).encoding is Encoding.GSM7
        assert split(simple.text).count <= split(text).count
        for old, new in simple.replaced:
            assert old in text
            assert new in simple.text
        assert simplify(simple.text).text == simple.text
    else:
        assert simple.text == text
