import re
from random import Random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.phone import (
    INVISIBLE,
    Number,
    NumberCode,
    NumberProblem,
    Tariff,
    hide_numbers,
    is_region,
    mask,
    read_number,
)

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=200)
AMA = "+233241109433"


def read(item: str, region: str = "GH", allowed: str = "") -> Number | NumberProblem:
    return read_number(item, region=region, allowed_countries=frozenset(allowed.split()))


@pytest.mark.parametrize(
    "item",
    [
        "+233241109433",
        "00233241109433",
        "233241109433",
        "0241109433",
        "241109433",
        "+233 (24) 110-9433",
        "(+233) 24.110.9433",
        "+233 (0)24 110 9433",
        "[024] 110 9433",
        "+233\u00a024\u202f110\u20099433",  # no-break and thin spaces
        "+233\u201124\u2013110\u22129433",  # non-breaking hyphen, dash, minus
        "\u202a+233241109433\u202c",  # as some address books copy it
        "\u2066+233241109433\u2069",
        "\u200e0241109433\u200f",
        "\ufeff024\u00ad110\u200b9433",
        "٠٢٤١١٠٩٤٣٣",  # Arabic-Indic
        "۰۲۴۱۱۰۹۴۳۳",  # Persian
        "०२४११०९४३३",  # Devanagari
        "０２４１１０９４３３",  # full width
        "＋２３３２４１１０９４３３",
        "𝟎𝟐𝟒𝟏𝟏𝟎𝟗𝟒𝟑𝟑",  # mathematical bold
    ],
)
def test_every_way_to_write_one_number_is_that_number(item: str) -> None:
    assert read(item) == Number(e164=AMA, valid=True, country="GH")


@pytest.mark.parametrize(
    ("item", "code", "sign"),
    [
        ("", NumberCode.NO_DIGITS, ""),
        (" - ", NumberCode.NO_DIGITS, ""),
        ("+", NumberCode.NO_DIGITS, ""),
        ("024110WIFE", NumberCode.LETTER, "W"),
        ("0241109433x", NumberCode.LETTER, "x"),
        ("233241109433x12", NumberCode.LETTER, "x"),
        ("0241109433 ext. 5", NumberCode.LETTER, "e"),
        ("tel:+233241109433", NumberCode.LETTER, "t"),
        ("024110943三", NumberCode.LETTER, "三"),
        ("0241109433\u0301", NumberCode.LETTER, "\u0301"),
        ("0241109433;0551234567", NumberCode.SIGN, ";"),
        ("0241109433#1", NumberCode.SIGN, "#"),
        ("*170#", NumberCode.SIGN, "*"),
        ("0241109433/0551234567", NumberCode.SIGN, "/"),
        ("0241109433&0551234567", NumberCode.SIGN, "&"),
        ("024110943²", NumberCode.SIGN, "²"),
        ("0241109433+233551234567", NumberCode.SIGN, "+"),
        ("++233241109433", NumberCode.SIGN, "+"),
        ("0241109433\ud800", NumberCode.SIGN, "\ud800"),
        ("0241109433\0", NumberCode.SIGN, "\0"),
        ("1", NumberCode.TOO_SHORT, ""),
        ("00", NumberCode.TOO_SHORT, ""),
        ("+23", NumberCode.TOO_SHORT, ""),
        ("+2330", NumberCode.TOO_SHORT, ""),
        ("+233", NumberCode.TOO_SHORT, ""),
        ("112", NumberCode.TOO_SHORT, ""),
        ("+233112", NumberCode.TOO_SHORT, ""),
        ("02411094330551234567", NumberCode.TOO_LONG, ""),
        ("+23302411094330551234", NumberCode.TOO_LONG, ""),
        ("+4430123456789012345678", NumberCode.TOO_LONG, ""),
        ("0" * 25, NumberCode.TOO_LONG, ""),
        ("7" * 100_000, NumberCode.TOO_LONG, ""),
        ("+493012345678901234", NumberCode.TOO_LONG, ""),  # 16 digits: good to libphonenumber, none to E.164
        ("+0241109433", NumberCode.NO_COUNTRY, ""),
        ("+999241109433", NumberCode.NO_COUNTRY, ""),
        ("00999241109433", NumberCode.NO_COUNTRY, ""),
    ],
)
def test_what_is_no_number_is_refused_with_the_sign_that_is_in_the_way(item: str, code: NumberCode, sign: str) -> None:
    assert read(item) == NumberProblem(code=code, item=item, sign=sign)


