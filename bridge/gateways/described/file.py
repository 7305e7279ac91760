"""The file of `BRIDGE_HTTP_GATEWAYS`, read whole: all of it is right, or every problem is named with its line. Pure."""

import base64
import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from bridge.domain.errors import OperatorError
from bridge.domain.outcome import Accepted
from bridge.domain.phone import is_region
from bridge.domain.rate import FASTEST
from bridge.gateways.described.description import Description
from bridge.gateways.described.rules_file import read_each, read_rules, read_shown
from bridge.gateways.described.template import Slot, Template, TemplateError, Tree, parse, slots_of
from bridge.gateways.http_call import address
from bridge.toml.parse import NotToml
from bridge.toml.parse import parse as parse_toml
from bridge.toml.sections import Problems, Section, meant, shown

METHODS = ("POST", "GET", "PUT")
LARGEST_BATCH = 1000  # numbers a call
LARGEST_MARK = 10**12
SHORTEST_SECRET = 4  # characters; what is shorter would blank half of every line

_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_CONSTANT = frozenset({Slot.SENDER, Slot.ID})  # what fits into a header
_OF_ONE_CALL = frozenset(Slot)
_name = re.compile(r"[a-z][a-z0-9_-]{0,31}").fullmatch
_header = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_line = re.compile(r"[\x20-\x7e]*").fullmatch


