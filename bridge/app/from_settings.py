"""What the services need to know of the settings."""

from bridge.app.gateways import largest_batch
from bridge.services.sms.rules import Rules
from bridge.settings import Settings
from bridge.store.posts import Place


def rules_of(settings: Settings) -> Rules:
    """What a message must keep to."""
    return Rules(
        max_segments=settings.max_segments,
        confirm_above=settings.confirm_above,
        command_max_age_s=settings.command_max_age_s,
        daily_limit=settings.daily_limit,
        daily_limit_all=settings.daily_limit_all,
        batch=largest_batch(settings),
        known_countries=settings.allowed_countries | {settings.default_region},
    )


def notice_places(settings: Settings) -> tuple[Place, ...]:
    """Where admins read notices."""
    return tuple(Place(chat_id=chat, thread_id=topic) for chat, topic in settings.notice_chats)
