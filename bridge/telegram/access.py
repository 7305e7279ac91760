"""Who may do what: by the numeric id of a person, never by a name."""

from collections.abc import Callable
from enum import IntEnum

from telegram import CallbackQuery, Message, User

# Group admins who hide, posts of channels, and Telegram itself: many people, or none (FACTS of the Bot API).
NOBODY_IN_PARTICULAR = frozenset({1087968824, 136817688, 777000})


class Role(IntEnum):
    """What a person may do; each may do what those before may."""

    STRANGER = 0
    USER = 1
    ADMIN = 2


class Access:
    """The people of the settings, and those of the on-call file, who are users."""

    def __init__(
        self, *, users: frozenset[int], admins: frozenset[int], on_call: Callable[[], frozenset[int]] = frozenset
    ) -> None:
        """`on_call`: the ids in the on-call file, as it is in force at that moment."""
        self._users = users | admins
        self._admins = admins
        self._on_call = on_call

    def role(self, user_id: int) -> Role:
        """The role of the person with this id."""
        if user_id in NOBODY_IN_PARTICULAR:
            return Role.STRANGER
        if user_id in self._admins:
            return Role.ADMIN
        return Role.USER if user_id in self._users or user_id in self._on_call() else Role.STRANGER

    @property
    def people(self) -> dict[int, Role]:
        """Everybody with a role."""
        return {user_id: self.role(user_id) for user_id in sorted(self._users | self._on_call())}


def sender(message: Message) -> User | None:
    """The person who wrote a message; None for bots, channels, and those who write in the name of a chat."""
    if message.sender_chat is not None:
        return None
    return _person(message.from_user)


def presser(query: CallbackQuery) -> User | None:
    """The person who pressed a button; None for what is no person."""
    return _person(query.from_user)


def _person(user: User | None) -> User | None:
    return None if user is None or user.is_bot or user.id in NOBODY_IN_PARTICULAR else user
