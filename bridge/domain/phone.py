"""Phone numbers as people write them, read with libphonenumber, which alone would forgive too much.

libphonenumber drops a second number, an extension and the letters of `024110WIFE` without a word. So the characters of
an item are checked first, and only digits reach it.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    CountryCodeSource,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    ndd_prefix_for_region,
    number_type,
    parse,
    region_code_for_number,
)

E164_DIGITS = 15  # ITU-T E.164; some numbering plans in libphonenumber reach beyond it
MOST_DIGITS = E164_DIGITS + 9  # with an international prefix and a carrier's code in front

# What comes along when a number is pasted and cannot be seen: soft hyphen, Arabic letter mark, zero-width characters,
# direction marks and isolates, word joiner, byte order mark.
INVISIBLE = (
    "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_SEPARATORS = frozenset("()[]（）［］.．·\u2212")  # beside every blank and every dash (category Pd)
_PLUS = frozenset("+＋")
_MAIN_REGION = {str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
_HIDDEN = "…"
_NON_GEOGRAPHIC = "001"  # libphonenumber's region for +800, +883 and the like


class NumberCode(StrEnum):
    """Why an item is no number to send to."""

    NO_DIGITS = "no_digits"
    LETTER = "letter"
    SIGN = "sign"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    WRONG_LENGTH = "wrong_length"  # neither the shorter nor the longer form of that country
    LOCAL_ONLY = "local_only"  # dialled within one town only: its area code is missing
    NO_COUNTRY = "no_country"  # no country has this code
    AMBIGUOUS = "ambiguous"  # two readings, both good
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    PREMIUM_RATE = "premium_rate"
    SHARED_COST = "shared_cost"


class Tariff(StrEnum):
    """What a number's range costs whoever reaches it, by libphonenumber's number types."""

    ORDINARY = "ordinary"
    PREMIUM = "premium-rate"
    SHARED = "shared-cost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A number to send to.

    `e164` with `+`. `valid`: False if the length is right and the range is not known to libphonenumber (new ranges
    reach its tables late): ask a person first. `country`: ISO code, "" if the number belongs to no country. Where
    countries share a calling code, an invalid number counts as one of the largest (+44 as GB). `rate`: of a number
    that is not valid it is not known, and taken for ordinary.
    """

    e164: str
    valid: bool
    country: str
    rate: Tariff = Tariff.ORDINARY


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberProblem:
    """An item that is not taken, as it was typed, with what its sentence needs.

    `sign`: the character that is in the way (LETTER, SIGN). `readings`: both readings (AMBIGUOUS), or the one that was
    refused (COUNTRY_NOT_ALLOWED, PREMIUM_RATE, SHARED_COST). `country`: whose it is, where that one was refused; ""
    for a number of no country.
    """

    code: NumberCode
    item: str
    sign: str = ""
    readings: tuple[str, ...] = ()
    country: str = ""


_LENGTH_CODES = {
    ValidationResult.TOO_SHORT: NumberCode.TOO_SHORT,
    ValidationResult.TOO_LONG: NumberCode.TOO_LONG,
    ValidationResult.INVALID_LENGTH: NumberCode.WRONG_LENGTH,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberCode.LOCAL_ONLY,
}
_PARSE_CODES = {
    NumberParseException.INVALID_COUNTRY_CODE: NumberCode.NO_COUNTRY,
    NumberParseException.NOT_A_NUMBER: NumberCode.TOO_SHORT,  # only digits get there: a single one
    NumberParseException.TOO_SHORT_AFTER_IDD: NumberCode.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: NumberCode.TOO_SHORT,
    NumberParseException.TOO_LONG: NumberCode.TOO_LONG,
}


def is_region(code: str) -> bool:
    """Whether `code` is an ISO code, in capitals, of a country whose numbers can be read."""
    return code in SUPPORTED_REGIONS


def mask(e164: str) -> str:
    """`+2332…433`: the first 4 and the last 3 digits. At least 3 digits stay hidden, so a short number shows less.

    One that is masked already stays as it is.
    """
    if _HIDDEN in e164:
        return e164
    digits = e164.removeprefix("+")
    shown = max(0, min(4, len(digits) - 6))
    return f"+{digits[:shown]}{_HIDDEN}{digits[-3:]}"


_WHOLE = re.compile(r"[+＋]?\d(?:[^\w“”]{0,3}\d){6,}")
"""At least 7 digits, with signs between them as people write numbers; within quotes of ours."""


def hide_numbers(words: str) -> str:
    """`words` with every number of 7 digits and more as `mask` shows it, without a + where there was none."""

    def hidden(found: re.Match[str]) -> str:
        shown = mask("".join(filter(str.isdecimal, found[0])))
        return shown if found[0][0] in _PLUS else shown.removeprefix("+")

    return _WHOLE.sub(hidden, words)


_RATES = {PhoneNumberType.PREMIUM_RATE: Tariff.PREMIUM, PhoneNumberType.SHARED_COST: Tariff.SHARED}
_REFUSED_RATES = {Tariff.PREMIUM: NumberCode.PREMIUM_RATE, Tariff.SHARED: NumberCode.SHARED_COST}


