"""A file or a server, by BRIDGE_DATABASE_URL. Nobody else chooses."""

from bridge.store import migrate
from bridge.store.home import Home
from bridge.store.sqlite_home import SqliteHome


def home_of(url: str) -> Home:
    """The home of `BRIDGE_DATABASE_URL`. Raises `StoreUnusable` for an address that this version does not know."""
    if url.partition(":")[0].partition("+")[0] in ("postgres", "postgresql"):
        # Its driver takes a tenth of a second to import, and most never need it.
        from bridge.store.postgres_home import PostgresHome

        return PostgresHome(url)
    return SqliteHome(migrate.database_file(url))
