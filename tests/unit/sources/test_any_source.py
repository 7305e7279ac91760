"""What holds for every source: any bytes give News within bounds, or the one named error."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.alerts import Alert, News
from bridge.domain.errors import PersonError
from bridge.sources import SOURCES, NotSuchAPayload, bounds
from tests.unit.sources.recorded import names, recorded

pytestmark = pytest.mark.parametrize("source", sorted(SOURCES))

TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=X",
        "multipart/form-data",
    ]
) | st.text(max_size=60)

TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "firing",
        "resolved",
        "OK",
        "2026-11-22T12:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "https://h/",
        "\ud800",
        "x" * 5000,
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
NAMES = """alerts status labels annotations fingerprint startsAt endsAt generatorURL truncatedAlerts alertname severity
    summary description instance values rulename externalURL heartbeat monitor msg monitorID id name tags time url
    title text state key"""
KEYS = st.sampled_from(NAMES.split()) | st.text(max_size=10)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=30
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
LABELLED = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["firing", "resolved"]),
        "labels": st.dictionaries(KEYS, SCALARS, min_size=1, max_size=5),
    },
    optional={
        "annotations": st.none() | st.dictionaries(KEYS, SCALARS, max_size=4),
        "startsAt": SCALARS,
        "endsAt": SCALARS,
        "fingerprint": SCALARS,
        "values": VALUES,
    },
)
# close to what each source sends, so that most of them are read to the end
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "alertmanager": st.fixed_dictionaries(
        {"alerts": st.lists(LABELLED, max_size=3)}, optional={"truncatedAlerts": SCALARS}
    ),
    "grafana": st.fixed_dictionaries({"alerts": st.lists(LABELLED, max_size=3)}),
    "uptime-kuma": st.fixed_dictionaries(
        {
            "heartbeat": st.none()
            | st.builds(dict.__or__, OBJECTS, st.fixed_dictionaries({"status": st.integers(0, 3)})),
            "monitor": st.none() | OBJECTS,
            "msg": SCALARS,
        }
    ),
    "generic": st.fixed_dictionaries({"title": SCALARS}, optional={"text": SCALARS, "key": SCALARS, "url": TEXTS}),
}


def news(source: str, body: bytes, content_type: str) -> News | None:
    """What the source makes of it, or None for the named error; anything else fails the test."""
    try:
        found = SOURCES[source](body, content_type)
    except NotSuchAPayload:
        return None
    for alert in found.alerts:
        check(alert, source)
    return found


def check(alert: Alert, source: str) -> None:
    assert alert.source == source
    assert 0 < len(alert.fingerprint) <= bounds.MAX_FINGERPRINT
    assert 0 < len(alert.title) <= bounds.MAX_TITLE
    assert alert.title == " ".join(alert.title.split())
    assert len(alert.text) <= bounds.MAX_TEXT
    assert len(alert.labels) <= bounds.MAX_LABELS
    assert all(0 < len(name) <= bounds.MAX_LABEL_NAME for name in alert.labels)
    assert all(0 < len(value) <= bounds.MAX_LABEL_VALUE for value in alert.labels.values())
    assert len(alert.links) <= bounds.MAX_LINKS
    assert all(link.url.lower().startswith(("http://", "https://")) for link in alert.links)
    assert all(time is None or time.tzinfo is UTC for time in (alert.starts_at, alert.ends_at))
    assert not (alert.firing and alert.ends_at)
    for words in (alert.fingerprint, alert.title, alert.text, *alert.labels, *alert.labels.values()):
        assert b"\x00" not in words.encode()


@given(body=st.binary(max_size=200), content_type=TYPES)
def test_any_bytes_give_news_or_the_named_error(source: str, body: bytes, content_type: str) -> None:
    news(source, body, content_type)


@settings(max_examples=50)
@given(value=VALUES | OBJECTS, content_type=TYPES, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_any_json_gives_news_or_the_named_error(source: str, value: object, content_type: str, encoding: str) -> None:
    news(source, json.dumps(value).encode(encoding), content_type)
    news(source, json.dumps([value]).encode(encoding), content_type)


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_nearly_right_is_read_or_named(source: str, data: st.DataObject) -> None:
    payload = data.draw(LIKELY[source])
    news(source, json.dumps(payload).encode(), "application/json")
    news(source, json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"), "application/json")


@settings(max_examples=50)
@given(data=st.data())
def test_a_recorded_payload_that_was_cut_or_spoilt_is_read_or_named(source: str, data: st.DataObject) -> None:
    body = bytearray(recorded(data.draw(st.sampled_from(names(source)))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[place] = data.draw(st.integers(0, 255))
    news(source, bytes(body[: data.draw(st.integers(0, len(body)))]), "application/json")
    news(source, bytes(body), "application/json")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" * 200_000, "the body is nested too deep"),
        (b'{"a":' * 200_000, "the body is nested too deep"),
        (b'{"alerts": %s}' % (b"9" * 5000), "the body holds a number that is too long"),
        (b'{"title": NaN}', "the body is no JSON: it holds a number that is none"),
        (b'{"alerts": [-Infinity]}', "the body is no JSON: it holds a number that is none"),
        (b'{"title": "secret"', "the body is no JSON (line 1, column 19)"),
        (b'{"title": "line\nend"}', "the body is no JSON (line 1, column 16)"),
    ],
)
def test_json_that_is_none_or_a_burden_is_named_without_its_values(source: str, body: bytes, words: str) -> None:
    with pytest.raises(NotSuchAPayload) as refused:
        SOURCES[source](body, "application/json")
    assert str(refused.value) == words
    assert isinstance(refused.value, PersonError)


def test_the_table_s_names_are_the_alerts_sources(source: str) -> None:
    sample = names(source)[0]
    body = b'{"title": "t"}' if source == "generic" else recorded(sample)
    found = news(source, body, "application/json")
    assert found is not None
    assert {alert.source for alert in found.alerts} == {source}


# there and back


def as_sent(source: str, alert: dict[str, Any]) -> bytes:
    """How the source would send this alert."""
    fields: dict[str, Any] = {"fingerprint": alert["id"], "labels": alert["labels"], "status": alert["status"]}
    payload: dict[str, dict[str, Any]] = {
        "alertmanager": {
            "alerts": [fields | {"annotations": {"summary": alert["title"], "description": alert["text"]}}]
        },
        "grafana": {"alerts": [fields | {"annotations": {"summary": alert["title"], "description": alert["text"]}}]},
        "uptime-kuma": {
            "heartbeat": {"status": 0 if alert["status"] == "firing" else 1, "msg": alert["text"]},
            "monitor": {
                "id": alert["id"],
                "name": alert["title"],
                "tags": [{"name": name, "value": value} for name, value in alert["labels"].items()],
            },
            "msg": "",
        },
        "generic": {
            "title": alert["title"],
            "text": alert["text"],
            "key": alert["id"],
            "state": alert["status"],
            **alert["labels"],
        },
    }
    return json.dumps(payload[source]).encode()


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40)
ALERTS = st.fixed_dictionaries(
    {
        "id": WORDS,
        "title": WORDS.map(lambda word: f"T {word}"),
        "text": WORDS.map(lambda word: f"line\n{word}"),
        "status": st.sampled_from(["firing", "resolved"]),
        "labels": st.dictionaries(WORDS.map(lambda word: f"label {word}"), WORDS, min_size=1, max_size=8),
    }
)


@given(alert=ALERTS)
def test_what_a_source_sends_comes_out_as_it_was(source: str, alert: dict[str, Any]) -> None:
    found = news(source, as_sent(source, alert), "application/json")
    assert found is not None
    (read,) = found.alerts
    kuma = source == "uptime-kuma"
    firing = alert["status"] == "firing"
    ending = (" is down" if firing else " is up") if kuma else ""
    assert (read.firing, read.title, read.text) == (firing, alert["title"] + ending, alert["text"])
    assert read.fingerprint == (f"monitor-{alert['id']}" if kuma else alert["id"])
    assert alert["labels"].items() <= read.labels.items()
