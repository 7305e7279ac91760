import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.outcome import NotSent, Reason, Rejected, Unknown
from bridge.gateways.described.description import Description
from bridge.gateways.described.file import GatewaysFileError, read
from bridge.gateways.described.rules import OUTCOMES, Rule
from bridge.gateways.described.template import Slot
from tests.gateways.examples import example, names

VALUES = {"SID": "AC 1/2", "TOKEN": "t0ken&more", "SHORT": "abc", "BASE": "https://sms.example.org:8443/api"}
FILLING = {slot: f"<{slot}>" for slot in Slot}

GOOD = """\
[gateways.ours]
url = "https://sms.example.org/send"
form = { to = "{number}", text = "{text}" }
rules = [{ http = 200, outcome = "accepted" }]
"""


def with_rule(rule: str) -> str:
    """The good one, with this rule before its own."""
    return GOOD.replace("rules = [", f"rules = [{rule}, ")


def gateway(more: str = "", *, text: str = GOOD, **values: str) -> Description:
    return read(text + more, values={**VALUES, **values}, used=["ours"])["ours"]


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(GatewaysFileError) as caught:
        read(text, values=VALUES, used=["ours"], reserved=["textlocal"])
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def test_the_least_that_is_needed_and_what_it_stands_for() -> None:
    found = gateway()

    assert (found.name, found.url, found.method) == ("ours", "https://sms.example.org/send", "POST")
    assert (found.batch, found.plus, found.unicode, found.countries) == (1, True, ("false", "true"), frozenset())
    assert found.form is not None
    assert {name: one.fill(FILLING) for name, one in found.form.items()} == {"to": "<number>", "text": "<text>"}
    assert found.rules == (Rule(statuses=frozenset({200}), outcome=OUTCOMES["accepted"]),)
    assert (found.rate, found.low_balance, found.tells_balance) == (0, 0, False)
    assert (found.json, found.each, dict(found.headers), dict(found.query)) == (None, None, {}, {})


@pytest.mark.parametrize("name", names())
def test_the_examples_of_the_page_are_right(name: str) -> None:
    assert read(example(name), values={}, used=[])[name].name == name
    unset = set(re.findall(r"\$\{(\w+)\}", example(name)))
    with pytest.raises(GatewaysFileError) as caught:
        read(example(name), values={}, used=[name])
    assert {variable for variable in unset if variable in str(caught.value)} == unset


def test_every_key_is_read() -> None:
    found = read(
        """
        [gateways.ours]
        url = "https://sms.example.org/${SID}/send"
        method = "put"
        sender = "${TOKEN}"
        plus = false
        unicode = ["plain", "ucs2"]
        batch = 7
        rate = 2.5
        low_balance = 5
        countries = ["gh", "NG"]
        basic_auth = ["${SID}", "${TOKEN}"]
        answer = { id = "a.0", code = "b.*", error = "c", detail = "d", balance = "e" }
        [gateways.ours.headers]
        X-Id = "{id}"
        X-From = "{sender}"
        X-Number = 5
        [gateways.ours.query]
        v = 2
        strict = true
        [gateways.ours.json]
        to = ["{number}"]
        text = "{text}"
        nested = { a = [1, 2.5, false, "${TOKEN}"] }
        [gateways.ours.each]
        list = "messages"
        number = "to"
        answer = { id = "id" }
        left_out = { outcome = "not_sent", reason = "busy" }
        rules = [{ http = "2xx", json = "status", is = ["~ok.*", 0], outcome = "accepted" }]
        """,
        values=VALUES,
        used=["ours"],
    )["ours"]

    assert found.url == "https://sms.example.org/AC%201%2F2/send"
    assert (found.method, found.sender, found.plus, found.unicode) == ("PUT", "t0ken&more", False, ("plain", "ucs2"))
    assert (found.low_balance, found.tells_balance) == (5, True)
    assert (found.batch, found.rate, found.countries) == (7, 2.5, frozenset({"GH", "NG"}))
    coded = base64.b64encode(b"AC 1/2:t0ken&more").decode()
    assert {name: one.fill(FILLING) for name, one in found.headers.items()} == {
        "X-Id": "<id>",
        "X-From": "<sender>",
        "X-Number": "5",
        "Authorization": f"Basic {coded}",
    }
    assert {name: one.fill(FILLING) for name, one in found.query.items()} == {"v": "2", "strict": "true"}
    assert found.shown.code == ("b", "*")
    assert set(found.secrets) == {"AC 1/2", "t0ken&more", coded}
    assert found.each is not None
    assert (found.each.path, found.each.number, found.each.shown.id) == (("messages",), ("to",), ("id",))
    assert found.each.left_out == NotSent(reason=Reason.BUSY)
    rule = found.each.rules[0]
    assert rule.statuses == frozenset(range(200, 300))
    assert rule.values == (re.compile("ok.*"), frozenset({"0"}))


