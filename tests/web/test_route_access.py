"""Every route × everybody who may call it: one table, walked over real HTTP. A route without a row fails."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bridge.app import App
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.store import heartbeats
from bridge.store.tables import inbox
from bridge.web.telegram import SECRET
from tests.support.acts import written
from tests.support.manual_clock import ManualClock
from tests.web.listening import raw
from tests.web.service import start_app

API, ALERT, GRAFANA = "secret-of-ci", "secret-of-alerts", "key-of-grafana"
OWN, OTHER_S = "only-for-backup", "only-for-another"
WEBHOOK = "secret-of-the-webhook"

FILE = f"""
[people.ama]
phone = "+233241109433"

[policies.default]
steps = [{{ page = ["person:ama"], wait = "5m" }}]

[heartbeats.backup]
every = "24h"
policy = "default"
token = "{OWN}"

[heartbeats.other]
every = "24h"
policy = "default"
token = "{OTHER_S}"
"""

BODIES = {
    "/v1/sms": {"to": ["0241109433"], "text": "hello"},
    "/alerts/generic": {"title": "Disk full"},
    "/telegram/webhook": {"update_id": 7},
    "/alerts/uptime-kuma": {"heartbeat": {"status": 0}, "monitor": {"id": 1, "name": "web"}, "msg": "down"},
}
SOME_ALERTS = {"alerts": [{"status": "firing", "labels": {"alertname": "A"}, "annotations": {}, "fingerprint": "f"}]}


def body_of(path: str) -> bytes:
    return json.dumps(BODIES.get(path, SOME_ALERTS)).encode()


@dataclass(frozen=True)
class Caller:
    """What a request carries to be let in."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    signs: bool = False


def bearer(token: str) -> Caller:
    return Caller(headers=(("Authorization", f"Bearer {token}"),))


def basic(pair: str) -> Caller:
    return Caller(headers=(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),))


CALLERS: dict[str, Caller] = {
    "nobody": Caller(),
    "a wrong token": bearer("wrong"),
    "an empty token": basic("ci:"),
    "the name of a token": bearer("ci"),
    "a name with its token": bearer(f"ci={API}"),
    "half a token": bearer(API[:-1]),
    "a token in capitals": bearer(API.upper()),
    "a token in the address": Caller(query=f"?token={API}"),
    "a token as the user of Basic": basic(f"{API}:"),
    "another scheme": Caller(headers=(("Authorization", f"Token {API}"),)),
    "no scheme": Caller(headers=(("Authorization", API),)),
    "somebody through a proxy": Caller(headers=(("X-Forwarded-For", "192.0.2.7"),)),
    "an API token": bearer(API),
    "an API token by Basic": basic(f"prometheus:{API}"),
    "an API token through a proxy": Caller(headers=(*bearer(API).headers, ("X-Forwarded-For", "192.0.2.7"))),
    "an alert token": bearer(ALERT),
    "an alert token through a proxy": Caller(headers=(*bearer(ALERT).headers, ("X-Forwarded-For", "192.0.2.7"))),
    "the heartbeat's token": bearer(OWN),
    "the heartbeat's token in the address": Caller(query=f"?token={OWN}"),
    "another heartbeat's token": Caller(query=f"?token={OTHER_S}"),
    "Grafana's signature": Caller(signs=True),
    "the webhook's secret": Caller(headers=((SECRET, WEBHOOK),)),
    "the webhook's secret through a proxy": Caller(headers=((SECRET, WEBHOOK), ("X-Forwarded-For", "192.0.2.7"))),
    "another secret of a webhook": Caller(headers=((SECRET, WEBHOOK[:-1]),)),
    "the webhook's secret as a token": bearer(WEBHOOK),
    "a token as the webhook's secret": Caller(headers=((SECRET, API),)),
    "the webhook's secret in the address": Caller(query=f"?{SECRET}={WEBHOOK}"),
}

