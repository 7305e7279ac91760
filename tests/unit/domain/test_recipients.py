import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.phone import INVISIBLE, Number, NumberCode, NumberProblem
from bridge.domain.recipients import (
    Names,
    Problems,
    Request,
    RequestCode,
    RequestProblem,
    no_oncall_file,
    parse,
    read_list,
)

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=200)

AMA = "+233241109433"
KOFI = "+233551234567"
ESI = "+233201234567"
PEOPLE = {
    "ama": (Number(e164=AMA, valid=True, country="GH"),),
    "db-team": (Number(e164=AMA, valid=True, country="GH"), Number(e164=KOFI, valid=True, country="GH")),
    "nobody": (),
}


def people(name: str) -> tuple[Number, ...] | RequestProblem:
    """An on-call file of three names."""
    return PEOPLE.get(name) or (
        () if name in PEOPLE else RequestProblem(code=RequestCode.UNKNOWN_NAME, item=f"@{name}")
    )


def sms(arguments: str, reply: str | None = None, *, region: str = "GH", allowed: str = "") -> Request | Problems:
    return parse(arguments, reply_text=reply, region=region, allowed_countries=frozenset(allowed.split()))


def taken(found: Request | Problems) -> tuple[list[str], str]:
    assert isinstance(found, Request), found
    return [number.e164 for number in found.numbers], found.text


def refused(found: Request | Problems) -> list[tuple[str, str]]:
    assert isinstance(found, Problems), found
    return [(problem.code, problem.item) for problem in found.problems]


def test_a_request_knows_the_countries_of_what_was_typed_and_not_of_names() -> None:
    found = parse(
        "@ama, +447820125799, +14155550123 hi",
        reply_text=None,
        region="GH",
        allowed_countries=frozenset(),
        names=people,
    )
    assert isinstance(found, Request)
    assert found.countries == ("GB", "US")
    assert sms("0241109433, 0551234567 hi").countries == ("GH",)  # type: ignore[union-attr]


def test_a_first_line_of_premium_rate_numbers_is_a_list() -> None:
    assert refused(sms("+44 901 234 5678\ntext")) == [(NumberCode.PREMIUM_RATE, "+44 901 234 5678")]