def test_who_is_left_out_is_unknown_unless_the_file_says_more() -> None:
    found = gateway('[gateways.ours.each]\nlist = "*"\nnumber = "to"\nrules = [{ http = 200, outcome = "accepted" }]\n')

    assert found.each is not None
    assert found.each.left_out == Unknown(reason=Reason.NOT_LISTED)


@pytest.mark.parametrize("each", [True, False])
def test_the_balance_may_stand_in_the_whole_answer_or_in_each_element(each: bool) -> None:
    answer = 'answer = { balance = "left" }\n'
    lists = GOOD + EACH + f"rules = [{RULE}]\n" + (answer if each else "")
    found = gateway(
        text=(lists if each else lists.replace("rules =", f"{answer}rules =", 1)).replace(
            "form", "low_balance = 1.5\nform"
        )
    )

    assert (found.tells_balance, found.low_balance) == (True, 1.5)


@pytest.mark.parametrize(
    ("http", "statuses"), [("200", {200}), ('"4XX"', set(range(400, 500))), ('[200, "5xx"]', {200, *range(500, 600)})]
)
def test_statuses_are_numbers_families_or_lists(http: str, statuses: set[int]) -> None:
    found = gateway(text=GOOD.replace("http = 200", f"http = {http}"))

    assert found.rules[0].statuses == statuses


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items())
def test_an_outcome_has_the_first_reason_unless_another_is_given(name: str, outcome: Any) -> None:
    assert gateway(text=with_rule(f'{{ http = 500, outcome = "{name}" }}')).rules[0].outcome == outcome


def test_a_reason_is_taken() -> None:
    found = gateway(text=with_rule('{ http = 500, outcome = "rejected", reason = "bad_number" }'))

    assert found.rules[0].outcome == Rejected(reason=Reason.BAD_NUMBER)


def test_a_value_at_the_beginning_of_the_address_is_taken_as_it_is() -> None:
    found = gateway(text=GOOD.replace("https://sms.example.org/send", "${BASE}/${SID}/${BASE}"))

    assert found.url == ("https://sms.example.org:8443/api/AC%201%2F2/https%3A%2F%2Fsms.example.org%3A8443%2Fapi")


def test_what_is_short_is_no_secret_that_could_be_blanked() -> None:
    assert gateway(text=GOOD.replace("{text}", "{text}${SHORT}${TOKEN}")).secrets == ("t0ken&more",)


def test_nothing_secret_shows() -> None:
    found = gateway(text=GOOD.replace("/send", "/${TOKEN}").replace("{text}", "{text}${SID}"))

    assert not [value for value in VALUES.values() if value in f"{found!r}" or value in str(found)]


def test_a_gateway_that_is_not_used_needs_no_values() -> None:
    text = GOOD.replace("https://sms.example.org", "${NOT_SET}").replace("{text}", "{text}${NOT_SET}")

    found = read(text, values=VALUES, used=[])["ours"]

    assert found.secrets == ()
    with pytest.raises(GatewaysFileError) as caught:
        read(text, values=VALUES, used=["ours"])
    assert caught.value.problems == (
        "line 2: gateways.ours.url needs ${NOT_SET}, which is not set",
        "line 3: gateways.ours.form.text needs ${NOT_SET}, which is not set",
    )


def test_a_misspelt_value_is_shown_the_nearest_right_one() -> None:
    with pytest.raises(GatewaysFileError) as caught:
        read(GOOD.replace("{text}", "{text}${TOKN}"), values=VALUES, names={"TOTAL", *VALUES}, used=["ours"])
    assert caught.value.problems == (
        "line 3: gateways.ours.form.text needs ${TOKN}, which is not set; is TOKEN meant?",
    )


LINE = {"url": 2, "form": 3, "rules": 4}


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def more(line: str) -> str:
    return GOOD.replace("rules =", f"{line}\nrules =")


URL = '"https://sms.example.org/send"'
RULE = '{ http = 200, outcome = "accepted" }'
EACH = '[gateways.ours.each]\nlist = "l"\nnumber = "n"\n'

