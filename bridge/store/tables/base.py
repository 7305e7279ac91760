"""What all tables are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Index, Integer, MetaData, TextClause, TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime | None) -> int | None:
    """A time as the database keeps it; a naive one is a mistake and raises TypeError."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


# A year within what there is: whoever reads a time adds spans to it, and takes spans from it.
_FIRST = microseconds(datetime.min.replace(tzinfo=UTC) + timedelta(days=366)) or 0
_LAST = microseconds(datetime.max.replace(tzinfo=UTC) - timedelta(days=366)) or 0


class UtcTime(TypeDecorator[datetime]):
    """Microseconds since 1970 UTC; aware datetimes outside. Compares and indexes as an integer on any database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database; a naive datetime is a mistake and raises TypeError."""
        return microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """From the database, aware in UTC. A number beyond all years is the first or the last moment that there is."""
        return None if value is None else _EPOCH + timedelta(microseconds=min(max(value, _FIRST), _LAST))


def partial_index(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


# Row ids are 64 bit on PostgreSQL; SQLite counts only plain INTEGER keys by itself.
RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