@pytest.mark.parametrize(
    ("arguments", "numbers", "text"),
    [
        # the first blank that touches no comma ends the list
        ("0241109433 server down", [AMA], "server down"),
        ("0241109433,0551234567 server down", [AMA, KOFI], "server down"),
        ("0241109433, 0551234567 server down", [AMA, KOFI], "server down"),
        ("0241109433 ,0551234567 server down", [AMA, KOFI], "server down"),
        ("0241109433  ,  0551234567   server  down", [AMA, KOFI], "server  down"),
        ("0241109433،0551234567，0201234567 server down", [AMA, KOFI, ESI], "server down"),
        ("0241109433\u00a0server down", [AMA], "server down"),
        ("0241109433\tserver down", [AMA], "server down"),
        ("024-110-9433 server down", [AMA], "server down"),
        ("(024)110.9433 server down", [AMA], "server down"),
        ("447820125799 server down", ["+447820125799"], "server down"),
        ("٠٢٤١١٠٩٤٣٣ الخادم متوقف", [AMA], "الخادم متوقف"),
        ("０２４１１０９４３３ down", [AMA], "down"),
        # blanks and line ends after the command
        ("  \n 0241109433 down", [AMA], "down"),
        ("\u200f\n0241109433 down", [AMA], "down"),
        # empty items
        (", 0241109433,,0551234567 down", [AMA, KOFI], "down"),
        ("0241109433,, 0551234567 down", [AMA, KOFI], "down"),
        # the first line as the list
        ("+233 24 110 9433, 055 123 4567\nserver down", [AMA, KOFI], "server down"),
        ("+233 (24) 110-9433\nserver down", [AMA], "server down"),
        ("0241109433\nserver down", [AMA], "server down"),
        ("0241109433 \r\n\r\n server down\nsince 3:00", [AMA], "server down\nsince 3:00"),
        ("024 110 9433\u2028server down", [AMA], "server down"),
        ("447700 900000\nserver down", ["+447700900000"], "server down"),
        # a line that is no list, or goes on
        ("0241109433 server\ndown", [AMA], "server\ndown"),
        ("0241109433,\n0551234567 server down", [AMA, KOFI], "server down"),
        ("0241109433,\u200f\n0551234567\nserver down", [AMA, KOFI], "server down"),
        # the text as typed
        ("0241109433 a  b\n\n\tc  ", [AMA], "a  b\n\n\tc"),
        ("0241109433 “quoted” – 🔥", [AMA], "“quoted” – 🔥"),
        ("\u202a+233241109433\u202c \u200fالخادم", [AMA], "\u200fالخادم"),
        ("0241109433\u200b server", [AMA], "server"),
        # a text that begins with what is no recipient
        ("0241109433 @ama please look", [AMA], "@ama please look"),
        ("0241109433 503 from the API", [AMA], "503 from the API"),
        ("0241109433 2024-01-15 backup failed", [AMA], "2024-01-15 backup failed"),
        ("0241109433 20240115 backup failed", [AMA], "20240115 backup failed"),
        ("0241109433 43971685 rows", [AMA], "43971685 rows"),
        ("0241109433 10.20.30.40 is down", [AMA], "10.20.30.40 is down"),
        ("0241109433 '0551234567' is wrong", [AMA], "'0551234567' is wrong"),
        ("0241109433 call 0551234567", [AMA], "call 0551234567"),
        ("0241109433 024110WIFE", [AMA], "024110WIFE"),
    ],
)
def test_recipients_and_text_are_told_apart(arguments: str, numbers: list[str], text: str) -> None:
    assert taken(sms(arguments)) == (numbers, text)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("0241109433 0551234567 text", "0551234567"),
        ("0241109433 0551234567", "0551234567"),
        ("0241109433 055-123-4567 text", "055-123-4567"),
        ("0241109433 0551234567, 0201234567 text", "0551234567"),
        ("0241109433, 0551234567 0201234567 text", "0201234567"),
        ("0241109433 +447820125799 text", "+447820125799"),
        ("0241109433 447700900000 text", "447700900000"),  # possible, and nothing else has 12 digits
        ("0241109433 ٠٥٥١٢٣٤٥٦٧ text", "٠٥٥١٢٣٤٥٦٧"),
        ("0241109433 4233662887 text", "4233662887"),
        ("0241109433 \u202a0551234567\u202c text", "\u202a0551234567\u202c"),
        ("0241109433\n0551234567\nserver down", "0551234567"),
        ("024 110 9433\n0551234567 server down", "0551234567"),
    ],
)
def test_a_text_that_begins_with_a_number_asks_for_a_comma(arguments: str, word: str) -> None:
    assert refused(sms(arguments)) == [(RequestCode.COMMA_MISSING, word)]


def test_a_number_of_a_country_that_is_not_allowed_asks_for_a_comma_too() -> None:
    assert refused(sms("0241109433 +447820125799 text", allowed="GH")) == [(RequestCode.COMMA_MISSING, "+447820125799")]


