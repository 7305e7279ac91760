"""schemathesis derives requests from the OpenAPI document, good ones and bad ones, and asks the real service."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi import checks

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.web.openapi import document
from tests.support.manual_clock import ManualClock
from tests.web.conftest import CI
from tests.web.service import start_app

DOCUMENT = schemathesis.openapi.from_dict(document())

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
    checks.ignored_auth,
]


class Service:
    """The whole service in a thread of its own: what asks it waits for each answer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    def __enter__(self) -> "Service":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        telegram, gateway = TelegramSandbox(), MsmpusherSandbox()
        await asyncio.gather(telegram.start(), gateway.start())
        app = await start_app(telegram, gateway, ManualClock(), self._folder, tokens=f"ci={CI}")
        self.port = app.port
        self._ready.set()
        await self._end.wait()
        await app.stop()
        await asyncio.gather(telegram.stop(), gateway.stop())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as one:
        yield one


@DOCUMENT.parametrize()
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_names(case: Case, service: Service) -> None:
    answer = case.call(base_url=f"http://127.0.0.1:{service.port}", headers={"Authorization": f"Bearer {CI}"})
    case.validate_response(answer, checks=CHECKS)
