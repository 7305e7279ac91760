"""What works and is not safe, or does nothing: said at start and by `bridge check`."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from bridge.settings.addresses import nearer_than_the_internet
from bridge.settings.model import TOKEN_LONG_ENOUGH, UNNAMED, Settings
from bridge.settings.values import Caution, variable


def cautions(settings: Settings, environment: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(event name, line) of each. `environment`: where `settings` came from, as `load` takes it."""
    lines: list[tuple[str, str]] = []
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
    if not settings.notice_chats:
        lines.append(
            (
                "settings.told_to_nobody",
                "notices go to nobody, and cards of alerts to nobody but whom the on-call file pages: set "
                "BRIDGE_TELEGRAM_ADMINS or BRIDGE_TELEGRAM_CHAT, or what goes wrong is said in the log alone",
            )
        )
    if where := nearer_than_the_internet(urlsplit(settings.public_url).hostname or ""):
        lines.append(
            (
                "settings.links_lead_nowhere",
                f"BRIDGE_PUBLIC_URL is {where}: the ack links in SMS open on no phone elsewhere. Set an address that "
                "phones reach from the internet, or none",
            )
        )
    return lines
