"""What works and is not safe, or does nothing: said at start and by `bridge check`."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from bridge.settings.addresses import LOOPBACK
from bridge.settings.gather import gather
from bridge.settings.load import LATER
from bridge.settings.model import TOKEN_LONG_ENOUGH, UNNAMED, Settings
from bridge.settings.values import Caution, variable


def cautions(
    settings: Settings, environment: Mapping[str, str] | None = None, env_file: Path | None = None
) -> list[tuple[str, str]]:
    """(event name, line) of each. `environment` and `env_file`: where `settings` came from, as `load` takes them."""
    given = gather(environment, env_file).ours
    lines = [
        ("settings.later", f"{name} has no effect yet: it belongs to {LATER[name]}, not in this version")
        for name in sorted(LATER)
        if given.get(name)
    ]
    for name, field in Settings.model_fields.items():
        lines += [
            (one.event, f"{variable(name)} {one.words}")
            for one in field.metadata
            if isinstance(one, Caution) and one.holds(getattr(settings, name))
        ]
    on_wiped_disk = bool((os.environ if environment is None else environment).get("DYNO"))
    if on_wiped_disk and settings.database_url.startswith("sqlite:"):
        lines.append(
            ("settings.disk_is_wiped", "this host wipes its disk at each restart: a SQLite database loses everything")
        )
    for name, token in settings.short_tokens():
        which = "without a name" if token == UNNAMED else token
        words = f"the token {which} has fewer than {TOKEN_LONG_ENOUGH} characters and could be guessed"
        lines.append(("settings.short_token", f"{name}: {words}: take 32 random ones (openssl rand -hex 16)"))
    if not settings.people:
        lines.append(
            (
                "settings.nobody",
                "nobody may use the bot but people of the on-call file who have a telegram id: set "
                "BRIDGE_TELEGRAM_USERS or BRIDGE_TELEGRAM_ADMINS (a person's id: /whoami)",
            )
        )
    elif not settings.notice_chats:
        lines.append(
            (
                "settings.told_to_nobody",
                "notices go to nobody, and cards of alerts to nobody but whom the on-call file pages: set "
                "BRIDGE_TELEGRAM_ADMINS or BRIDGE_TELEGRAM_CHAT, or what goes wrong is said in the log alone",
            )
        )
    if where := _nearer_than_the_internet(urlsplit(settings.public_url).hostname or ""):
        lines.append(
            (
                "settings.links_lead_nowhere",
                f"BRIDGE_PUBLIC_URL is {where}: the ack links in SMS open on no phone elsewhere. Set an address that "
                "phones reach from the internet, or none",
            )
        )
    return lines


_HOME_DOMAINS = ("local", "localhost", "lan", "internal", "home.arpa", "intranet", "test", "invalid")


def _nearer_than_the_internet(host: str) -> str:
    """Why nobody far away can open an address of this host, as far as its name tells; "" where they may."""
    if host in LOOPBACK or host.endswith(".localhost"):
        return "this machine's own"
    try:
        address = ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        private = "." not in name or name.endswith(tuple(f".{domain}" for domain in _HOME_DOMAINS))
        return "a name that only a local network knows" if name and private else ""
    if address.is_loopback or address.is_unspecified:
        return "this machine's own"
    return "" if address.is_global else "an address of a private network"
