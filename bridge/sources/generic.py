"""Anything that can run `curl -d title=...`: Monit, Nagios, Icinga, Healthchecks, cron. Pure.

One alert, or a list of them: `title`, and where wanted `text`, `severity`, `state`, `key`. All else becomes labels.
"""

from collections.abc import Mapping, Sequence

from bridge.domain.alerts import Alert, News, Severity
from bridge.sources.bounds import clean, fingerprint, is_web_address, labels, links, one_line, prose, scalar
from bridge.sources.form import MULTIPART, media_type, read_form
from bridge.sources.payload import Fields, NotSuchAPayload, as_object, read_json
from bridge.sources.severity import MOST_TOLD, severity, warnings

NAME = "generic"

_FIELDS = {"title", "text", "severity", "state", "key"}

_FIRING = """firing problem down alert alerting alarm critical crit warning warn error fail failed failure failing
    trigger triggered raised open opened active unreachable unknown unhealthy"""
_RESOLVED = """resolved resolve ok okay up recovered recovery recovering normal clear cleared closed close inactive
    success succeeded passed healthy good fixed done"""
STATES: Mapping[str, bool] = dict.fromkeys(_FIRING.split(), True) | dict.fromkeys(_RESOLVED.split(), False)
"""Words for the state, and whether it fires. Nagios and Icinga say CRITICAL and OK, Healthchecks down and up."""

# A state that tells how bad it is, for who sends no severity.
_GRADED = {"warning": Severity.WARNING, "warn": Severity.WARNING, "error": Severity.ERROR}

_LINKS = {"runbook_url": "runbook", "dashboard_url": "dashboard", "url": "link", "link": "link"}


def read(body: bytes, content_type: str = "") -> News:
    """The alerts of a JSON object, of a list of them, or of a form. Raises NotSuchAPayload."""
    value = _value(body, content_type)
    if isinstance(value, Sequence) and not isinstance(value, str):
        listed = [(as_object(one, f"[{index}]"), f"[{index}].") for index, one in enumerate(value)]
    else:
        listed = [(as_object(value, "the body"), "")]
    alerts = tuple(_alert(fields, where) for fields, where in listed)
    return News(alerts=alerts, warnings=_warnings([fields for fields, _ in listed]))


def _value(body: bytes, content_type: str) -> object:
    """By content where that is clear: `curl -d '{...}'` says that it is a form, and many scripts do just that."""
    kind = media_type(content_type)
    if kind == MULTIPART:
        return read_form(body, content_type)
    start = body.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    if start in (b"{", b"[") or kind.endswith("json"):
        return read_json(body)
    if not start:
        raise NotSuchAPayload("the body is empty")
    return read_form(body, content_type)


def _alert(fields: Fields, where: str) -> Alert:
    title = one_line(fields.get("title"))
    if not title:
        raise NotSuchAPayload(f"{where}title is missing")
    word = " ".join(scalar(fields.get("state")).split()).casefold()
    firing = STATES.get(word) if word else True
    if firing is None:
        raise NotSuchAPayload(f"{where}state is no known word: use firing or resolved")
    urls = {name: url for name in _LINKS if is_web_address(url := scalar(fields.get(name)).strip())}
    return Alert(
        source=NAME,
        # the whole title, before it is cut
        fingerprint=fingerprint(scalar(fields.get("key")).strip() or _whole(fields["title"])),
        firing=firing,
        title=title,
        text=prose(fields.get("text")),
        severity=severity(fields.get("severity"), missing=_GRADED.get(word, Severity.CRITICAL)),
        labels=labels({name: value for name, value in fields.items() if name not in _FIELDS and name not in urls}),
        links=links((_LINKS[name], url) for name, url in urls.items()),
    )


def _warnings(listed: Sequence[Fields]) -> tuple[str, ...]:
    names = dict.fromkeys(name for fields in listed for name in fields if name not in _FIELDS)
    meant = [(name, known) for name in names if (known := name.strip().casefold()) in _FIELDS]
    labelled = (f"“{one_line(name)}” was taken as a label: the field is {known}" for name, known in meant[:MOST_TOLD])
    nested = dict.fromkeys(
        name for fields in listed for name, value in fields.items() if isinstance(value, Mapping | list) and value
    )
    left_out = (f"“{one_line(name)}” was left out: a label is one word or number" for name in [*nested][:MOST_TOLD])
    return (*warnings(fields.get("severity") for fields in listed), *labelled, *left_out)


def _whole(title: object) -> str:
    return " ".join(clean(scalar(title)).split())
