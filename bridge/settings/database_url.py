"""What of BRIDGE_DATABASE_URL must not be told."""

from urllib.parse import parse_qsl, unquote


def secrets_of(url: str) -> list[str]:
    """The address and its password, as it is written there and as it is; nothing where it has none."""
    rest = url.partition("://")[2]
    in_front = rest.partition("/")[0].rpartition("@")[0].partition(":")[2]
    password = in_front or dict(parse_qsl(rest.partition("?")[2])).get("password", "")
    return [url, password, unquote(password)] if password else []
