import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.gateways.printed import Fields, read_fields

PAGE = b"""
     {
        "type": "Message(s) Sent",
        "status": 1000,
        "sms_id": "MSG_TRANS_1603120251942",
        "Receiver_numbers": "447820125799",
        "error": Null,
        "detail": All Messages were sent successfully
        
    }

"""  # noqa: W293


def test_the_reply_printed_on_the_page_is_read() -> None:
    assert read_fields(PAGE) == (
        ("type", "Message(s) Sent"),
        ("status", "1000"),
        ("sms_id", "MSG_TRANS_1603120251942"),
        ("Receiver_numbers", "447820125799"),
        ("error", None),
        ("detail", "All Messages were sent successfully"),
    )


@pytest.mark.parametrize(
    ("printed", "fields"),
    [
        (b"{}", ()),
        (b'{"a": 1,}', (("a", "1"),)),
        (
            b'{"a": 1, "b": Null, "c": two words, and more, "d": "x"}',
            (("a", "1"), ("b", None), ("c", "two words, and more"), ("d", "x")),
        ),
        (b'{"a": ,\n"b": undefined}', (("a", None), ("b", None))),
        (b'{"a": Null, "b": "tab\there \\"quoted\\" \\u00e9"}', (("a", None), ("b", 'tab\there "quoted" é'))),
        (b'{"a": Null, "b": "bad \\escape"}', (("a", None), ("b", "bad \\escape"))),
        (
            b'{"a": Null, "b": ["233241109433", 233551234567,],}',
            (("a", None), ("b", ["233241109433", "233551234567", ""])),
        ),
        (b"\xef\xbb\xbf" + b'{"a": 1}', (("a", 1),)),
        ('{"a": "é"}'.encode("utf-16"), (("a", "é"),)),
        (b"\xfe\xff" + '{"a": 1}'.encode("utf-16-be"), (("a", 1),)),
        (b'{"a": "caf\xe9", "b": 1}', (("a", "caf\ufffd"), ("b", 1))),
        (b'{"a": {"b": 1}}', (("a", Fields([("b", 1)])),)),
    ],
)
def test_a_flat_object_is_read_in_any_form(printed: bytes, fields: tuple[tuple[str, object], ...]) -> None:
    assert read_fields(printed) == fields


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1000",
        b"null",
        b'"{\\"status\\": 1000}"',
        b'[{"status": 1000}]',
        b"status: 1000",
        b"<html><body>Error 1000</body></html>",
        b'<br />Warning<br />{"status": 1000}',
        b'{"status": 1000}<!-- 3 ms -->',
        b'{"status": 1000}{"status": 1003}',
        b'{"status": "1000"}{"status": "1003"}',
        b'{"status": 1000\n}\n{"status": 1003}',
        b'{"type": "Message(s) Sent", "status": 1000, "sms_id": "MSG_TR',
        b'{"status": 1000, "detail": "cut}',
        b'{"error": Null, "inner": {"status": 1000}}',
        b'{"error": Null, "inner": [{"status": 1000}]}',
        b'{"error": Null, "list": [1000',
        b"{" * 50_000 + b"}",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        '{"status": 1000}'.encode("utf-16-le"),
    ],
)
def test_what_is_not_one_whole_object_is_not_read(body: bytes) -> None:
    assert read_fields(body) is None


def test_fields_are_found_in_any_case_with_doubles_and_without_nulls() -> None:
    fields = read_fields(b'{"Status": 1000, "status": null, "STATUS": 1003, "other": 1}')

    assert fields is not None
    assert fields.all("status") == [1000, 1003]


@settings(derandomize=True, max_examples=150)
@given(st.binary(max_size=2000))
def test_any_bytes_give_fields_or_nothing(body: bytes) -> None:
    fields = read_fields(body)

    assert fields is None or isinstance(fields, Fields)


PIECES = st.sampled_from(
    ['{', '}', '"', ":", ",", "[", "]", "\\", "\n", " ", "status", '"status":', "1000", "Null", '"a": b', "é", "\ud800"]
)  # fmt: skip


@settings(derandomize=True, max_examples=300)
@given(st.lists(PIECES, max_size=40))
def test_any_pieces_of_an_object_give_fields_or_nothing(pieces: list[str]) -> None:
    fields = read_fields(("{" + "".join(pieces) + "}").encode("utf-8", "surrogatepass"))

    assert fields is None or all(isinstance(key, str) for key, _ in fields)


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.integers())


@settings(derandomize=True, max_examples=150)
@given(st.dictionaries(st.text(), VALUES))
def test_json_is_read_as_json(record: dict[str, object]) -> None:
    assert read_fields(json.dumps(record).encode()) == tuple(record.items())


KEYS = st.text("abcdefgh_", min_size=1, max_size=12)
SENTENCES = st.text("abcXYZ019 ().,;:!'-", max_size=40).map(lambda words: f"A{words}z")


@settings(derandomize=True, max_examples=150)
@given(st.dictionaries(KEYS, SENTENCES, min_size=1), st.sampled_from([",\n", ", "]), st.booleans())
def test_unquoted_sentences_come_back_as_they_were_printed(
    record: dict[str, str], between: str, trailing: bool
) -> None:
    printed = between.join(f'"{key}": {sentence}' for key, sentence in record.items())
    fields = read_fields(("{" + printed + ("," if trailing else "") + "\n}").encode())

    nulls = ("null", "none", "nil", "undefined")
    assert fields == tuple((key, None if text.lower() in nulls else text) for key, text in record.items())


@pytest.mark.parametrize(
    "piece",
    ['"a": b, ', '"', '\\"', ",", " ", '"a"', '"a":', "\n", ', "', '"a": "b" ', '"a": [', ',"a"  ', "[", '"a": x,\n'],
)
@pytest.mark.parametrize("start", ["{", '{"a": ', '{"a": "', '{"a": [', '{"a": x'])
def test_no_body_takes_long_to_read(piece: str, start: str) -> None:
    body = (start + piece * (65_536 // len(piece)) + "}").encode()
    began = time.process_time()

    read_fields(body)

    assert time.process_time() - began < 0.5