@pytest.mark.parametrize(
    ("item", "region", "code"),
    [
        ("5551234", "US", NumberCode.LOCAL_ONLY),
        ("+15551234", "GH", NumberCode.LOCAL_ONLY),
        ("+3545551", "GH", NumberCode.TOO_SHORT),
        ("+354555123 45", "GH", NumberCode.WRONG_LENGTH),
        ("0241109433", "XX", NumberCode.NO_COUNTRY),
        ("0241109433", "", NumberCode.NO_COUNTRY),
    ],
)
def test_a_length_that_the_country_does_not_have_is_named(item: str, region: str, code: NumberCode) -> None:
    assert read(item, region) == NumberProblem(code=code, item=item)


@pytest.mark.parametrize("region", ["XX", "gh", ""])
def test_an_international_number_needs_no_region(region: str) -> None:
    assert read(AMA, region) == Number(e164=AMA, valid=True, country="GH")


@pytest.mark.parametrize(
    ("item", "region", "e164", "country"),
    [
        ("447820125799", "GH", "+447820125799", "GB"),  # invalid as national
        ("2025550123", "US", "+12025550123", "US"),
        ("12025550123", "US", "+12025550123", "US"),  # the national prefix is 1
        ("1 242 365 1234", "US", "+12423651234", "BS"),
        ("011 233 241109433", "US", AMA, "GH"),  # its own international prefix
        ("00233241109433", "US", AMA, "GH"),
        ("89123456789", "RU", "+79123456789", "RU"),  # the national prefix is 8
        ("06 20 123 4567", "HU", "+36201234567", "HU"),  # the national prefix is 06
        ("40612345", "NO", "+4740612345", "NO"),  # there is none
        ("0612345678", "IT", "+390612345678", "IT"),  # the zero is the number's own
        ("7733123456", "GB", "+447733123456", "GB"),
        ("+80012345678", "GH", "+80012345678", ""),  # of no country
        ("+441481960194", "GH", "+441481960194", "GG"),
    ],
)
def test_the_region_decides_how_bare_digits_are_read(item: str, region: str, e164: str, country: str) -> None:
    assert read(item, region) == Number(e164=e164, valid=True, country=country)


@pytest.mark.parametrize(
    ("item", "region", "readings"),
    [
        ("252888742", "GH", ("+252888742", "+233252888742")),
        ("4313714647", "DE", ("+4313714647", "+494313714647")),
        ("001147 92345678", "AU", ("+14792345678", "+4792345678")),  # 0011 dials abroad there
    ],
)
def test_two_readings_that_differ_are_both_shown(item: str, region: str, readings: tuple[str, str]) -> None:
    assert read(item, region) == NumberProblem(code=NumberCode.AMBIGUOUS, item=item, readings=readings)


@pytest.mark.parametrize("readings", [("+4313714647", "+494313714647"), ("+252888742", "+233252888742")])
def test_each_reading_written_with_its_plus_is_taken(readings: tuple[str, str]) -> None:
    assert [read(reading, "DE").e164 for reading in readings] == list(readings)


def test_the_national_prefix_leaves_no_second_reading() -> None:
    assert read("0252888742") == Number(e164="+233252888742", valid=False, country="GH")
    assert read("8613800138000", "RU") == NumberProblem(code=NumberCode.WRONG_LENGTH, item="8613800138000")
    assert read("0000000000", "DE") == NumberProblem(code=NumberCode.NO_COUNTRY, item="0000000000")


@pytest.mark.parametrize(
    ("item", "e164", "country"),
    [
        ("447700900000", "+447700900000", "GB"),  # the gateway's own example; shared calling code: the largest country
        ("+447700900000", "+447700900000", "GB"),
        ("0991234567", "+233991234567", "GH"),
    ],
)
def test_a_possible_number_of_an_unknown_range_is_marked(item: str, e164: str, country: str) -> None:
    assert read(item) == Number(e164=e164, valid=False, country=country)


