"""The whole service in this event loop, for what its HTTP side says of the rest."""

from pathlib import Path

from bridge import settings
from bridge.app import App
from bridge.clock import Clock
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox


async def start_app(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, clock: Clock, folder: Path, *, tokens: str = "", **more: str
) -> App:
    """Between these two servers, with its database in `folder`, on any free port. `more`: settings by their names."""
    values = {
        "BRIDGE_TELEGRAM_TOKEN": telegram.token,
        "BRIDGE_TELEGRAM_API_URL": telegram.url,
        "BRIDGE_TELEGRAM_ADMINS": "111111111",
        "BRIDGE_MSMPUSHER_URL": gateway.url,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": gateway.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": gateway.public_key,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
        "BRIDGE_DATABASE_URL": f"sqlite:///{folder / 'bridge.db'}",
        "BRIDGE_API_TOKENS": tokens,
        "BRIDGE_PORT": "0",
    }
    found = settings.load(values | more, need=settings.TELEGRAM + settings.GATEWAY, env_file=folder / "none")
    app = App(found, clock)
    await app.start()
    return app
