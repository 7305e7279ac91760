"""BRIDGE_DATABASE_URL of a PostgreSQL server, as its driver takes it and as people are shown it."""

from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bridge.domain.errors import StoreUnusable

UNDERSTOOD = frozenset(
    {"dbname", "database", "host", "hostaddr", "user", "password", "passfile", "port", "service", "servicefile"}
    | {"options", "target_session_attrs", "krbsrvname", "gsslib", "sslmode", "sslnegotiation", "sslcert", "sslkey"}
    | {"sslpassword", "sslrootcert", "sslcrl", "ssl_min_protocol_version", "ssl_max_protocol_version"}
)
"""Parameters of an address that the driver reads as libpq does. Others it would send to the server as its settings."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def read_url(url: str) -> tuple[str, str]:
    """(what the driver takes, what people are shown: without the password). Raises `StoreUnusable`."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+asyncpg") or not rest:
        raise StoreUnusable("BRIDGE_DATABASE_URL: must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    parts = urlsplit(f"postgresql://{rest}")
    try:
        ports = [one.rpartition(":")[2] for one in parts.netloc.rpartition("@")[2].split(",") if ":" in one]
        wrong = [one for one in ports if one and not one.endswith("]") and not 0 < int(one) < 65536]
    except ValueError:
        wrong = ports
    if wrong or "@" in parts.path:
        raise StoreUnusable("BRIDGE_DATABASE_URL: cannot be read (in a password, / ? # @ and : must be %-encoded)")
    given = parse_qsl(parts.query, keep_blank_values=True)
    for name, _ in given:
        if name not in UNDERSTOOD | {"connect_timeout", "application_name"}:
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: the parameter {name[:40]!r} is not understood: leave it out")
    kept = [(name, value) for name, value in given if name in UNDERSTOOD]
    if (mode := dict(kept).get("sslmode", SSL_MODES[0])) not in SSL_MODES:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: sslmode={mode[:40]} is none of {', '.join(SSL_MODES)}")
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        _check_file(name, dict(kept).get(name, ""))
    user, at, hosts = parts.netloc.rpartition("@")
    if "," in hosts and "target_session_attrs" not in dict(kept):
        kept.append(("target_session_attrs", "primary"))  # of several servers only one can be written to
    shown = f"postgresql://{user.partition(':')[0]}{at}{hosts}{parts.path}"
    return urlunsplit(parts._replace(query=urlencode(kept), fragment="")), shown


def _check_file(name: str, path: str) -> None:
    """The driver would not say which file it could not read."""
    try:
        if path:
            Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte
        raise StoreUnusable(
            f"BRIDGE_DATABASE_URL: {name}: cannot read {path}: {getattr(error, 'strerror', 'no path')}"
        ) from error
