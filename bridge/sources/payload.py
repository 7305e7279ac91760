"""What comes in: bytes to plain JSON values, and the one error for bytes that are no such payload. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Never

from bridge.domain.errors import PersonError

Fields = Mapping[str, object]
"""A JSON object, or a form's fields."""


class NotSuchAPayload(PersonError):
    """This body is not what its source sends. The line names what is wrong and where, and no value of the payload."""


def read_json(body: bytes) -> object:
    """The value that the body holds: UTF-8, or UTF-16 or -32, with or without a byte order mark.

    A wrong byte becomes U+FFFD: an alert with a spoilt letter is better than none. Raises NotSuchAPayload.
    """
    try:
        text = body.decode(json.detect_encoding(body), "replace")
        value: object = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise NotSuchAPayload(f"the body is no JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise NotSuchAPayload("the body is nested too deep") from None
    except ValueError:  # more digits than Python reads; the errors above are ValueErrors, too
        raise NotSuchAPayload("the body holds a number that is too long") from None
    return value


def _refuse(_constant: str) -> Never:
    """NaN and Infinity, which `json` would take."""
    raise NotSuchAPayload("the body is no JSON: it holds a number that is none")


def as_object(value: object, where: str) -> Fields:
    """`value`, an object; `where` is its path in the error."""
    if isinstance(value, dict):
        return value
    raise NotSuchAPayload(f"{where} is no object")


def object_at(fields: Fields, name: str, where: str = "") -> Fields:
    """The object of that name; `where` is the path of `fields`, with its dot."""
    _demand(fields, name, where)
    return as_object(fields[name], f"{where}{name}")


def list_at(fields: Fields, name: str, where: str = "") -> Sequence[object]:
    """The list of that name; `where` is the path of `fields`, with its dot."""
    _demand(fields, name, where)
    value = fields[name]
    if isinstance(value, list):
        return value
    raise NotSuchAPayload(f"{where}{name} is no list")


def _demand(fields: Fields, name: str, where: str) -> None:
    if name not in fields:
        raise NotSuchAPayload(f"{where}{name} is missing")
