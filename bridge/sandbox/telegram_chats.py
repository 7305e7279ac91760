"""The chat or topic that a request means, whether the bot may be there, and the methods that need no more than that."""

from typing import Any

from bridge.sandbox.telegram_errors import bad_request, forbidden
from bridge.sandbox.telegram_state import Chat, Kind, Standing
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]

ACTIONS = frozenset(
    {
        *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"),
        *("choose_sticker", "find_location", "record_video_note", "upload_video_note"),
    }
)
GONE = {  # why the bot may not write: by kind of chat and standing
    (Kind.PRIVATE, Standing.KICKED): "bot was blocked by the user",
    (Kind.GROUP, Standing.KICKED): "bot was kicked from the group chat",
    (Kind.SUPERGROUP, Standing.KICKED): "bot was kicked from the supergroup chat",
    (Kind.CHANNEL, Standing.KICKED): "bot was kicked from the channel chat",
    (Kind.GROUP, Standing.LEFT): "bot is not a member of the group chat",
    (Kind.SUPERGROUP, Standing.LEFT): "bot is not a member of the supergroup chat",
    (Kind.CHANNEL, Standing.LEFT): "bot is not a member of the channel chat",
}
_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def get_chat(world: World, params: Json) -> Json:
    chat = chat_of(world, params)
    return {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}


def send_chat_action(world: World, params: Json) -> bool:
    if params.get("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    thread_of(chat_of(world, params, write=True), params.get("message_thread_id") or 0)
    return True


def chat_of(world: World, params: Json, *, write: bool = False) -> Chat:
    """The chat of `chat_id`, where the bot may be there (`write`: and may write)."""
    wanted = params.get("chat_id", "")
    if wanted == "":
        raise bad_request("chat_id is empty")
    if isinstance(wanted, str):
        named = [c for c in world.chats.values() if c.username and f"@{c.username}".lower() == wanted.lower()]
        chat = next((c for c in named if c.kind is not Kind.PRIVATE), None)
    else:
        chat = world.chats.get(wanted)
        if chat is None and wanted in world.users:
            raise forbidden("bot can't initiate conversation with a user" if write else "user not found")
    if chat is None:
        raise bad_request("chat not found")
    if chat.migrated_to is not None and write:
        raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
    if (why := GONE.get((chat.kind, chat.standing))) and (write or chat.kind is not Kind.PRIVATE):
        raise forbidden(why)
    return chat


def thread_of(chat: Chat, wanted: int) -> int | None:
    """The topic to write to. Where there are no topics, Telegram ignores the parameter; General (1) has no thread."""
    if not wanted or not chat.forum:
        return None
    if wanted not in chat.topics:
        raise bad_request("message thread not found")
    return wanted