class GatewaysFileError(OperatorError):
    """The file cannot be taken. `problems`: a sentence each, such as `line 12: gateways.twilio.url …`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read(
    text: str,
    *,
    values: Mapping[str, str],
    names: Collection[str] = (),
    used: Collection[str] = (),
    reserved: Collection[str] = (),
) -> dict[str, Description]:
    """Its gateways by name. Raises GatewaysFileError, and nothing else, whatever the text.

    `values`: what stands for `${NAME}`; only in gateways that are `used` it is a problem when one is not there.
    `names`: what else is set, and may have been meant.
    `reserved`: names that others have.
    """
    try:
        file, problems = parse_toml(text)
    except NotToml as error:
        raise GatewaysFileError(str(error)) from None
    sections = file.required("gateways", file.table)
    for name, one in sections.items():
        if not _name(name) or name in reserved:
            one.problem("cannot have this name: small letters, digits, - and _, and none of bridge's own gateways")
    found = {name: _Reader(name, one, problems, values, names, name in used).read() for name, one in sections.items()}
    file.end()
    if problems.found:
        raise GatewaysFileError(*problems.sentences)
    return found


class _Reader:
    """Reads one gateway."""

    def __init__(
        self,
        name: str,
        section: Section,
        problems: Problems,
        values: Mapping[str, str],
        names: Collection[str],
        is_used: bool,
    ) -> None:
        self._name = name
        self._section = section
        self._problems = problems
        self._values = values
        self._names = names
        self._is_used = is_used
        self._secrets: set[str] = set()

    def read(self) -> Description:
        section, before = self._section, len(self._problems.found)
        batch = self._batch()
        description = Description(
            name=self._name,
            url=self._url(),
            method=self._method(),
            headers=self._headers(),
            query=self._templates("query"),
            form=self._templates("form") if section.raw("form") is not None else None,
            json=None if section.raw("json") is None else self._tree(section.raw("json"), (*section.path, "json")),
            sender=self._template("sender", frozenset()).fill({}),
            plus=section.boolean("plus", True),
            unicode=self._unicode(),
            batch=batch,
            countries=self._countries(),
            rules=read_rules(section, whole=True),
            shown=read_shown(section.open("answer")),
            each=read_each(section.open("each")) if section.raw("each") is not None else None,
            rate=self._number("rate", FASTEST),
            low_balance=self._number("low_balance", LARGEST_MARK),
            secrets=tuple(sorted(one for one in self._secrets if len(one) >= SHORTEST_SECRET)),
        )
        self._check(description)
        if len(self._problems.found) == before:  # else a template that could not be read would be missed here, too
            self._check_accepted(description)
            self._check_slots(description)
        section.end()
        return description

    def _check(self, description: Description) -> None:
        """What only the whole can tell."""
        section = self._section
        body = [one for one in ("form", "json") if section.has(one)]
        if len(body) > 1:
            section.problem("has two bodies: take form or json", "json")
        if body and description.method == "GET":
            section.problem("cannot have a body: use query, or another method", body[0])
        if not description.rules and description.each is None:
            section.problem("lacks rules: nothing would ever be known of a number")
        if section.has("low_balance") and not description.tells_balance:
            section.problem("is of no use: answer names no place of the balance", "low_balance")

    def _check_accepted(self, description: Description) -> None:
        rules = (*description.rules, *(description.each.rules if description.each else ()))
        if not any(isinstance(one.outcome, Accepted) for one in rules):
            self._section.problem("has no rule whose outcome is accepted: nothing would ever count as sent")

    def _check_slots(self, description: Description) -> None:
        section = self._section
        carriers: list[Tree] = [description.query, description.form or {}]
        slots = {(slot, False) for one in carriers for slot, _ in slots_of(one)} | set(slots_of(description.json or {}))
        used = {slot for slot, _ in slots}
        if Slot.TEXT not in used:
            section.problem("carries no {text}")
        if not used & {Slot.NUMBER, Slot.NUMBERS}:
            section.problem("carries no {number} and no {numbers}")
        if Slot.SENDER in used and not section.has("sender"):
            section.problem("lacks sender, which {sender} stands for")
        if description.batch > 1 and (Slot.NUMBER, False) in slots:
            section.problem("must be 1 where {number} stands outside of a list: take {numbers}, or a list", "batch")

    # one key each

    def _url(self) -> str:
        """Values in it are written as an address needs it, but one at its very beginning."""
        section = self._section
        written = section.required("url", section.text)
        seen: list[str] = []

        def value_of(name: str) -> str:
            seen.append(name)
            value = self._value(name, "https://unset.invalid")
            return value if len(seen) == 1 and written.startswith(f"${{{name}}}") else quote(value, safe="")

        template = self._parsed(written, (*section.path, "url"), frozenset(), value_of)
        url = template.fill({})
        if template.parts and not _is_address(url):
            section.problem("must be an address such as https://example.org/send", "url")
        return url if _is_address(url) else "https://unset.invalid"

    def _method(self) -> str:
        method = self._section.text("method").upper()
        if method and method not in METHODS:
            self._section.problem(f"must be one of {', '.join(METHODS)}", "method")
        return method or METHODS[0]

    def _headers(self) -> Mapping[str, Template]:
        headers = self._templates("headers", _CONSTANT)
        path = (*self._section.path, "headers")
        for name, template in headers.items():
            if not _header(name):
                self._problems.add((*path, name), "is no name of a header")
            elif name.lower() in _OURS:
                self._problems.add((*path, name), "is for bridge to set")
            elif not _line(template.fill(dict.fromkeys(Slot, ""))):
                self._problems.add((*path, name), "must be one line of ASCII")
        if self._section.raw("basic_auth") is not None:
            return {**headers, "Authorization": self._basic()}
        return headers

    def _basic(self) -> Template:
        section, path = self._section, (*self._section.path, "basic_auth")
        pair = [self._parsed(text, (*path, index), frozenset()).fill({}) for index, text in section.texts("basic_auth")]
        if len(pair) != 2 or ":" in pair[0]:
            section.problem('must be a name and a password: ["…", "…"]', "basic_auth")
        coded = base64.b64encode(":".join(pair).encode(errors="replace")).decode("ascii")
        self._secrets |= {coded, *pair}
        return Template((f"Basic {coded}",))

    def _unicode(self) -> tuple[str, str]:
        found = [text for _, text in self._section.texts("unicode")]
        if self._section.has("unicode") and len(found) != 2:
            self._section.problem('must be two words, such as ["text", "unicode"]', "unicode")
        return (found[0], found[1]) if len(found) == 2 else ("false", "true")

    def _batch(self) -> int:
        batch = self._section.integer("batch")
        if batch is not None and not 1 <= batch <= LARGEST_BATCH:
            self._section.problem(f"must be from 1 to {LARGEST_BATCH}", "batch")
        return batch if batch is not None else 1

    def _number(self, key: str, most: int) -> float:
        """From 0, which it is where nothing stands. TOML has `inf` and `nan`, which are no numbers here."""
        found = self._section.raw(key)
        if found is None:
            return 0.0
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= most:
            self._section.problem(f"must be a number from 0 to {most}", key)
            return 0.0
        return float(found)

    def _countries(self) -> frozenset[str]:
        found = self._section.texts("countries")
        for index, code in found:
            if not is_region(code.upper()):
                self._section.problem(f'is "{shown(code)}": no ISO country code such as GH', "countries", index)
        return frozenset(code.upper() for _, code in found)

    # templates

    def _templates(self, key: str, allowed: frozenset[Slot] = _OF_ONE_CALL) -> dict[str, Template]:
        inner = self._section.open(key)
        found = {}
        for name in inner.keys:
            value = inner.raw(name)
            if isinstance(value, str | int | float):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                found[name] = self._parsed(text, (*inner.path, name), allowed)
            else:
                inner.problem("must be text in quotes", name)
        return found

    def _template(self, key: str, allowed: frozenset[Slot]) -> Template:
        return self._parsed(self._section.text(key), (*self._section.path, key), allowed)

    def _tree(self, value: Any, path: tuple[str | int, ...]) -> Tree:
        if isinstance(value, str):
            return self._parsed(value, path, _OF_ONE_CALL)
        if isinstance(value, dict):
            return {key: self._tree(one, (*path, key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self._tree(one, (*path, index)) for index, one in enumerate(value)]
        if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        self._problems.add(path, "is nothing that JSON can hold: put it in quotes")
        return Template(())

    def _parsed(
        self,
        text: str,
        path: tuple[str | int, ...],
        allowed: frozenset[Slot],
        value_of: Callable[[str], str] | None = None,
    ) -> Template:
        try:
            return parse(text, value_of or partial(self._value, unset="unset"), allowed)
        except TemplateError as error:
            self._problems.add(path, str(error))
            return Template(())

    def _value(self, name: str, unset: str) -> str:
        if value := self._values.get(name, ""):
            self._secrets.add(value)
            return value
        if self._is_used:
            raise TemplateError(f"needs ${{{name}}}, which is not set{meant(name, self._names)}")
        return unset


def _is_address(url: str) -> bool:
    try:
        return bool(address(url).host) and urlsplit(url).port != 0 and not re.search(r"[\s#]", url)
    except ValueError:
        return False
