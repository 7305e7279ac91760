"""Every setting of bridge, from the environment or a `.env` file. `.env.example` lists them for people."""

from bridge.settings.addresses import LOOPBACK, in_the_clear
from bridge.settings.cautions import cautions
from bridge.settings.load import load
from bridge.settings.model import GATEWAY, SECRETS, TELEGRAM, Settings
from bridge.settings.values import variable

__all__ = [
    "GATEWAY",
    "LOOPBACK",
    "SECRETS",
    "TELEGRAM",
    "Settings",
    "cautions",
    "in_the_clear",
    "load",
    "variable",
]
