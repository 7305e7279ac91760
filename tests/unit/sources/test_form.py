import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sources import NotSuchAPayload
from bridge.sources.form import MAX_FIELDS, media_type, read_form

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=XX"


def part(head: bytes, value: bytes) -> bytes:
    return b"--XX\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=x+y%2Bz%0A", {"a": "x y+z\n"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"", {}),
        ("a=é🔥".encode(), {"a": "é🔥"}),
        (b"a=%C3%A9", {"a": "é"}),
        (b"a=\xe9", {"a": "\ufffd"}),
        (b"a=%ED%A0%80", {"a": "\ufffd\ufffd\ufffd"}),
    ],
)
def test_a_form_gives_its_fields(body: bytes, fields: dict[str, str]) -> None:
    assert read_form(body, FORM) == fields


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'Content-Disposition: form-data; name="a"', "a"),
        (b"content-disposition:form-data;name=a", "a"),
        (b'Content-Type: text/plain\r\nContent-Disposition: form-data; name="a"; filename="name=b; name=c"', "a"),
        (b'Content-Disposition: form-data; filename="f"; name="a"', "a"),
        (b'Content-Disposition: form-data; name=""', ""),
        ('Content-Disposition: form-data; name="é"'.encode(), "é"),
    ],
)
def test_a_part_is_named_by_its_disposition(head: bytes, name: str) -> None:
    assert read_form(part(head, b"1\r\n2") + b"--XX--\r\n", PARTS) == {name: "1\r\n2"}


def test_what_stands_around_the_parts_and_parts_without_a_name_are_left_out() -> None:
    nameless = part(b"Content-Type: text/plain", b"x") + b"--XX\r\nno blank line\r\n"
    body = b"before\r\n" + nameless + part(b'Content-Disposition: form-data; name="a"', b"1") + b"--XX--\r\nafter"
    assert read_form(body, PARTS) == {"a": "1"}


@pytest.mark.parametrize("boundary", ["XX", '"XX"', "XX; charset=utf-8"])
def test_a_boundary_may_be_quoted(boundary: str) -> None:
    body = part(b'Content-Disposition: form-data; name="a"', b"1") + b"--XX--"
    assert read_form(body, f"Multipart/Form-Data; Boundary={boundary}") == {"a": "1"}


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data;"]
)
def test_parts_without_a_boundary_are_refused(content_type: str) -> None:
    with pytest.raises(NotSuchAPayload, match="without a boundary in the Content-Type header"):
        read_form(b"--XX--", content_type)


@pytest.mark.parametrize("body", [b"", b"--YY--", b"--XX\r\n", part(b'Content-Disposition: form-data; name="a"', b"1")])
def test_a_cut_form_is_refused(body: bytes) -> None:
    with pytest.raises(NotSuchAPayload, match="the form is cut"):
        read_form(body, PARTS)


def test_a_form_has_so_many_fields_and_no_more() -> None:
    one = part(b'Content-Disposition: form-data; name="a"', b"1")
    assert read_form(b"&".join([b"a=1"] * MAX_FIELDS), FORM) == {"a": "1"}
    assert read_form(one * MAX_FIELDS + b"--XX--", PARTS) == {"a": "1"}
    with pytest.raises(NotSuchAPayload, match=f"more than {MAX_FIELDS} fields"):
        read_form(b"&".join([b"a=1"] * (MAX_FIELDS + 1)), FORM)
    with pytest.raises(NotSuchAPayload, match=f"more than {MAX_FIELDS} fields"):
        read_form(one * (MAX_FIELDS + 1) + b"--XX--", PARTS)


@pytest.mark.parametrize("given_type", ["text/plain", " Text/PLAIN ; charset=utf-8"])
def test_a_media_type_has_no_parameters_and_no_case(given_type: str) -> None:
    assert media_type(given_type) == "text/plain"


@given(
    fields=st.dictionaries(st.text("abcé ", min_size=1), st.text(st.characters(codec="utf-8", exclude_characters="X")))
)
def test_parts_come_back_as_they_were(fields: dict[str, str]) -> None:
    parts = [part(f'Content-Disposition: form-data; name="{name}"'.encode(), v.encode()) for name, v in fields.items()]
    assert read_form(b"".join(parts) + b"--XX--\r\n", PARTS) == fields