MISTAKES = [
    ("", "line 1: lacks gateways"),
    ("gateways = 1", "line 1: gateways must be a table"),
    ("[gateways]\nours = 1", "line 2: gateways.ours must be a table"),
    ("x = 1\n" + GOOD, "line 1: x is not known here"),
    ("[gateways.ours", "line 1"),
    (changed("[gateways.ours]", "[gateways.Ours]"), "line 1: gateways.Ours cannot have this name"),
    (changed("[gateways.ours]", "[gateways.textlocal]"), "line 1: gateways.textlocal cannot have this name"),
    (changed(f"url = {URL}\n", ""), "line 1: gateways.ours lacks url"),
    (changed(URL, "7"), "line 2: gateways.ours.url must be text"),
    (changed(URL, '"sms.example.org/send"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"ftp://sms.example.org/"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"https://[::1"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"https://x.org:0/"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"https://x.org:99999/"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"https://x.org/#a"'), "line 2: gateways.ours.url must be an address"),
    (changed(URL, '"https://x.org/{text}"'), "line 2: gateways.ours.url cannot hold {text}; placeholders here: none"),
    (more('method = "DELETE"'), "line 4: gateways.ours.method must be one of POST, GET, PUT"),
    (more('method = "get"'), "line 3: gateways.ours.form cannot have a body"),
    (more('json = { a = "{text}{number}" }'), "line 4: gateways.ours.json has two bodies"),
    (more("batch = 0"), "line 4: gateways.ours.batch must be from 1 to 1000"),
    (more("batch = 1001"), "line 4: gateways.ours.batch must be from 1 to 1000"),
    (more("batch = 2"), "line 4: gateways.ours.batch must be 1 where {number} stands outside of a list"),
    (more('plus = "no"'), "line 4: gateways.ours.plus must be true or false"),
    (more('unicode = ["yes"]'), "line 4: gateways.ours.unicode must be two words"),
    (more('countries = ["GH", "Ghana"]'), 'line 4: gateways.ours.countries[2] is "Ghana": no ISO country code'),
    (more('sendr = "x"'), "line 4: gateways.ours.sendr is not known here; is sender meant?"),
    (more('sender = "{id}"'), "line 4: gateways.ours.sender cannot hold {id}"),
    (more('headers = { Host = "x" }'), "line 4: gateways.ours.headers.Host is for bridge to set"),
    (more('headers = { "a b" = "x" }'), "line 4: gateways.ours.headers.a b is no name of a header"),
    (more('headers = { A = "caf\u00e9" }'), "line 4: gateways.ours.headers.A must be one line of ASCII"),
    (more('headers = { A = "a\\nb" }'), "line 4: gateways.ours.headers.A must be one line of ASCII"),
    (more('headers = { A = "{text}" }'), "line 4: gateways.ours.headers.A cannot hold {text}"),
    (more("headers = { A = [] }"), "line 4: gateways.ours.headers.A must be text in quotes"),
    (more('basic_auth = ["only"]'), "line 4: gateways.ours.basic_auth must be a name and a password"),
    (more('basic_auth = ["a:b", "c"]'), "line 4: gateways.ours.basic_auth must be a name and a password"),
    (more('basic_auth = "a:b"'), "line 4: gateways.ours.basic_auth must be a"),
    (more("query = { at = 2026-01-05T09:00:00 }"), "line 4: gateways.ours.query.at must be text in quotes"),
    (changed('"{text}"', '"{text"'), "line 3: gateways.ours.form.text has a single {"),
    (changed('"{text}"', '"x"'), "line 1: gateways.ours carries no {text}"),
    (changed('"{number}"', '"x"'), "line 1: gateways.ours carries no {number} and no {numbers}"),
    (changed('"{text}"', '"{text}{sender}"'), "line 1: gateways.ours lacks sender, which {sender} stands for"),
    (GOOD.replace("form = {", "json = { at = 2026-01-05,"), "line 3: gateways.ours.json.at is nothing that JSON can"),
    (GOOD.replace("form = {", "json = { at = [1, nan],"), "line 3: gateways.ours.json.at[2] is nothing that JSON can"),
    (changed(f"rules = [{RULE}]\n", ""), "line 1: gateways.ours lacks rules"),
    (changed(RULE, '{ outcome = "accepted" }'), "line 4: gateways.ours.rules[1] lacks a condition"),
    (changed('"accepted"', '"rejected"'), "line 1: gateways.ours has no rule whose outcome is accepted: nothing would"),
    (changed(RULE, "{ http = 200 }"), "line 4: gateways.ours.rules[1] lacks outcome"),
    (
        changed('"accepted"', '"acepted"'),
        'line 4: gateways.ours.rules[1].outcome is "acepted": must be one of accepted,',
    ),
    (changed('"accepted"', '"sent"'), 'line 4: gateways.ours.rules[1].outcome is "sent": must be one of'),
    (changed('"accepted"', '"accepted", reason = "ok"'), 'rules[1].reason is "ok": has no place here'),
    (
        changed('"accepted"', '"rejected", reason = "bad_numbr"'),
        'rules[1].reason is "bad_numbr": must be one of refused, bad_number, empty_text, missing_parameters; is',
    ),
    (changed("200", "99"), "line 4: gateways.ours.rules[1].http must be a status"),
    (changed("200", '"9xx"'), "line 4: gateways.ours.rules[1].http must be a status"),
    (changed("200", "true"), "line 4: gateways.ours.rules[1].http must be a status"),
    (changed("http = 200", 'http = 200, json = "a..b"'), "rules[1].json must be names with points between"),
    (changed("http = 200", "http = 200, is = 1"), "rules[1] says is without json"),
    (changed("http = 200", 'json = "a", is = []'), "rules[1].is is empty"),
    (changed("http = 200", 'json = "a", is = [[1]]'), "rules[1].is must be a value"),
    (changed("http = 200", 'text = "~("'), "rules[1].text is no regular expression"),
    (changed("http = 200", 'text = "~(a+)+"'), "rules[1].text repeats a group that itself repeats"),
    (changed("http = 200", "http = 200, body = 1"), "rules[1].body is not known here"),
    (more("answer = { idd = 'x' }"), "line 4: gateways.ours.answer.idd is not known here; is id meant?"),
    (more("low_balance = 5"), "line 4: gateways.ours.low_balance is of no use: answer names no place of the balance"),
    (more('low_balance = "5"'), "line 4: gateways.ours.low_balance must be a number from 0 to 1000000000000"),
    (more("low_balance = true"), "line 4: gateways.ours.low_balance must be a number"),
    (more("low_balance = -1"), "line 4: gateways.ours.low_balance must be a number"),
    (more("rate = 1001"), "line 4: gateways.ours.rate must be a number from 0 to 1000"),
    (more("low_balance = nan"), "line 4: gateways.ours.low_balance must be a number"),
    (GOOD + "[gateways.ours.each]\nrules = 1\n", "line 5: gateways.ours.each lacks list"),
    (GOOD + EACH, "line 5: gateways.ours.each lacks rules"),
    (GOOD + EACH + f"rules = [{RULE[:-1]}, text = 'OK' }}]\n", "each.rules[1].text is not known here"),
    (GOOD + EACH + f"rules = [{RULE}]\nleft_out = {{ }}\n", "line 9: gateways.ours.each.left_out lacks outcome"),
    (GOOD + EACH + f"rules = [{RULE}]\nleft = 1\n", "line 9: gateways.ours.each.left is not known here"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_is_named_with_its_line(text: str, words: str) -> None:
    found = problems(text)

    assert any(words in problem for problem in found), found
    assert all(re.match(r"line \d+", problem) and "\n" not in problem for problem in found)


def test_every_mistake_is_named_in_the_order_of_the_file() -> None:
    text = changed(URL, "7").replace('"accepted"', '"sent"')

    assert [problem.partition(":")[0] for problem in problems(text)] == ["line 2", "line 4"]


def test_a_value_never_stands_in_a_problem() -> None:
    text = GOOD.replace(URL, '"${TOKEN}"').replace("rules =", 'headers = { A = "\u00e9${SID}" }\nrules =')

    found = " ".join(problems(text))

    assert not [value for value in VALUES.values() if value in found]


OPTIONAL = {
    "low_balance",
    "method",
    "headers",
    "query",
    "sender",
    "plus",
    "unicode",
    "batch",
    "countries",
    "basic_auth",
    "answer",
}
TOML_VALUES = st.sampled_from(
    ['"{text}"', '"{number}"', '"${SID}"', "1", "true", "1.5", "nan", "[]", "{}", '["a"]', "2026-01-05", '"x"', "[[1]]"]
)
KEYS = st.sampled_from(sorted({"url", "form", "json", "rules", "each", "x", *OPTIONAL}))


@given(st.dictionaries(KEYS, TOML_VALUES))
def test_any_value_of_any_key_is_taken_or_named(keys: dict[str, str]) -> None:
    text = "[gateways.ours]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    with pytest.raises(GatewaysFileError):  # there never are rules
        read(text, values=VALUES, used=["ours"])


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read(text, values={})
    except GatewaysFileError as error:
        assert error.problems  # noqa: PT017 - both ways are right
