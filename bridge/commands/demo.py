"""`bridge demo`: the real service, unchanged, against the sandbox on loopback."""

import errno
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bridge import logs, settings
from bridge.app import App
from bridge.commands.run import on_signals
from bridge.domain.errors import SettingsError
from bridge.sandbox import on_call
from bridge.sandbox.app import Sandbox

PORTS_TRIED = 20
ONCALL_FILE = "oncall.toml"
PLAYGROUND = "# They lead to the sandbox of `bridge demo --playground`, and to nobody once it has ended."


async def show(port: int, *, verbose: bool) -> int:
    """Print the address of the page, and run until a signal; gives 0. Raises `SettingsError`."""
    asked = on_signals()
    sandbox = Sandbox()
    moved = await _start(sandbox, port)
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder:
        _write_on_call_file(Path(folder))
        # The service's own port is known before it starts: the links in its SMS carry it.
        values = environment(sandbox, Path(folder), service_port=_free_port())
        found = settings.load(values, env_file=Path(folder, "none"))
        logs.set_up("INFO" if verbose else "ERROR", "text", found.secrets())
        app = App(found)
        await app.start()
        sandbox.alert_source.target = f"http://127.0.0.1:{app.port}/alerts/alertmanager"
        _say_where(sandbox, moved)
        if sys.stdout.isatty():
            print("Open it in a browser. Everything stays on this machine. Ctrl-C ends it.", flush=True)
        await asked.wait()
        await app.stop()
    await sandbox.stop()
    return 0


async def play(port: int, folder: Path) -> int:
    """The sandbox alone, until a signal; gives 0. What a service needs to speak to it is put into `folder`.

    Raises `SettingsError`, also where there are such files already.
    """
    asked = on_signals()
    sandbox = Sandbox()
    moved = await _start(sandbox, port)
    service_port = _free_port()
    try:
        _lay_out(folder, environment(sandbox, Path(), service_port=service_port))
    except OSError as error:
        await sandbox.stop()
        raise SettingsError(f"--playground: {error.filename}: {os.strerror(error.errno or 0)}") from error
    sandbox.alert_source.target = f"http://127.0.0.1:{service_port}/alerts/alertmanager"
    _say_where(sandbox, moved)
    print(f"In another shell: cd {folder} && bridge check && bridge run", flush=True)
    await asked.wait()
    await sandbox.stop()
    return 0


def _lay_out(folder: Path, values: Mapping[str, str]) -> None:
    """Nothing that is there is written over. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".env", ONCALL_FILE):
        if (folder / name).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder / name))
    settings_of_it = [PLAYGROUND, *(f"{name}={value}" for name, value in values.items()), ""]
    (folder / ".env").write_text("\n".join(settings_of_it), encoding="utf-8")
    _write_on_call_file(folder)


def _say_where(sandbox: Sandbox, moved: str) -> None:
    print(sandbox.url, flush=True)
    if moved:
        print(f"bridge: {moved}", file=sys.stderr, flush=True)


async def _start(sandbox: Sandbox, port: int) -> str:
    """On this port or one of the next; gives a line that says so when it is another than asked for."""
    last = port if port == 0 else min(port + PORTS_TRIED, 65535)
    trouble = ""
    for candidate in range(port, last + 1):
        try:
            await sandbox.start(port=candidate)
        except OSError as error:
            trouble = trouble or os.strerror(error.errno or 0)
        else:
            return trouble and f"port {port} cannot be used ({trouble}); this demo is on port {candidate}"
    raise SettingsError(f"--port: cannot listen on 127.0.0.1:{port} to {last}: {trouble}")


def _write_on_call_file(folder: Path) -> None:
    (folder / ONCALL_FILE).write_text(on_call.file(datetime.now(UTC).date()), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(sandbox: Sandbox, folder: Path, *, service_port: int) -> dict[str, str]:
    """The settings of a service that speaks to this sandbox. The waits are short: a demo is watched."""
    return {
        "BRIDGE_TELEGRAM_TOKEN": sandbox.bot_token,
        "BRIDGE_TELEGRAM_API_URL": sandbox.telegram_api_url,
        "BRIDGE_TELEGRAM_ADMINS": ",".join(map(str, sandbox.admins)),
        "BRIDGE_TELEGRAM_USERS": ",".join(map(str, sandbox.users)),
        "BRIDGE_MSMPUSHER_URL": sandbox.gateway_url,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": sandbox.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": sandbox.public_key,
        "BRIDGE_MSMPUSHER_SENDER": sandbox.sender,
        "BRIDGE_GATEWAY_TIMEOUT_S": "4",
        "BRIDGE_RETRY_FOR_S": "45",
        "BRIDGE_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
        "BRIDGE_PORT": str(service_port),
        "BRIDGE_PUBLIC_URL": f"http://127.0.0.1:{service_port}",
        "BRIDGE_TELEGRAM_CHAT": str(sandbox.ops.id),
        "BRIDGE_TELEGRAM_RECEIVE": "polling",
        "BRIDGE_ONCALL_FILE": str(folder / ONCALL_FILE),
        "BRIDGE_ALERT_TOKENS": sandbox.alert_source.token,
        "BRIDGE_PAGE_INTERVAL_S": "5",
    }
