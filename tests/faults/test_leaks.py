"""No secret, whole number or text is in anything that the program writes, whatever goes wrong, at any level.

The rest of this folder searches its logs, too (`Scene.check_logs`). Here the faults are those that quote what they
were given: a gateway and a Bot API server that echo, bodies that cannot be read, bugs of ours with values in hand.
"""

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest

from bridge import settings
from bridge.domain.errors import SettingsError
from bridge.oncall.file import OnCallFileError, read
from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_errors import Refusal
from bridge.sandbox.telegram_faults import BAD_GATEWAY, CUT_JSON, Fault, refused
from tests.faults.scene import AMA, API_TOKEN, KOFI, NUMBERS, Scene
from tests.support.eventually import until
from tests.support.service import Service
from tests.web.listening import hang_up

TEXT = "Geheimnis of the vault"
WORD = "Geheimnis"
NUMBER = NUMBERS[0]
GRAFANA, ALERT, OWN = "key-of-grafana-0123456789", "token-of-alerts-0123456789", "token-of-a-heartbeat-0123"

FILE = f"""
[people.ama]
phone = "{NUMBER}"
telegram = {AMA}

[policies.default]
steps = [{{ page = ["person:ama"], wait = "5m" }}]

[heartbeats.backup]
every = "24h"
policy = "default"
token = "{OWN}"
"""


def secrets(scene: Scene) -> set[str]:
    """Everything that must not be written, as it may be written."""
    plain = {
        *(scene.telegram.token, scene.telegram.token.partition(":")[2], API_TOKEN, GRAFANA, ALERT, OWN, WORD),
        *(scene.gateway.private_key, scene.gateway.public_key, NUMBER.removeprefix("+233")),
    }
    forms = (str, quote, quote_plus, lambda one: quote(one, safe=""), lambda one: json.dumps(one)[1:-1])
    return {form(one) for one in plain for form in forms}


class Written:
    """What the program wrote and answered. `errors`: bodies of answers that refuse."""

    def __init__(self, scene: Scene) -> None:
        self._secrets = secrets(scene)

    def check(self, what: str, text: str) -> None:
        """Fails with what was found, and the words around it."""
        for secret in self._secrets:
            place = text.find(secret)
            assert place < 0, f"{secret!r} in {what}: …{text[max(0, place - 300) : place + 100]}…"


async def drive_gateway(scene: Scene) -> None:
    """Every way in which the gateway can be in trouble; and one in which it says back all that it was told."""
    echo = f"key {scene.gateway.private_key} {scene.gateway.public_key} to {NUMBER} {NUMBER[1:]} text {TEXT}"
    scene.gateway.knobs.huge_bytes = 1 << 20
    for status, code in ((200, 1005), (403, 1004), (500, 9999), (200, "x")):
        body = {"type": echo, "code": code, "error": echo, "detail": [echo], "sms_id": echo}
        scene.gateway.mode = Mode.CUSTOM
        scene.gateway.knobs.custom = Answer(body=json.dumps(body).encode(), status=status)
        await send_and_wait(scene, f"{TEXT} echo {status} {code}")
    scene.gateway.knobs.custom = Answer(body=f"<html>{echo}</html>".encode(), status=502)
    await send_and_wait(scene, f"{TEXT} as HTML")
    for mode in (Mode.CUT, Mode.RESET_AFTER, Mode.NOT_HTTP, Mode.HUGE, Mode.BAD_CHUNKS, Mode.REDIRECT, Mode.HANG):
        scene.gateway.mode = mode
        await send_and_wait(scene, f"{TEXT} {mode}")
    scene.gateway.mode = Mode.OK


async def send_and_wait(scene: Scene, text: str) -> None:
    """One message through the chat, until its first call has ended."""
    known = scene.books.count("SELECT count(*) FROM attempts WHERE outcome != ''")
    scene.telegram.say(KOFI, f"/sms {NUMBER} {text}")
    await until(lambda: scene.books.count("SELECT count(*) FROM attempts WHERE outcome != ''") > known)