API_TOKENS = frozenset({"an API token", "an API token by Basic", "an API token through a proxy"})
ALERT_TOKENS = API_TOKENS | {"an alert token", "an alert token through a proxy"}
OWN_TOKENS = frozenset({"the heartbeat's token", "the heartbeat's token in the address"})
WEBHOOK_SECRETS = frozenset({"the webhook's secret", "the webhook's secret through a proxy"})
NOT_FROM_HERE = frozenset(
    {"somebody through a proxy", "an alert token through a proxy", "the webhook's secret through a proxy"}
)
EVERYBODY = frozenset(CALLERS)


@dataclass(frozen=True)
class Row:
    """Who is let in, and how those and all others are answered."""

    let_in: frozenset[str]
    status: int
    refused: int = 401


ROUTES: dict[tuple[str, str], Row] = {
    ("POST", "/v1/sms"): Row(API_TOKENS, 202),
    ("GET", "/v1/sms/{id}"): Row(API_TOKENS, 200),
    **{("POST", f"/alerts/{source}"): Row(ALERT_TOKENS, 202) for source in ("alertmanager", "uptime-kuma", "generic")},
    ("PUT", "/alerts/generic"): Row(ALERT_TOKENS, 202),
    **{(method, "/alerts/grafana"): Row(ALERT_TOKENS | {"Grafana's signature"}, 202) for method in ("POST", "PUT")},
    **{(method, "/heartbeats/{name}"): Row(ALERT_TOKENS | OWN_TOKENS, 200) for method in ("GET", "POST")},
    **{(method, "/a/{token}"): Row(frozenset(), 200, refused=404) for method in ("GET", "POST")},
    ("POST", "/telegram/webhook"): Row(WEBHOOK_SECRETS, 200),
    ("GET", "/healthz"): Row(EVERYBODY, 200),
    ("GET", "/readyz"): Row(EVERYBODY, 200),
    ("GET", "/metrics"): Row(EVERYBODY - NOT_FROM_HERE, 200),
    ("GET", "/openapi.json"): Row(EVERYBODY - NOT_FROM_HERE, 200),
}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    (tmp_path / "oncall.toml").write_text(FILE, encoding="utf-8")
    telegram, gateway = TelegramSandbox(), MsmpusherSandbox()
    await telegram.start()
    await gateway.start()
    app = await start_app(
        telegram,
        gateway,
        ManualClock(),
        tmp_path,
        tokens=f"ci={API}",
        BRIDGE_ALERT_TOKENS=f"am={ALERT}",
        BRIDGE_GRAFANA_SECRET=GRAFANA,
        BRIDGE_TELEGRAM_WEBHOOK_SECRET=WEBHOOK,
        BRIDGE_ONCALL_FILE=str(tmp_path / "oncall.toml"),
    )
    yield app
    await app.stop()
    await telegram.stop()
    await gateway.stop()


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.port}", timeout=20) as client:
        yield client


async def calls(client: httpx.AsyncClient, method: str, path: str, caller: Caller, **more: str) -> httpx.Response:
    concrete = path.replace("{id}", "1").replace("{name}", "backup").replace("{token}", "a" * 16)
    body = b"" if "{" in path or method == "GET" else body_of(path)
    headers = {"Content-Type": "application/json", **dict(caller.headers), **more}
    if caller.signs:
        headers["X-Grafana-Alerting-Signature"] = hmac.new(GRAFANA.encode(), body, "sha256").hexdigest()
    return await client.request(method, f"{concrete}{caller.query}", content=body, headers=headers)


TAKEN = ("messages", "deliveries", "idempotency", "alert_inbox", "incidents", "pages")


async def taken(app: App) -> object:
    """What requests have brought about."""
    found = await written(app.database)
    armed = await app.database.read(heartbeats.armed)
    updates = await app.database.read(lambda connection: connection.execute(select(inbox.c.update_id)).all())
    return [found[name] for name in TAKEN], {name: one.pings for name, one in armed.items() if one.pings}, updates


