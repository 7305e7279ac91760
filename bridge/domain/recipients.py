"""Who gets which text: what stands after `/sms`, and the recipients of the HTTP API and the command line.

Everything is read before anything is refused, so that one answer names every bad item.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bridge.domain.phone import INVISIBLE, Number, NumberCode, NumberProblem, read_number


class RequestCode(StrEnum):
    """Why a request cannot be taken, beside what is wrong with a number."""

    NO_RECIPIENTS = "no_recipients"
    NO_TEXT = "no_text"
    UNSENDABLE_TEXT = "unsendable_text"  # a lone surrogate or NUL: no SMS and no database can hold it
    COMMA_MISSING = "comma_missing"  # the text begins with what could be one more recipient
    BLANK_IN_NUMBER = "blank_in_number"  # the list ended in the middle of a number
    NO_ONCALL_FILE = "no_oncall_file"
    UNKNOWN_NAME = "unknown_name"
    NOBODY = "nobody"  # a known name, and no number: nobody of it has a phone, or nobody is on call


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestProblem:
    """What is wrong, and the item or word that it is about ("" where it is about none), as it was typed."""

    code: RequestCode
    item: str = ""


Problem = NumberProblem | RequestProblem

Names = Callable[[str], tuple[Number, ...] | RequestProblem]
"""Who `ama` (of `@ama`) is: one number for each person, or UNKNOWN_NAME, NOBODY, NO_ONCALL_FILE. Raises nothing."""


def no_oncall_file(name: str) -> RequestProblem:
    """The `Names` of a service that has no on-call file: nobody is known."""
    return RequestProblem(code=RequestCode.NO_ONCALL_FILE, item=f"@{name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A text and who gets it: at least one number, none twice, in the order typed.

    `countries`: of the numbers that were typed; for those of the on-call file its admin vouches.
    `doubles`: the E.164 form of each number that was dropped because it was there already. `relayed`: the text is that
    of the message replied to.
    """

    numbers: tuple[Number, ...]
    text: str
    doubles: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    relayed: bool = False

    @property
    def unverified(self) -> tuple[Number, ...]:
        """The numbers that are possible and not valid: a person is asked before anything is sent."""
        return tuple(number for number in self.numbers if not number.valid)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problems:
    """Nothing is sent: every problem, in the order of the request, each bad item once."""

    problems: tuple[Problem, ...]


def parse(
    arguments: str,
    *,
    reply_text: str | None,
    region: str,
    allowed_countries: frozenset[str],
    names: Names = no_oncall_file,
) -> Request | Problems:
    """What `/sms` means, given all that stands behind the command. Raises nothing, whatever is typed.

    1. If there is a line end and the whole first line is a list of good items, that is the list. A line that ends in a
       comma goes on in the next, so it is not whole.
    2. Otherwise the first blank (or line end) that touches no comma ends the list. Empty items are passed over.
    3. If the first word of the text is itself a good number or a known name, nothing is sent.

    The text is what remains, without the blanks around it. Without any, it is `reply_text` (None: not a reply).
    """
    read = _Reader(region=region, allowed_countries=allowed_countries, names=names)
    listed, typed = _list_and_text(arguments, read)
    listed = replace(listed, problems=_with_first_word(listed, _first_word(typed), read))
    if _is_blank(typed) and reply_text is not None:
        return _request(listed, reply_text.strip(), relayed=True)
    return _request(listed, typed, relayed=False)


def read_list(
    items: Sequence[str],
    *,
    text: str,
    region: str,
    allowed_countries: frozenset[str],
    names: Names = no_oncall_file,
) -> Request | Problems:
    """The request of a caller who gives recipients and text apart. Raises nothing, whatever is given.

    Each of `items` may itself be a list with commas or line ends; its numbers may hold blanks. `text` is kept as it is.
    """
    read = _Reader(region=region, allowed_countries=allowed_countries, names=names)
    return _request(read.items(piece for item in items for piece in _item_end.split(item)), text, relayed=False)


_COMMAS = ",،，"
_NAME_SIGNS = "@＠"
_LINE_ENDS = "\n\r\v\f\x85\u2028\u2029"
_AROUND = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    f"\u2028\u2029\u202f\u205f\u3000{INVISIBLE}"
)
_item_end = re.compile(f"[{_COMMAS}{_LINE_ENDS}]")
_comma = re.compile(f"[{_COMMAS}]")
_line_end = re.compile(f"[{_LINE_ENDS}]")
_gap = re.compile(rf"[\s{INVISIBLE}{_COMMAS}]+")
_word_end = re.compile(rf"[\s{_COMMAS}]")
_blank = re.compile(r"\s")
_unsendable = re.compile("[\ud800-\udfff\0]")
_plain_number = re.compile(r"\+?\d{10,}")
_BRACKETS = "(（[［"
_ITEM_STARTS = f"+＋@＠{_BRACKETS}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listed:
    """What a list of items came to."""

    numbers: tuple[Number, ...] = ()
    doubles: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unfinished: str = ""  # the last item, if it is a number that something is missing from


