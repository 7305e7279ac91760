"""What goes into a request: texts with placeholders, and JSON made of them. Pure.

Placeholders are filled in as values, and whoever carries them (JSON, a form, a query) writes them down afterwards: so
no text can break out of where it stands.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Slot(StrEnum):
    """What is filled in."""

    NUMBER = "number"  # one number of the call
    NUMBERS = "numbers"  # all of them, commas between
    TEXT = "text"
    SENDER = "sender"
    ID = "id"  # another one for each call
    UNICODE = "unicode"  # whether the text needs it, in the provider's words


Filling = Mapping[Slot, str]


class TemplateError(ValueError):
    """`str()` says what is wrong, and no value of a `${NAME}`."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with gaps. It holds secrets, so it does not show itself."""

    parts: tuple[str | Slot, ...] = field(repr=False)

    def fill(self, filling: Filling) -> str:
        return "".join(filling[part] if isinstance(part, Slot) else part for part in self.parts)

    @property
    def slots(self) -> frozenset[Slot]:
        return frozenset(part for part in self.parts if isinstance(part, Slot))


Tree = Template | bool | int | float | Sequence["Tree"] | Mapping[str, "Tree"]
"""JSON with gaps: every text in it is a Template."""

_token = re.compile(r"\{\{|\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\{([a-z]+)\}|[{}]|\$(?=\{)|[^{}$]+|\$")


def parse(text: str, value_of: Callable[[str], str], allowed: frozenset[Slot] = frozenset(Slot)) -> Template:
    """`{text}` and the like are gaps, `${NAME}` is what `value_of` gives, `{{` and `}}` are braces.

    Raises TemplateError, and what `value_of` raises.
    """
    parts: list[str | Slot] = []
    for token in _token.finditer(text):
        name, slot = token[1], token[2]
        if name:
            parts.append(value_of(name))
        elif slot:
            if slot not in allowed:
                known = ", ".join(f"{{{one}}}" for one in Slot if one in allowed) or "none"
                raise TemplateError(f"cannot hold {{{slot}}}; placeholders here: {known}")
            parts.append(Slot(slot))
        elif token[0] in ("{{", "}}"):
            parts.append(token[0][0])
        elif token[0] in ("{", "}"):
            raise TemplateError(f"has a single {token[0]}: a placeholder is such as {{text}}, a brace is written twice")
        else:
            parts.append(token[0])
    return Template(tuple(parts))


def fill(tree: Tree, filling: Filling, numbers: Sequence[str]) -> object:
    """What `json` can write. In a list, what holds `{number}` stands there once for each of `numbers`."""
    if isinstance(tree, Template):
        return tree.fill(filling)
    if isinstance(tree, Mapping):
        return {key: fill(one, filling, numbers) for key, one in tree.items()}
    if isinstance(tree, Sequence):
        return [
            fill(one, {**filling, Slot.NUMBER: number}, numbers)
            for one in tree
            for number in (numbers if repeats(one) else [filling[Slot.NUMBER]])
        ]
    return tree


def repeats(tree: Tree) -> bool:
    """Whether it is about one number, and no list in it already is."""
    return any(slot is Slot.NUMBER and not in_list for slot, in_list in slots_of(tree))


def slots_of(tree: Tree, *, in_list: bool = False) -> Iterator[tuple[Slot, bool]]:
    """Every gap, and whether it stands in a list."""
    if isinstance(tree, Template):
        yield from ((slot, in_list) for slot in tree.slots)
    elif isinstance(tree, Mapping):
        for one in tree.values():
            yield from slots_of(one, in_list=in_list)
    elif isinstance(tree, Sequence):
        for one in tree:
            yield from slots_of(one, in_list=True)
