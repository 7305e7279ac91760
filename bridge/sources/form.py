"""Fields of an HTML form, as `curl -d` and `curl -F` send them. Pure."""

import re
from urllib.parse import parse_qsl

from bridge.sources.payload import NotSuchAPayload

MAX_FIELDS = 1000

MULTIPART = "multipart/form-data"
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)  # RFC 2046: 70 characters
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?[;\s]name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)


def media_type(content_type: str) -> str:
    """`text/plain` of `Text/Plain; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """Fields by name, in UTF-8 (a wrong byte becomes U+FFFD); of doubles the last. Raises NotSuchAPayload."""
    if media_type(content_type) == MULTIPART:
        return _multipart(body, content_type)
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise NotSuchAPayload(f"the form has more than {MAX_FIELDS} fields") from None


def _multipart(body: bytes, content_type: str) -> dict[str, str]:
    given = _BOUNDARY.search(content_type)
    if given is None:
        raise NotSuchAPayload(f"{MULTIPART} without a boundary in the Content-Type header")
    mark = b"\r\n--" + (given[1] or given[2]).encode("utf-8", "replace")
    _, *parts = (b"\r\n" + body).split(mark, MAX_FIELDS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise NotSuchAPayload(f"the form is cut, has another boundary, or more than {MAX_FIELDS} fields")
    fields = {}
    for part in parts[:-1]:
        head, blank, value = part.partition(b"\r\n\r\n")
        if blank and (name := _NAME.search(head)):
            fields[(name[1] or name[2] or b"").decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return fields
