"""Idempotency keys of `POST /v1/sms`."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from bridge.store import tables


def find(connection: Connection, owner: str, key: str) -> tuple[str, int] | None:
    """(hash of the body, message id) of an earlier request with this key; None when there is none."""
    row = connection.execute(
        select(tables.idempotency.c.body_hash, tables.idempotency.c.message_id).where(
            tables.idempotency.c.owner == owner, tables.idempotency.c.key == key
        )
    ).one_or_none()
    return None if row is None else (row.body_hash, row.message_id)


def keep(connection: Connection, owner: str, key: str, body_hash: str, message_id: int, now: datetime) -> None:
    """Remember that this key made that message."""
    connection.execute(
        insert(tables.idempotency).values(
            owner=owner, key=key, body_hash=body_hash, message_id=message_id, created_at=now
        )
    )


def forget(connection: Connection, before: datetime) -> None:
    """Drop keys from before that time."""
    connection.execute(delete(tables.idempotency).where(tables.idempotency.c.created_at < before))