def test_two_good_readings_of_the_first_word_ask_for_a_comma() -> None:
    found = parse("+4930123456 4313714647 text", reply_text=None, region="DE", allowed_countries=frozenset())
    assert refused(found) == [(RequestCode.COMMA_MISSING, "4313714647")]


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        ("", [(RequestCode.NO_RECIPIENTS, "")]),
        (" \n ", [(RequestCode.NO_RECIPIENTS, "")]),
        (" , ،\n", [(RequestCode.NO_RECIPIENTS, "")]),
        ("0241109433", [(RequestCode.NO_TEXT, "")]),
        ("0241109433 \n ", [(RequestCode.NO_TEXT, "")]),
        ("0241109433 \u200b\ufeff", [(RequestCode.NO_TEXT, "")]),
        ("0241109433 \ud83d", [(RequestCode.UNSENDABLE_TEXT, "")]),
        ("0241109433 a\0b", [(RequestCode.UNSENDABLE_TEXT, "")]),
        ("024110WIFE text", [(NumberCode.LETTER, "024110WIFE")]),
        ("024110WIFE\ntext", [(NumberCode.LETTER, "024110WIFE")]),
        ("0241109433;0551234567 text", [(NumberCode.SIGN, "0241109433;0551234567")]),
        ("server down", [(NumberCode.LETTER, "server")]),
        ("server", [(NumberCode.LETTER, "server"), (RequestCode.NO_TEXT, "")]),
        ("0241109433, server down", [(NumberCode.LETTER, "server")]),
        (",0241109433,,0551234567, down", [(NumberCode.LETTER, "down"), (RequestCode.NO_TEXT, "")]),
        ("024110WIFE, 0551234567,12x,@kofi text", [
            (NumberCode.LETTER, "024110WIFE"), (NumberCode.LETTER, "12x"), (RequestCode.NO_ONCALL_FILE, "@kofi")
        ]),
        ("12x,12x, 12x text", [(NumberCode.LETTER, "12x")]),
        ("@ama text", [(RequestCode.NO_ONCALL_FILE, "@ama")]),
        ("＠ama\ntext", [(RequestCode.NO_ONCALL_FILE, "@ama")]),
        ("@ text", [(RequestCode.NO_ONCALL_FILE, "@")]),
        ("024110WIFE 0551234567 text", [
            (NumberCode.LETTER, "024110WIFE"), (RequestCode.COMMA_MISSING, "0551234567")
        ]),
        # rule 2 for a line that is no good list
        ("0241109433, three\nservers down", [(NumberCode.LETTER, "three")]),
        ("0241109433, three servers\ndown", [(NumberCode.LETTER, "three")]),
        # ... and the bad item of a line that was meant to be one, rather than the place where a blank cut it
        ("+233 24 110 9433, 024110WIFE\ntext", [(NumberCode.LETTER, "024110WIFE")]),
        ("+233 24 110 9433, @kofi\ntext", [(RequestCode.NO_ONCALL_FILE, "@kofi")]),
        ("+233 24 110 9433, 024 110\n 5 servers", [(NumberCode.TOO_SHORT, "024 110")]),
        # a blank in a number
        ("+233 24 110 9433 text", [(RequestCode.BLANK_IN_NUMBER, "+233")]),
        ("+233 241109433 text", [(RequestCode.BLANK_IN_NUMBER, "+233")]),
        ("+233 (24) 110 9433", [(RequestCode.BLANK_IN_NUMBER, "+233")]),
        ("024 110 9433 text", [(RequestCode.BLANK_IN_NUMBER, "024")]),
        ("+233, 024110WIFE, +233 24 text", [
            (RequestCode.BLANK_IN_NUMBER, "+233"), (NumberCode.LETTER, "024110WIFE")
        ]),
        ("112 0551234567 text", [(NumberCode.TOO_SHORT, "112"), (RequestCode.COMMA_MISSING, "0551234567")]),
        ("112 is not a number", [(NumberCode.TOO_SHORT, "112")]),
    ],
)  # fmt: skip
def test_every_bad_item_is_named_and_nothing_is_sent(arguments: str, problems: list[tuple[str, str]]) -> None:
    assert refused(sms(arguments)) == problems


def test_a_number_with_two_readings_stops_the_request_and_shows_both() -> None:
    ambiguous = NumberProblem(code=NumberCode.AMBIGUOUS, item="252888742", readings=("+252888742", "+233252888742"))
    assert sms("0241109433,252888742 text") == Problems(problems=(ambiguous,))


def test_a_country_that_is_not_allowed_is_named_even_where_the_number_holds_blanks() -> None:
    assert refused(sms("+44 7820 125799\ntext", allowed="GH")) == [(NumberCode.COUNTRY_NOT_ALLOWED, "+44 7820 125799")]
    assert taken(sms("+44 7820 125799\ntext", allowed="GH GB")) == (["+447820125799"], "text")


def test_doubles_are_dropped_and_named() -> None:
    found = sms("0241109433, +233241109433,0551234567,00233241109433 text")
    assert taken(found) == ([AMA, KOFI], "text")
    assert isinstance(found, Request)
    assert found.doubles == (AMA, AMA)


def test_a_possible_number_is_marked_as_unverified() -> None:
    found = sms("0241109433,447700900000 text")
    assert isinstance(found, Request)
    assert found.unverified == (Number(e164="+447700900000", valid=False, country="GB"),)


@pytest.mark.parametrize(
    ("arguments", "reply", "text", "relayed"),
    [
        ("0241109433", "disk full on db1", "disk full on db1", True),
        ("0241109433 \n", " disk full\n on db1\n", "disk full\n on db1", True),
        ("0241109433 look at this", "disk full on db1", "look at this", False),
        ("0241109433 \u200b", "disk full", "disk full", True),
        ("0241109433", "0551234567 is my number", "0551234567 is my number", True),
    ],
)
def test_a_reply_relays_the_message_unless_a_text_is_typed(
    arguments: str, reply: str, text: str, relayed: bool
) -> None:
    found = sms(arguments, reply)
    assert taken(found) == ([AMA], text)
    assert isinstance(found, Request)
    assert found.relayed is relayed


