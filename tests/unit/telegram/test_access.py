from datetime import UTC, datetime

import pytest
from telegram import CallbackQuery, Chat, Message, User

from bridge.telegram.access import NOBODY_IN_PARTICULAR, Access, Role, presser, sender

AMA, KOFI, EFUA = 111111111, 222222222, 333333333
GROUP = Chat(id=-1001, type="supergroup", title="Ops")
ACCESS = Access(users=frozenset({KOFI}), admins=frozenset({AMA}))


def person(user_id: int, *, is_bot: bool = False) -> User:
    return User(id=user_id, first_name="Somebody", is_bot=is_bot)


def message(user: User | None, sender_chat: Chat | None = None) -> Message:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return Message(message_id=1, date=at, chat=GROUP, from_user=user, sender_chat=sender_chat)


def test_roles_are_those_of_the_settings() -> None:
    assert [ACCESS.role(one) for one in (EFUA, KOFI, AMA)] == [Role.STRANGER, Role.USER, Role.ADMIN]


def test_admins_are_users_and_everybody_with_a_role_is_listed() -> None:
    assert ACCESS.people == {AMA: Role.ADMIN, KOFI: Role.USER}
    assert Role.STRANGER < Role.USER < Role.ADMIN


def test_people_of_the_on_call_file_are_users_as_long_as_they_are_in_it() -> None:
    listed = {EFUA, AMA}
    access = Access(users=frozenset({KOFI}), admins=frozenset({AMA}), on_call=lambda: frozenset(listed))
    assert access.people == {AMA: Role.ADMIN, KOFI: Role.USER, EFUA: Role.USER}
    listed.clear()
    assert access.role(EFUA) is Role.STRANGER
    assert access.role(AMA) is Role.ADMIN


@pytest.mark.parametrize("nobody", sorted(NOBODY_IN_PARTICULAR))
def test_an_id_that_is_no_person_has_no_role_whatever_the_settings_say(nobody: int) -> None:
    access = Access(users=frozenset({nobody}), admins=frozenset({nobody}))
    assert access.role(nobody) is Role.STRANGER
    assert sender(message(person(nobody))) is None


def test_the_sender_is_the_person_who_wrote() -> None:
    assert sender(message(person(KOFI))) == person(KOFI)


@pytest.mark.parametrize(
    "unsigned",
    [
        message(None),
        message(person(KOFI, is_bot=True)),
        message(person(AMA), sender_chat=GROUP),
        message(person(KOFI), sender_chat=Chat(id=-1002, type="channel", title="News")),
    ],
    ids=["nobody", "a bot", "the group itself", "a channel"],
)
def test_what_no_person_signs_has_no_sender(unsigned: Message) -> None:
    assert sender(unsigned) is None


@pytest.mark.parametrize(("user", "counts"), [(person(KOFI), True), (person(KOFI, is_bot=True), False)])
def test_only_a_person_presses(user: User, counts: bool) -> None:
    assert (presser(CallbackQuery(id="1", from_user=user, chat_instance="1")) is not None) == counts
