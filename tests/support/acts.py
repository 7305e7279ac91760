"""All that a service has written but what it was told, what it says, who tried what, and that it lives: two alike mean
that nothing was done.
"""

from sqlalchemy import Connection, select

from bridge.store import switches
from bridge.store.database import Database
from bridge.store.tables import audit, commits, inbox, metadata, posts, processes
from tests.support.team import Team

LEFT_OUT = frozenset({table.name for table in (audit, inbox, posts, processes, commits)})


async def written(database: Database) -> dict[str, list[object]]:
    """Table -> its rows."""

    def read(connection: Connection) -> dict[str, list[object]]:
        return {
            table.name: [row for row in map(tuple, connection.execute(select(table))) if row[0] != switches.ALIVE]
            for table in metadata.sorted_tables
            if table.name not in LEFT_OUT
        }

    return await database.read(read)


async def acts(team: Team) -> dict[str, list[object]]:
    """The same once the service has come to rest, and what the gateway was asked to do."""
    await team.settled()
    return {**await written(team.app.database), "calls": list(team.gateway.calls)}


def said(team: Team) -> list[str]:
    """Every post of the bot, in every chat, with the chat's id before it."""
    chats = team.telegram.world.chats.values()
    return [f"{chat.id}: {post.text}" for chat in chats for post in team.telegram.from_bot(chat)]