@pytest.mark.parametrize(
    ("arguments", "reply", "problems"),
    [
        ("0241109433", "", [(RequestCode.NO_TEXT, "")]),
        ("0241109433", " \n", [(RequestCode.NO_TEXT, "")]),
        ("", "disk full", [(RequestCode.NO_RECIPIENTS, "")]),
        ("0241109433", "a\udc00", [(RequestCode.UNSENDABLE_TEXT, "")]),
        ("024110WIFE", "disk full", [(NumberCode.LETTER, "024110WIFE")]),
        ("0241109433 0551234567", "disk full", [(RequestCode.COMMA_MISSING, "0551234567")]),
    ],
)
def test_a_reply_is_refused_like_any_other(arguments: str, reply: str, problems: list[tuple[str, str]]) -> None:
    assert refused(sms(arguments, reply)) == problems


def with_people(arguments: str) -> Request | Problems:
    return parse(arguments, reply_text=None, region="GH", allowed_countries=frozenset(), names=people)


def test_a_name_stands_for_its_numbers() -> None:
    assert taken(with_people("@ama, 0551234567 text")) == ([AMA, KOFI], "text")
    assert taken(with_people("@db-team\ntext")) == ([AMA, KOFI], "text")
    found = with_people("@ama,@db-team text")
    assert taken(found) == ([AMA, KOFI], "text")
    assert isinstance(found, Request)
    assert found.doubles == (AMA,)


def test_a_name_that_stands_for_nobody_leaves_no_recipient() -> None:
    assert refused(with_people("@nobody text")) == [(RequestCode.NO_RECIPIENTS, "")]


def test_a_text_that_begins_with_a_known_name_asks_for_a_comma() -> None:
    assert refused(with_people("@ama @db-team text")) == [(RequestCode.COMMA_MISSING, "@db-team")]
    assert refused(with_people("0241109433 @ama, look")) == [(RequestCode.COMMA_MISSING, "@ama")]
    assert taken(with_people("0241109433 @efua, look")) == ([AMA], "@efua, look")


def test_an_unknown_name_is_a_bad_item() -> None:
    assert refused(with_people("@ama,@efua text")) == [(RequestCode.UNKNOWN_NAME, "@efua")]


def test_a_line_s_problem_without_an_item_does_no_harm() -> None:
    def odd(name: str) -> RequestProblem:
        return RequestProblem(code=RequestCode.UNKNOWN_NAME)

    found = parse("0241109433, @x\ntext", reply_text=None, region="GH", allowed_countries=frozenset(), names=odd)
    assert refused(found) == [(RequestCode.UNKNOWN_NAME, "")]


def test_a_known_name_with_nobody_behind_it_is_a_bad_item_and_no_word_of_the_text() -> None:
    def nobody(name: str) -> RequestProblem:
        return RequestProblem(code=RequestCode.NOBODY, item=f"@{name}")

    def ask(arguments: str) -> Request | Problems:
        return parse(arguments, reply_text=None, region="GH", allowed_countries=frozenset(), names=nobody)

    assert refused(ask("@primary text")) == [(RequestCode.NOBODY, "@primary")]
    assert refused(ask("0241109433 @primary text")) == [(RequestCode.COMMA_MISSING, "@primary")]


def listed(items: list[str], text: str = "text") -> Request | Problems:
    return read_list(items, text=text, region="GH", allowed_countries=frozenset())


@pytest.mark.parametrize(
    "items",
    [
        ["0241109433", "0551234567"],
        ["0241109433,0551234567"],
        ["+233 24 110 9433, 055 123 4567"],
        ["0241109433\n0551234567\n"],
        ["", " 0241109433 ", ",", "00233551234567"],
    ],
)
def test_a_list_may_come_in_pieces_or_as_one_string(items: list[str]) -> None:
    assert taken(listed(items)) == ([AMA, KOFI], "text")


def test_the_text_beside_a_list_is_kept_as_it_is() -> None:
    assert taken(listed([AMA], " 0551234567 \n")) == ([AMA], " 0551234567 \n")


@pytest.mark.parametrize(
    ("items", "text", "problems"),
    [
        ([], "text", [(RequestCode.NO_RECIPIENTS, "")]),
        (["", ","], "text", [(RequestCode.NO_RECIPIENTS, "")]),
        ([AMA], " \n", [(RequestCode.NO_TEXT, "")]),
        ([AMA], "", [(RequestCode.NO_TEXT, "")]),
        ([AMA], "\ud800", [(RequestCode.UNSENDABLE_TEXT, "")]),
        (["+233", "12x", "@ama"], "", [
            (NumberCode.TOO_SHORT, "+233"), (NumberCode.LETTER, "12x"),
            (RequestCode.NO_ONCALL_FILE, "@ama"), (RequestCode.NO_TEXT, "")
        ]),
        (["0241109433 0551234567"], "text", [(NumberCode.TOO_LONG, "0241109433 0551234567")]),
    ],
)  # fmt: skip
def test_a_list_is_refused_with_every_bad_item(items: list[str], text: str, problems: list[tuple[str, str]]) -> None:
    assert refused(listed(items, text)) == problems