async def test_every_route_has_a_row(app: App) -> None:
    found = {
        (method, route.path.removesuffix("/"))
        for part in app.replica.web_parts()
        for route in part.routes()
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == ROUTES.keys()


@pytest.mark.parametrize("name", CALLERS)
async def test_a_route_lets_in_whom_its_row_names_and_nobody_else(
    app: App, client: httpx.AsyncClient, name: str
) -> None:
    before = await taken(app)
    for (method, path), row in ROUTES.items():
        if name not in row.let_in:
            answer = await calls(client, method, path, CALLERS[name])
            assert answer.status_code == row.refused, (method, path, answer.text)
            assert not [
                secret for secret in (API, ALERT, GRAFANA, OWN, OTHER_S, WEBHOOK, "241109433") if secret in answer.text
            ]
    assert await taken(app) == before
    for (method, path), row in ROUTES.items():
        if name in row.let_in:
            answer = await calls(client, method, path, CALLERS[name])
            assert answer.status_code == row.status, (method, path, answer.text)


GUARDED = [(method, path) for (method, path), row in ROUTES.items() if row.let_in and row.let_in != EVERYBODY]
DETOURS = (
    *("/{0}", "/./{0}", "/x/../{0}", "/x/..%2f{0}", "/%2e/{0}", "//{0}", "/{0}/.", "/{0}/..", "/{0}%00", "/{0}%2f"),
    *("/{0}.", "/{0};x", "/{0}%20", "/{0}%0a", "/{0}.json", "/{0}//", "/{0}?", "/{0}%3f", "\\{0}"),
)


@pytest.mark.parametrize("detour", DETOURS)
async def test_no_detour_leads_past_the_door(app: App, client: httpx.AsyncClient, detour: str) -> None:
    """By addresses that a careless server, or one in between, takes for another. From elsewhere, without a token."""
    before = await taken(app)
    for method, path in GUARDED:
        for spelled in {path, path.upper(), path.replace("s", "%73").replace("m", "%6d")}:
            concrete = spelled.replace("{id}", "1").replace("{ID}", "1").replace("{name}", "backup")
            reader_path = detour.format(concrete.removeprefix("/"))
            answer = await asks_raw(app.port, method, reader_path)
            assert answer in (400, 401, 404, 405), (method, reader_path, answer)
    assert await taken(app) == before


async def asks_raw(port: int, method: str, path: str) -> int:
    """The status; the path goes out as it stands."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\nContent-Length: 0\r\n"
    found = await raw(port, head.encode() + b"Connection: close\r\n\r\n")
    return int(found[9:12])


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "DELETE", "PATCH", "PROPFIND", "QUERY", "get", "HEAD"])
async def test_another_method_does_nothing(app: App, client: httpx.AsyncClient, method: str) -> None:
    before = await taken(app)
    for known, path in ROUTES:
        if method == "HEAD" and known == "GET":
            continue
        concrete = path.replace("{id}", "1").replace("{name}", "backup").replace("{token}", "x")
        status = await asks_raw(app.port, method, concrete)
        assert status in (400, 401, 404, 405), (method, path, status)
    assert await taken(app) == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_no_header_or_parameter_makes_another_method_of_one(
    app: App, client: httpx.AsyncClient, header: str
) -> None:
    before = await taken(app)
    answer = await client.get("/v1/sms?_method=POST", headers={"Authorization": f"Bearer {API}", header: "POST"})
    assert answer.status_code == 405
    answer = await client.get(f"/a/{'a' * 16}?_method=POST", headers={header: "POST"})
    assert answer.status_code == 404
    assert await taken(app) == before


@pytest.mark.parametrize(
    "header",
    [
        *("X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /healthz", "Host: localhost"),
        *("X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: ::1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1"),
        *("X-Forwarded-For:", "Via: 1.1 127.0.0.1"),
    ],
)
async def test_no_header_makes_somebody_from_elsewhere_one_of_this_machine(app: App, header: str) -> None:
    for path in ("/metrics", "/openapi.json"):
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n{header}\r\nConnection: close\r\n\r\n"
        assert (await raw(app.port, head.encode()))[9:12] == b"401", path


@pytest.mark.parametrize("target", ["http://evil.example/metrics", "http://127.0.0.1/metrics", "https://x:1/metrics"])
async def test_a_whole_address_as_target_is_asked_of_nobody_else(app: App, target: str) -> None:
    assert await asks_raw(app.port, "GET", target) == 401
    assert await asks_raw(app.port, "GET", target.replace("metrics", "healthz")) == 200
    assert await asks_raw(app.port, "GET", target.replace("metrics", "nowhere")) == 404