_UNFINISHED = frozenset({NumberCode.TOO_SHORT, NumberCode.WRONG_LENGTH, NumberCode.LOCAL_ONLY})
_REFUSED_NUMBER = frozenset(
    {NumberCode.AMBIGUOUS, NumberCode.COUNTRY_NOT_ALLOWED, NumberCode.PREMIUM_RATE, NumberCode.SHARED_COST}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """Reads items for one request; an item that comes again is not read again."""

    region: str
    allowed_countries: frozenset[str]
    names: Names
    known: dict[str, tuple[Number, ...] | Problem] = field(default_factory=dict)

    def item(self, item: str) -> tuple[Number, ...] | Problem:
        found = self.known.get(item)
        if found is None:
            if item[0] in _NAME_SIGNS:
                found = self.names(item[1:])
            else:
                number = read_number(item, region=self.region, allowed_countries=self.allowed_countries)
                found = number if isinstance(number, NumberProblem) else (number,)
            self.known[item] = found
        return found

    def items(self, pieces: Iterable[str]) -> _Listed:
        numbers: dict[str, Number] = {}
        doubles: list[str] = []
        countries: set[str] = set()
        problems: dict[str, Problem] = {}
        unfinished = ""
        for item in map(_tidy, pieces):
            if not item:
                continue
            found = self.item(item)
            unfinished = item if isinstance(found, NumberProblem) and found.code in _UNFINISHED else ""
            if not isinstance(found, tuple):
                problems[item] = found
                continue
            for number in found:
                if number.e164 in numbers:
                    doubles.append(number.e164)
                numbers.setdefault(number.e164, number)
                if item[0] not in _NAME_SIGNS:
                    countries.add(number.country)
        return _Listed(
            numbers=tuple(numbers.values()),
            doubles=tuple(doubles),
            countries=tuple(sorted(countries)),
            problems=tuple(problems.values()),
            unfinished=unfinished,
        )

    def is_recipient(self, word: str) -> bool:
        """Whether a word of the text reads as one more recipient, whatever country is allowed.

        Dates, addresses and counters are often possible numbers somewhere. So a number that is not valid counts only
        where it has 10 digits or more and no other signs.
        """
        word = _tidy(word)
        if not word:
            return False
        if word[0] in _NAME_SIGNS:
            found = self.names(word[1:])
            return isinstance(found, tuple) or found.code is RequestCode.NOBODY
        number = self._any_number(word)
        if isinstance(number, NumberProblem) and number.code is NumberCode.AMBIGUOUS:
            number = self._any_number(number.readings[0])
        if isinstance(number, NumberProblem):
            return False
        return number.valid or _plain_number.fullmatch(word) is not None

    def _any_number(self, item: str) -> Number | NumberProblem:
        return read_number(item, region=self.region, allowed_countries=frozenset(), any_rate=True)


def _list_and_text(arguments: str, read: _Reader) -> tuple[_Listed, str]:
    arguments = arguments.lstrip(_AROUND)
    line_end = _line_end.search(arguments)
    line = _tidy(arguments[: line_end.start()]) if line_end else ""
    whole, rest = _Listed(), ""
    if line_end and line and line[-1] not in _COMMAS:
        whole, rest = read.items(_comma.split(line)), arguments[line_end.end() :].strip()
        if not whole.problems:
            return whole, rest
    end = _end_of_list(arguments)
    listed = read.items(_comma.split(arguments[:end]))
    if listed.problems and _meant_as_list(whole):
        # Both readings fail. A bad number among good ones on a line is what to name, not where a blank cut the line.
        return replace(whole, unfinished=""), rest
    return listed, arguments[end:].lstrip(INVISIBLE).strip()


def _meant_as_list(line: _Listed) -> bool:
    """Whether a line that is no good list was meant to be one: it holds a number, and every bad item begins as one."""
    number = bool(line.numbers) or any(problem.code in _REFUSED_NUMBER for problem in line.problems)
    starts = [problem.item[:1] for problem in line.problems]
    return number and all(start.isdecimal() or start in _ITEM_STARTS for start in starts)


def _end_of_list(arguments: str) -> int:
    """Where the first blank stands that touches no comma. Marks that nobody sees do not keep the two apart."""
    for gap in _gap.finditer(arguments):
        if _comma.search(gap[0]) is None and _blank.search(gap[0]) is not None:
            return gap.start()
    return len(arguments)


def _with_first_word(listed: _Listed, word: str, read: _Reader) -> tuple[Problem, ...]:
    """The list's problems, and what the first word of the text says about the list: it may belong to it."""
    recipient = read.is_recipient(word)
    goes_on = listed.unfinished and word.lstrip(_BRACKETS)[:1].isdecimal()
    if goes_on and (not recipient or read.is_recipient(listed.unfinished + word)):
        cut = RequestProblem(code=RequestCode.BLANK_IN_NUMBER, item=listed.unfinished)
        return tuple(cut if problem.item == cut.item else problem for problem in listed.problems)
    if recipient:
        return (*listed.problems, RequestProblem(code=RequestCode.COMMA_MISSING, item=word))
    return listed.problems


def _request(listed: _Listed, text: str, *, relayed: bool) -> Request | Problems:
    problems = list(listed.problems)
    if not listed.numbers and not problems:
        return Problems(problems=(RequestProblem(code=RequestCode.NO_RECIPIENTS),))
    if _is_blank(text):
        problems.append(RequestProblem(code=RequestCode.NO_TEXT))
    if _unsendable.search(text):
        problems.append(RequestProblem(code=RequestCode.UNSENDABLE_TEXT))
    if problems:
        return Problems(problems=tuple(problems))
    return Request(
        numbers=listed.numbers, text=text, doubles=listed.doubles, countries=listed.countries, relayed=relayed
    )


def _tidy(item: str) -> str:
    """An item without the blanks and unseen marks around it."""
    return item.strip(_AROUND)


def _is_blank(text: str) -> bool:
    return not _tidy(text)


def _first_word(text: str) -> str:
    return _word_end.split(text, maxsplit=1)[0]