def test_ten_thousand_numbers_are_taken_with_their_doubles() -> None:
    items = [f"+23324{number:07}" for number in range(1_000_000, 1_010_000)]
    found = listed([*items, *items])
    assert isinstance(found, Request)
    assert [number.e164 for number in found.numbers] == items
    assert list(found.doubles) == items


def test_every_blank_is_taken_off_an_item() -> None:
    for blank in (chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace()):
        assert taken(listed([f"{blank}{AMA}{blank}"])) == ([AMA], "text")
        assert refused(sms(blank)) == [(RequestCode.NO_RECIPIENTS, "")]
        assert refused(listed([AMA], blank)) == [(RequestCode.NO_TEXT, "")]


PIECE = st.sampled_from(
    [
        *("0241109433", "+233 24 110 9433", "0551234567", "447700900000", "252888742", "024110WIFE", "+44", "24", "+"),
        *("@ama", "@", "@db-team", "server", "down…", "🔥", ";", "(", "\ud800", "\0", *INVISIBLE),
        *(",", "،", "，", " ", " ", "\n", "\r\n", "\u00a0", "\u2028"),
    ]
)
TYPED = st.one_of(st.lists(PIECE, max_size=12).map("".join), st.text(max_size=60))


@REPEATABLE
@given(TYPED, st.none() | TYPED, st.sampled_from([no_oncall_file, people]), st.sampled_from(["", "GH", "GB"]))
def test_any_command_gives_a_request_or_problems(typed: str, reply: str | None, names: Names, allowed: str) -> None:
    found = parse(typed, reply_text=reply, region="GH", allowed_countries=frozenset(allowed.split()), names=names)
    if isinstance(found, Problems):
        assert found.problems
        return
    e164s = [number.e164 for number in found.numbers]
    assert e164s
    assert len(set(e164s)) == len(e164s)
    assert set(found.doubles) <= set(e164s)
    assert found.text.strip() == found.text != ""
    assert found.text in (reply if found.relayed and reply is not None else typed)
    assert found.text.encode("utf-16-be")


WAYS = {AMA: ["+233241109433", "0241109433", "(024)110-9433", "٠٢٤١١٠٩٤٣٣"], KOFI: ["0551234567", "00233551234567"]}
WAYS_WITH_BLANKS = {AMA: [*WAYS[AMA], "+233 24 110 9433"], KOFI: [*WAYS[KOFI], "055\u00a0123 4567"]}
COMMA = st.sampled_from([",", "،", "，", ", ", " , ", ",\u200f "])
PROSE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).map("x{}".format)


@REPEATABLE
@given(st.lists(st.sampled_from([AMA, KOFI]), min_size=1, max_size=5), PROSE, st.booleans(), st.data())
def test_what_is_written_by_the_rules_is_read_as_meant(
    meant: list[str], text: str, first_line: bool, data: st.DataObject
) -> None:
    ways, gap = (WAYS_WITH_BLANKS, "\n") if first_line else (WAYS, " ")
    written = data.draw(st.sampled_from(ways[meant[0]]))
    for number in meant[1:]:
        written += data.draw(COMMA) + data.draw(st.sampled_from(ways[number]))
    found = sms(written + gap + text)
    assert taken(found) == (list(dict.fromkeys(meant)), text.strip())
    assert isinstance(found, Request)
    assert len(found.doubles) == len(meant) - len(found.numbers)


@REPEATABLE
@given(st.lists(TYPED, max_size=6), TYPED)
def test_any_list_gives_a_request_or_problems(items: list[str], text: str) -> None:
    found = listed(items, text)
    if isinstance(found, Request):
        assert found.text == text
        assert not found.relayed
    else:
        assert found.problems


@pytest.mark.parametrize("unit", ["1,", "\u200f", " ", "\u200b ", "+233 ", "a,", "24 ", "@a,", "(", "\n", ", "])
def test_a_command_as_long_as_telegram_allows_is_answered(unit: str) -> None:
    arguments = (unit * 4096)[:4096]
    assert isinstance(sms(arguments), Problems)
    assert isinstance(sms(f"{arguments}\n{arguments}"), Problems)