@pytest.mark.parametrize(
    ("item", "allowed", "country"),
    [
        ("+447820125799", "GH", "GB"),
        ("+447700900000", "GH NG", "GB"),
        ("+80012345678", "GH", ""),
        ("+441481960194", "GB", "GG"),
    ],
)
def test_a_number_of_a_country_that_is_not_allowed_is_refused(item: str, allowed: str, country: str) -> None:
    assert read(item, allowed=allowed) == NumberProblem(
        code=NumberCode.COUNTRY_NOT_ALLOWED, item=item, readings=(item,), country=country
    )


def test_a_number_of_an_allowed_country_is_taken() -> None:
    assert read("0241109433", allowed="NG GH") == Number(e164=AMA, valid=True, country="GH")


def _examples() -> list[tuple[str, str]]:
    numbers = [(region, phonenumbers.example_number(region)) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    return [(region, phonenumbers.format_number(number, 0)) for region, number in numbers if number]


EXAMPLES = _examples()


def test_every_country_s_example_is_read_as_itself_in_each_form() -> None:
    """The national form of a country is its own way to write the number; bare digits must not become another one."""
    assert len(EXAMPLES) > 200
    for region, e164 in EXAMPLES:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
        expected = Number(e164=e164, valid=True, country=country)
        national = phonenumbers.format_number(phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat.NATIONAL)
        bare = read(e164[1:], region)
        assert read(e164) == expected
        assert read("00" + e164[1:]) == expected
        for found in (read(national, region), bare):
            if isinstance(found, NumberProblem):
                assert e164 in found.readings
            else:
                assert found == expected


PREMIUM = "+449012345678"
SHARED = "+4918012345"


@pytest.mark.parametrize(
    ("item", "code", "rate", "country"),
    [
        (PREMIUM, NumberCode.PREMIUM_RATE, Tariff.PREMIUM, "GB"),
        ("+19002345678", NumberCode.PREMIUM_RATE, Tariff.PREMIUM, "US"),
        ("+979123456789", NumberCode.PREMIUM_RATE, Tariff.PREMIUM, ""),  # international premium rate service
        (SHARED, NumberCode.SHARED_COST, Tariff.SHARED, "DE"),
        ("+80812345678", NumberCode.SHARED_COST, Tariff.SHARED, ""),  # international shared cost service
    ],
)
def test_premium_rate_and_shared_cost_numbers_are_refused_unless_any_rate_is_asked_for(
    item: str, code: NumberCode, rate: Tariff, country: str
) -> None:
    assert read(item) == NumberProblem(code=code, item=item, readings=(item,), country=country)
    found = read_number(item, region="GH", allowed_countries=frozenset(), any_rate=True)
    assert found == Number(e164=item, valid=True, country=country, rate=rate)


def test_no_way_of_writing_it_makes_a_premium_rate_number_pass() -> None:
    for item in ("00449012345678", "+44 (901) 234-5678", "+٤٤٩٠١٢٣٤٥٦٧٨"):
        found = read(item)
        assert isinstance(found, NumberProblem)
        assert found.code is NumberCode.PREMIUM_RATE
    found = read("09012345678", "GB")
    assert isinstance(found, NumberProblem)
    assert found.code is NumberCode.PREMIUM_RATE


def test_the_country_is_the_first_rule_and_the_rate_the_next() -> None:
    refused = read(PREMIUM, allowed="GH")
    assert isinstance(refused, NumberProblem)
    assert refused.code is NumberCode.COUNTRY_NOT_ALLOWED
    refused = read(PREMIUM, allowed="GB")
    assert isinstance(refused, NumberProblem)
    assert refused.code is NumberCode.PREMIUM_RATE


def test_ordinary_and_toll_free_numbers_are_taken() -> None:
    for region in ("GH", "GB", "DE", "US", "NG"):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.TOLL_FREE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                assert isinstance(read(phonenumbers.format_number(example, 0)), Number)


def test_a_number_that_is_masked_stays_as_it_is() -> None:
    assert mask(mask(AMA)) == mask(AMA) == "+2332…433"


def test_digits_behind_a_plus_are_read_as_libphonenumber_alone_would() -> None:
    """Most are not parsed by it, for speed. Around each country's example, and at random behind each calling code."""
    chance = Random(11)
    digits = [e164[1:-3] + f"{chance.randrange(1000):03}" for _, e164 in EXAMPLES for _ in range(8)]
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        digits += [f"{code}{chance.randrange(10**size):0{size}}" for size in range(1, 16)]
    different = []
    for item in digits:
        found = read_number(f"+{item}", region="GH", allowed_countries=frozenset(), any_rate=True)
        try:
            parsed = phonenumbers.parse(f"+{item}")
        except phonenumbers.NumberParseException:
            expected = None
        else:
            e164 = phonenumbers.format_number(parsed, 0)
            possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
            expected = (e164, phonenumbers.is_valid_number(parsed)) if possible and len(e164) <= 16 else None
        if (None if isinstance(found, NumberProblem) else (found.e164, found.valid)) != expected:
            different.append(item)
    assert different == []


ITEM = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from(f"0123456789٣３+＋-–. ()x;#@W\u00a0\ud800\0{INVISIBLE}"), max_size=40),
    st.from_regex(r"(\+|00|0)?[0-9]{4,17}", fullmatch=True),
)