async def drive_telegram(scene: Scene) -> None:
    """Answers that quote what was to be posted, and updates that cannot be read, or hold what nobody expects."""
    echo = f"can't parse entities in {TEXT} to {NUMBER} by bot{scene.telegram.token}"
    faults = [refused(Refusal(code=code, description=echo)) for code in (400, 403, 500)]
    faults += [BAD_GATEWAY, CUT_JSON, Fault(status=200, body=echo.encode()), Fault(status=404, body=echo.encode())]
    for fault in faults:
        for method in ("sendMessage", "answerCallbackQuery"):
            scene.telegram.fault(fault, method=method)
        scene.telegram.say(KOFI, f"/whoami {TEXT} {NUMBER}")
    message = scene.telegram.say(KOFI, f"/sms {NUMBER} {TEXT}", unheard=True).json()
    for broken in (
        {**message, "chat": TEXT},
        {**message, "date": TEXT},
        {**message, "entities": [{"type": "bot_command", "offset": TEXT, "length": NUMBER}]},
        {**message, "from": {"id": NUMBER, "first_name": TEXT, "is_bot": False}},
        {"text": TEXT},
    ):
        scene.telegram.hand_out("message", broken)
    await until(lambda: not scene.telegram.unconfirmed_updates)


async def drive_doors(port: int, check: Written) -> None:
    """Requests that are refused, on every route, each with what must not come back."""
    json_of = {"to": [NUMBER, "0241109433x", f"{NUMBER};1", "+447700900000"], "text": TEXT}
    bodies = [
        json.dumps(json_of),
        json.dumps({"to": ["+447700900000"], "text": TEXT}),
        json.dumps({"to": [NUMBER], "text": TEXT * 400}),
        json.dumps({"to": NUMBER, "text": [TEXT]}),
        json.dumps({"to": [{NUMBER: TEXT}], TEXT: NUMBER}),
        json.dumps({"alerts": [{"status": TEXT, "labels": NUMBER}], TEXT: 1}),
        json.dumps({"alerts": TEXT, "title": [TEXT], "heartbeat": TEXT, "monitor": NUMBER}),
        f'{{"text": "{TEXT} {NUMBER}',
        f"title={TEXT}&severity={TEXT}&state={NUMBER}",
        TEXT,
    ]
    paths = ["/v1/sms", "/v1/sms/1", "/heartbeats/backup", f"/heartbeats/{WORD}", f"/a/{WORD}", f"/{WORD}"]
    paths += [f"/alerts/{source}" for source in ("alertmanager", "grafana", "uptime-kuma", "generic", WORD)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for path in paths:
            for method in ("GET", "POST", "PUT"):
                for body in bodies:
                    for token in (API_TOKEN, f"{API_TOKEN}{WORD}"):
                        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                        answer = await client.request(method, path, content=body, headers=headers)
                        if answer.is_error:
                            check.check(f"{method} {path}", f"{answer.text} {answer.headers}")
        signed = {"X-Grafana-Alerting-Signature": WORD, "Content-Encoding": TEXT}
        for headers in (signed, {"Authorization": f"Basic {TEXT}"}, {"Cookie": TEXT}):
            answer = await client.post("/alerts/grafana", content=TEXT, headers=headers)
            check.check("/alerts/grafana", f"{answer.text} {answer.headers}")
        for path in ("/metrics", "/openapi.json", "/readyz"):
            check.check(path, (await client.get(path)).text)
    for garbage in (
        f"GET /{TEXT} HTTP/1.1\r\n{TEXT}\r\n\r\n",
        f"{TEXT}\r\n\r\n",
        f"GET / HTTP/1.1\r\nX: {WORD * 9999}",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage.encode())
        async with asyncio.timeout(5):
            check.check("garbage", (await reader.read(4096)).decode())
        await hang_up(writer)


async def drive_bugs(scene: Scene, service: Service, port: int, check: Written) -> None:
    """Values that no code expects stand for bugs: handlers, routes and loops fail with texts and numbers in hand."""
    async with scene.client(port) as client:
        taken = await client.post("/v1/sms", json={"to": [NUMBER], "text": TEXT})
        await client.post("/alerts/generic", json={"title": TEXT, "text": NUMBER})
        await until(lambda: scene.books.count("SELECT count(*) FROM incidents"))
        for table, column in (("deliveries", "state"), ("incidents", "severity"), ("incidents", "labels")):
            with corrupted(scene, table, column):
                logged = service.output.count("Traceback")
                for command in ("/status 1", "/resend 1", "/alerts", "/ack A1", f"/sms {NUMBER} {TEXT} {table}"):
                    scene.telegram.say(AMA, command)
                for method, path in (("GET", f"/v1/sms/{taken.json()['id']}"), ("GET", "/readyz"), ("GET", "/metrics")):
                    # A connection on which a bug was met is closed behind the answer.
                    answer = await client.request(method, path, headers={"Connection": "close"})
                    if answer.is_error or not path.startswith("/v1/"):  # who sent it may read it
                        check.check(path, answer.text)
                await until(lambda: service.output.count("Traceback") > logged)  # noqa: B023


@contextmanager
def corrupted(scene: Scene, table: str, column: str) -> Iterator[None]:
    """Every row holds a text in this column, which is there for something else."""

    def run(statement: str, *values: str) -> None:
        with closing(sqlite3.connect(scene.database, timeout=10)) as connection, connection:
            connection.execute(statement, values)

    run(f"CREATE TABLE was AS SELECT id, {column} FROM {table}")
    run(f"UPDATE {table} SET {column} = ?", f"{TEXT} {NUMBER}")
    yield
    run(
        f"UPDATE {table} SET {column} = (SELECT {column} FROM was WHERE was.id = {table}.id)"
        " WHERE id IN (SELECT id FROM was)"
    )
    run("DROP TABLE was")


async def drive_on_call_file(scene: Scene, service: Service) -> None:
    """The file is broken at the places where it holds numbers and tokens."""
    for told, broken in enumerate(BROKEN_FILES, service.output.count("oncall.refused") + 1):
        (scene.folder / "oncall.toml").write_text(broken, encoding="utf-8")
        service.signal(signal.SIGHUP)
        await until(lambda: service.output.count("oncall.refused") >= told, otherwise=lambda: service.output[-2000:])  # noqa: B023


BROKEN_FILES = (
    FILE.replace(f'"{NUMBER}"', f'"{NUMBER}999"'),
    FILE.replace(f'"{NUMBER}"', NUMBER),
    FILE.replace(f'"{NUMBER}"', f'["{NUMBER}"]'),
    FILE.replace(f'"{NUMBER}"', '"0241109433;0551234567"'),
    FILE.replace(f'"{OWN}"', f'["{OWN}"]'),
    FILE.replace(f'"{OWN}"', OWN),
    FILE.replace("token =", "tokn ="),
    FILE.replace(f'"{OWN}"', f'"{OWN}'),
    FILE.replace("phone =", f'"{NUMBER}" ='),
)


@pytest.mark.parametrize("style", ["text", "json"])
async def test_nothing_that_the_service_writes_or_refuses_holds_what_it_must_not(tmp_path: Path, style: str) -> None:
    scene = Scene(tmp_path)
    await scene.open()
    check = Written(scene)
    (tmp_path / "oncall.toml").write_text(FILE, encoding="utf-8")
    try:
        service = scene.fork(
            log_format=style,
            log_level="DEBUG",
            gateway_timeout_s="0.3",
            retry_for_s="0",
            grafana_secret=GRAFANA,
            alert_tokens=f"am={ALERT}",
            public_url="https://pager.example.org",
            telegram_receive="polling",
        )
        port = await ready(service)
        await drive_gateway(scene)
        await drive_telegram(scene)
        await drive_doors(port, check)
        await drive_bugs(scene, service, port, check)
        await drive_on_call_file(scene, service)
        service.signal(signal.SIGTERM)
        assert await service.gone() == 0
    finally:
        await scene.close()
    for one in scene.services:
        check.check("the log", one.output)
    assert "Traceback" in scene.services[0].output, "the bugs were met"


async def ready(service: Service) -> int:
    """The port, in either format."""
    found = await until(lambda: re.search(r"ready on [^ ]+:(\d+)", service.output), timeout_s=20)
    return int(found[1])


# settings, and the file


@pytest.mark.parametrize("name", sorted(settings.variable(field) for field in settings.Settings.model_fields))
def test_a_setting_that_holds_a_secret_by_mistake_is_not_quoted(name: str, tmp_path: Path) -> None:
    """As it comes to be when two lines of a file are swapped: a key in the place of another setting."""
    key = "sk_live_0123456789abcdefgh"
    wrong = [key, f"https://user:{key}@:0", f"postgresql://user:{key}@host/db", f"{key}=", f"1,{key}"]
    for value in wrong:
        assert key not in told_of({name: value}, tmp_path), name


def told_of(values: dict[str, str], folder: Path) -> str:
    """The line that refuses these settings; "" where they will do."""
    try:
        settings.load(values, env_file=folder / "none")
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("file", BROKEN_FILES)
def test_a_broken_on_call_file_is_told_without_its_numbers_and_tokens(file: str) -> None:
    with pytest.raises(OnCallFileError) as caught:
        read(file, region="GH")
    told = "; ".join(caught.value.problems)
    assert not [secret for secret in (OWN, "241109433", "551234567") if secret in told], told
