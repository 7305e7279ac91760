"""Text as Telegram stores it: plain text and entities, offsets in UTF-16 code units.

HTML is parsed as the Bot API parses it, with its words for what is wrong (tdlib, MessageEntity.cpp).
"""

import html
import re
from dataclasses import dataclass
from typing import Any

Entity = dict[str, Any]


class MarkupError(ValueError):
    """What follows "can't parse entities: " in Telegram's answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rich:
    """A text and its entities."""

    text: str
    entities: tuple[Entity, ...] = ()


TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}

_ATTRIBUTE = re.compile(r"""([^\s=>/"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+))?\s*""")
_END_TAG = re.compile(r"</([^\s>]*)\s*>")
_CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")


def units(text: str) -> int:
    """UTF-16 code units: how Telegram counts characters."""
    return len(text) + sum(ch > "\uffff" for ch in text)


def from_html(source: str) -> Rich:
    """The text that Telegram would show. Raises MarkupError."""
    out: list[str] = []
    length = 0
    open_tags: list[tuple[str, dict[str, str], int]] = []
    entities: list[Entity] = []
    position = 0
    while position < len(source):
        if source[position] == "<":
            at = len(source[:position].encode())
            if source.startswith("</", position):
                name, position = _end_tag(source, position, at)
                if not open_tags:
                    raise MarkupError(f"Unexpected end tag at byte offset {at}")
                tag, attributes, start = open_tags.pop()
                if name and name != tag:
                    raise MarkupError(f'Unmatched end tag at byte offset {at}, expected "</{tag}>", found "</{name}>"')
                _close(entities, tag, attributes, start, length, "".join(out))
            else:
                tag, attributes, position = _start_tag(source, position, at)
                open_tags.append((tag, attributes, length))
            continue
        found = _CHARACTER.match(source, position) if source[position] == "&" else None
        piece = html.unescape(found.group()) if found else source[position]
        position = found.end() if found else position + 1
        out.append(piece)
        length += units(piece)
    if open_tags:
        raise MarkupError(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    entities.sort(key=lambda e: (e["offset"], -e["length"]))
    return Rich(text="".join(out), entities=tuple(entities))


def _end_tag(source: str, position: int, at: int) -> tuple[str, int]:
    found = _END_TAG.match(source, position)
    if found is None:
        raise MarkupError(f"Unclosed end tag at byte offset {at}")
    return found.group(1).lower(), found.end()


def _start_tag(source: str, position: int, at: int) -> tuple[str, dict[str, str], int]:
    end = next((i for i in range(position, len(source)) if source[i] == ">" or source[i].isspace()), None)
    if end is None:
        raise MarkupError(f"Unclosed start tag at byte offset {at}")
    tag = source[position + 1 : end].lower()
    if tag not in TAGS:
        raise MarkupError(f'Unsupported start tag "{tag}" at byte offset {at}')
    position = end
    attributes: dict[str, str] = {}
    while True:
        while position < len(source) and source[position].isspace():
            position += 1
        if position == len(source):
            raise MarkupError(f'Unclosed start tag "{tag}" at byte offset {at}')
        if source[position] == ">":
            break
        found = _ATTRIBUTE.match(source, position)
        if found is None:
            raise MarkupError(f'Empty attribute name in the tag "{tag}" at byte offset {at}')
        name, value = found.groups()
        if value is None and name != "expandable":
            raise MarkupError(
                f'Expected equal sign in declaration of an attribute of the tag "{tag}" at byte offset {at}'
            )
        attributes[name.lower()] = html.unescape((value or "").strip("\"'"))
        position = found.end()
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    return tag, attributes, position + 1


def _close(entities: list[Entity], tag: str, attributes: dict[str, str], start: int, end: int, text: str) -> None:
    if end == start:
        return
    entity: Entity = {"type": TAGS[tag], "offset": start, "length": end - start}
    if tag == "a":
        url = attributes.get("href", "") or _cut(text, start, end)
        if not re.match(r"(https?|tg|ftp|tel|mailto):|[\w-]+\.[a-z]{2,}", url, re.IGNORECASE):
            return  # Telegram drops a link that it does not like, and keeps its text
        entity["url"] = url
    elif tag == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    elif tag == "code" and attributes.get("class", "").startswith("language-"):
        entity["language"] = attributes["class"].removeprefix("language-")
    elif tag == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    entities.append(entity)


def _cut(text: str, start: int, end: int) -> str:
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def trimmed(rich: Rich) -> Rich:
    """Without white space around it, as every message that Telegram stores."""
    left = len(rich.text) - len(rich.text.lstrip())
    text = rich.text.strip()
    shift, end = units(rich.text[:left]), units(text)
    kept = []
    for entity in rich.entities:
        start = max(entity["offset"] - shift, 0)
        stop = min(entity["offset"] - shift + entity["length"], end)
        if stop > start:
            kept.append({**entity, "offset": start, "length": stop - start})
    return Rich(text=text, entities=tuple(kept))


FOUND: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "url",
        re.compile(
            r"(?<![\w@])(?:https?://[^\s<>\"]*[^\s<>\".,!?;:)]|(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|app|me|gh)\b(?:/\S*)?)",
            re.I,
        ),
    ),
    ("email", re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/@])")),
    ("mention", re.compile(r"(?<!\w)@[a-zA-Z0-9_]{4,32}(?!\w)")),
    ("hashtag", re.compile(r"(?<![\w#])#\w*[^\W\d]\w*")),
    ("phone_number", re.compile(r"(?<![\w+])\+[0-9]{7,15}(?!\w)")),
)


def with_found(rich: Rich) -> Rich:
    """Adds what Telegram finds by itself (commands, mentions, links ...), outside of code and links."""
    taken = [
        (e["offset"], e["offset"] + e["length"]) for e in rich.entities if e["type"] in ("code", "pre", "text_link")
    ]
    entities = list(rich.entities)
    for kind, pattern in FOUND:
        for match in pattern.finditer(rich.text):
            start, end = units(rich.text[: match.start()]), units(rich.text[: match.end()])
            if all(end <= a or start >= b for a, b in taken):
                taken.append((start, end))
                entities.append({"type": kind, "offset": start, "length": end - start})
    entities.sort(key=lambda e: (e["offset"], -e["length"]))
    return Rich(text=rich.text, entities=tuple(entities))


def plain(text: str) -> Rich:
    """What a person types: trimmed, with what Telegram finds in it."""
    return with_found(trimmed(Rich(text=text)))