@REPEATABLE
@given(ITEM, st.sampled_from(["GH", "US", "DE", "NO", "RU", "IT", "AU", "SG", "BR", "XX", ""]))
def test_any_item_gives_a_number_or_a_problem(item: str, region: str) -> None:
    found = read(item, region)
    if isinstance(found, NumberProblem):
        assert found.item == item
        assert (found.code is NumberCode.AMBIGUOUS) == (len(set(found.readings)) == 2)
    else:
        assert found.e164.startswith("+")
        assert 3 <= len(found.e164[1:]) <= 15
        assert found.e164[1:].isascii()
        assert found.e164[1:].isdecimal()
        assert read(found.e164, region) == found or not found.valid


@REPEATABLE
@given(
    st.lists(st.text(st.sampled_from(f" \t\u00a0-\u2011\u2013().{INVISIBLE}"), max_size=2), min_size=14, max_size=14)
)
def test_blanks_and_unseen_marks_around_the_digits_change_nothing(between: list[str]) -> None:
    item = "".join(gap + digit for gap, digit in zip(between, [*AMA, ""], strict=True))
    assert read(item) == Number(e164=AMA, valid=True, country="GH")


@pytest.mark.parametrize(
    ("e164", "shown"),
    [
        ("+233241109433", "+2332…433"),
        ("+12025550123", "+1202…123"),
        ("+2472345678", "+2472…678"),
        ("+29051234", "+29…234"),
        ("+2905123", "+2…123"),
        ("233241109433", "+2332…433"),
    ],
)
def test_a_masked_number_shows_its_ends_and_hides_at_least_three_digits(e164: str, shown: str) -> None:
    assert mask(e164) == shown


def test_a_region_is_an_iso_code_in_capitals() -> None:
    assert [code for code in ("GH", "GB", "DE", "gh", "XX", "001", "", "GHA") if is_region(code)] == ["GH", "GB", "DE"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("“0241109433” is too short", "“0241…433” is too short"),
        ("+233 (24) 110-9433.", "+2332…433."),
        ("read as +233241109433 or as +447700900000.", "read as +2332…433 or as +4477…000."),
        ("“０２４１１０９４３３”", "“０２４１…４３３”"),
        ("999 of 1000 segments, 123456 bytes", "999 of 1000 segments, 123456 bytes"),
        ("“12”, “34”, “56”, “78”", "“12”, “34”, “56”, “78”"),
    ],
)
def test_words_hide_the_whole_numbers_in_them(words: str, shown: str) -> None:
    assert hide_numbers(words) == shown


@given(st.text(alphabet="0123456789+- .()“”ab", max_size=60))
def test_no_seven_digits_in_a_row_are_left(words: str) -> None:
    assert not re.search(r"\d{7}", hide_numbers(words))
