"""What every route has in common, asked of the routes that the service really has."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from bridge.app import App
from bridge.domain.errors import StoreUnavailable
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.web.metrics import MetricsRoute
from bridge.web.openapi import document
from bridge.web.server import web_app
from tests.support.manual_clock import ManualClock
from tests.web.conftest import CI, Door, MakeDoor
from tests.web.service import start_app

ELSEWHERE = "192.0.2.7"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """The whole service, with its real routes."""
    telegram, gateway = TelegramSandbox(), MsmpusherSandbox()
    await telegram.start()
    await gateway.start()
    app = await start_app(telegram, gateway, ManualClock(), tmp_path, tokens=f"ci={CI}")
    yield app
    await app.stop()
    await telegram.stop()
    await gateway.stop()


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """Over real HTTP, from this machine."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.port}") as client:
        yield client


def routes(app: App) -> set[tuple[str, str]]:
    """(method, path) of all that the service answers."""
    found = [route for part in app.replica.web_parts() for route in part.routes()]
    assert all(isinstance(route, Route) for route in found)
    return {(method.lower(), route.path) for route in found for method in (route.methods or set()) - {"HEAD"}}


async def test_the_openapi_document_names_exactly_the_routes_that_there_are(
    app: App, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    documented = {(method, path) for path, item in answer.json()["paths"].items() for method in item}
    # A slash at the end is taken, too: a redirect would lose an alert.
    assert documented == {(method, path.removesuffix("/")) for method, path in routes(app)}


def test_the_openapi_document_is_whole() -> None:
    found = document()
    assert found["openapi"].startswith("3.1")
    text = repr(found)
    for reference in re.findall(r"#/components/schemas/(\w+)", text):
        assert reference in found["components"]["schemas"], reference
    for path, item in found["paths"].items():
        for operation in item.values():
            names = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))
            assert operation["responses"]
            assert all(one["description"] for one in operation["responses"].values())


async def test_an_answer_is_as_the_document_says(app: App, client: httpx.AsyncClient) -> None:
    schemas = document()["components"]["schemas"]
    headers = {"Authorization": f"Bearer {CI}"}
    taken = await client.post("/v1/sms", json={"to": ["0241109433"], "text": "x"}, headers=headers)
    shown = await client.get("/v1/sms/1", headers=headers)
    ready = await client.get("/readyz")
    refused = await client.get("/v1/sms/1")
    for answer, schema in ((taken, "Taken"), (shown, "Message"), (ready, "Readiness"), (refused, "Problem")):
        assert set(answer.json()) == set(schemas[schema]["required"]), schema
    line = shown.json()["recipients"][0]
    assert set(line) == set(schemas["Message"]["properties"]["recipients"]["items"]["required"])
    assert set(shown.json()["counts"]) <= set(
        schemas["Message"]["properties"]["recipients"]["items"]["properties"]["state"]["enum"]
    )


OPEN = {"/healthz", "/readyz"}
BY_ITS_LINK = {"/a/{token}"}
OPEN_ON_THIS_MACHINE = {"/metrics", "/openapi.json"}


async def test_every_route_is_open_by_intent_or_asks_for_a_token(app: App, client: httpx.AsyncClient) -> None:
    for method, path in routes(app):
        answer = await client.request(method, path.replace("{id}", "1").replace("{name}", "x"))
        if path in OPEN | OPEN_ON_THIS_MACHINE:
            assert answer.status_code == 200, path
        elif path in BY_ITS_LINK:
            assert answer.status_code == 404, path
        else:
            assert answer.status_code == 401, path


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    for method, path, takes in (
        ("POST", "/healthz", "GET"),
        ("GET", "/v1/sms", "POST"),
        ("PUT", "/a/x", "GET or POST"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (405, "wrong_method")
        assert answer.json()["detail"] == [f"This address takes {takes}, not {method}."]


async def test_head_is_answered_where_get_is(client: httpx.AsyncClient) -> None:
    answer = await client.head("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_no_route_says_what_serves_it_or_redirects(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/healthz/", "/readyz/", "/v1/sms/", "/nowhere"):
        answer = await client.get(path)
        assert "server" not in answer.headers
        assert answer.status_code == (200 if path == "/healthz" else 404)


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json"])
async def test_from_elsewhere_a_token_is_needed(door: Door, path: str) -> None:
    assert (await door.client(None).get(path)).status_code == 200
    assert (await door.client(None, ELSEWHERE).get(path)).status_code == 401
    assert (await door.client("wrong", ELSEWHERE).get(path)).status_code == 401
    assert (await door.client(CI, ELSEWHERE).get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json"])
async def test_a_proxy_on_this_machine_does_not_open_them_to_the_world(door: Door, path: str) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answer = await door.client(None).get(path, headers={header: ELSEWHERE})
        assert answer.status_code == 401, header


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json"])
async def test_without_any_token_they_are_for_this_machine_only(make_door: MakeDoor, path: str) -> None:
    door = await make_door(tokens="")
    assert (await door.client(None).get(path)).status_code == 200
    assert (await door.client("anything", ELSEWHERE).get(path)).status_code == 401


async def test_metrics_are_as_prometheus_reads_them(app: App, client: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {CI}"}
    await client.post("/v1/sms", json={"to": ["0241109433"], "text": "x"}, headers=headers)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {
        "bridge_attempts",
        "bridge_commit_seconds",
        "bridge_deliveries",
        "bridge_oldest_due_delivery_seconds",
        "bridge_chat_sync_lag_seconds",
        "bridge_telegram_reached",
        "process_resident_memory_bytes",
    } <= set(families)
    states = {sample.labels["state"] for sample in families["bridge_deliveries"].samples}
    assert states == {"held", "queued", "sending", "unknown"}
    assert all(family.documentation for family in families.values())


async def test_a_metric_never_names_a_person_or_a_number(app: App, client: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {CI}"}
    await client.post("/v1/sms", json={"to": ["0241109433"], "text": "very secret"}, headers=headers)
    text = (await client.get("/metrics")).text
    assert not [word for word in ("241109433", "secret", "111111111", CI) if word in text]


async def test_metrics_that_cannot_be_read_are_a_503() -> None:
    async def unreadable() -> bytes:
        raise StoreUnavailable("database: it is damaged")

    transport = httpx.ASGITransport(web_app(MetricsRoute({}, unreadable).routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
        answer = await client.get("/metrics")
    assert (answer.status_code, answer.json()["detail"]) == (503, ["database: it is damaged"])