def read_number(
    item: str, *, region: str, allowed_countries: frozenset[str], any_rate: bool = False
) -> Number | NumberProblem:
    """The one number that `item` means, or why there is none. Raises nothing, whatever the item.

    `region` reads national numbers (`GH`: `0241109433`). `allowed_countries` empty: all. `any_rate`: premium-rate and
    shared-cost numbers, too; a leaked account is used to send to these.
    """
    digits = _digits(item)
    if isinstance(digits, NumberProblem):
        return digits
    number = _read(item, digits, region)
    if isinstance(number, NumberProblem):
        return number
    refused = None if any_rate else _REFUSED_RATES.get(number.rate)
    if allowed_countries and number.country not in allowed_countries:
        refused = NumberCode.COUNTRY_NOT_ALLOWED
    if refused is not None:
        return NumberProblem(code=refused, item=item, readings=(number.e164,), country=number.country)
    return number


_plain = re.compile(r"\+?[0-9]+").fullmatch


def _digits(item: str) -> str | NumberProblem:
    """The item's digits in ASCII, after a `+` if it had one."""
    if not _plain(item):
        digits: list[str] = []
        for character in item:
            kept = _kept(character, first=not digits)
            if kept is None:
                letter = unicodedata.category(character)[0] in "LM"
                code = NumberCode.LETTER if letter else NumberCode.SIGN
                return NumberProblem(code=code, item=item, sign=character)
            if kept:
                digits.append(kept)
        read = "".join(digits)
    else:
        read = item
    count = len(read) - read.startswith("+")
    if not count:
        return NumberProblem(code=NumberCode.NO_DIGITS, item=item)
    if count > MOST_DIGITS:
        return NumberProblem(code=NumberCode.TOO_LONG, item=item)
    return read


def _kept(character: str, *, first: bool) -> str | None:
    """What stays of a character: its digit, a leading `+`, nothing; None if it has no place in a number."""
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    if character in _PLUS:
        return "+" if first else None
    if character in INVISIBLE or character in _SEPARATORS or character.isspace():
        return ""
    return "" if unicodedata.category(character) == "Pd" else None


def _read(item: str, digits: str, region: str) -> Number | NumberProblem:
    """`+`, `00` or the national prefix decides how digits are read; else both readings are tried.

    With `00` the region's own international prefix is tried too: where that is longer (Australia: 0011), the digits
    behind `00` would be another country's number.
    """
    if digits.startswith("+"):
        readings = [_international(digits[1:])]
    elif digits.startswith("00"):
        readings = [_international(digits[2:]), _dialled_abroad(digits, region)]
    elif digits.startswith(ndd_prefix_for_region(region, True) or "+"):
        readings = [_national(digits, region)]
    else:
        readings = [_international(digits), _national(digits, region)]
    numbers = {reading.e164: reading for reading in readings if isinstance(reading, Number)}
    best = [number for number in numbers.values() if number.valid] or list(numbers.values())
    if len(best) > 1:
        return NumberProblem(code=NumberCode.AMBIGUOUS, item=item, readings=tuple(number.e164 for number in best))
    if best:
        return best[0]
    codes = [reading for reading in readings if isinstance(reading, NumberCode)]
    return NumberProblem(code=codes[0] if digits.startswith("00") else codes[-1], item=item)


def _national(digits: str, region: str) -> Number | NumberCode:
    return _checked(lambda: parse(digits, region))


def _dialled_abroad(digits: str, region: str) -> Number | NumberCode:
    def parsed() -> PhoneNumber:
        number = parse(digits, region, keep_raw_input=True)
        if number.country_code_source != CountryCodeSource.FROM_NUMBER_WITH_IDD:
            raise NumberParseException(NumberParseException.INVALID_COUNTRY_CODE, "no international prefix")
        return number

    return _checked(parsed)


def _international(digits: str) -> Number | NumberCode:
    return _checked(lambda: _without_parsing(digits) or parse(f"+{digits}", None))


def _checked(parsed: Callable[[], PhoneNumber]) -> Number | NumberCode:
    try:
        number = parsed()
    except NumberParseException as error:
        return _PARSE_CODES[error.error_type]
    e164 = format_number(number, PhoneNumberFormat.E164)
    if len(e164) > 1 + E164_DIGITS:
        return NumberCode.TOO_LONG
    country = region_code_for_number(number) or ""
    kind = number_type(number)
    valid = kind != PhoneNumberType.UNKNOWN
    if not valid:
        length = is_possible_number_with_reason(number)
        if length != ValidationResult.IS_POSSIBLE:
            return _LENGTH_CODES[length]
        country = country or _MAIN_REGION[str(number.country_code)]
    country = "" if country == _NON_GEOGRAPHIC else country
    return Number(e164=e164, valid=valid, country=country, rate=_RATES.get(kind, Tariff.ORDINARY))


def _without_parsing(digits: str) -> PhoneNumber | None:
    """What libphonenumber's parser would give for `+` and these digits, where that needs no thought; else None.

    Parsing is three quarters of the cost of reading a number, and a list may hold ten thousand. Nothing is left to
    decide if no national prefix could stand behind the calling code, and no zero.
    """
    for size in (1, 2, 3):
        national = digits[size:]
        prefix = _prefix_matcher(digits[:size])
        if prefix is not None:
            if national[:1] in ("", "0") or len(national) > E164_DIGITS or prefix(national):
                return None
            return PhoneNumber(country_code=int(digits[:size]), national_number=int(national))
    return None


@lru_cache(maxsize=512)
def _prefix_matcher(calling_code: str) -> Callable[[str], object] | None:
    """What finds a national prefix in front of a number of that calling code; None if there is no such code."""
    region = _MAIN_REGION.get(calling_code)
    if region is None:
        return None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), region)
    prefix = metadata.national_prefix_for_parsing if metadata else None
    return re.compile(prefix).match if prefix else lambda national: None
