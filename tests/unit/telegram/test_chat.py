"""What Telegram says to a post, in our six words; over real HTTP."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_errors import Refusal, bad_request, forbidden
from bridge.sandbox.telegram_faults import (
    BAD_GATEWAY,
    CLOSE,
    CONFLICT,
    CUT_JSON,
    HANG,
    RESET,
    SERVER_ERROR,
    SHORT_JSON,
    UNAUTHORIZED,
    Break,
    Fault,
    flood,
    refused,
)
from bridge.sandbox.telegram_limits import NO_LIMITS, Limits, Rate
from bridge.sandbox.telegram_state import Kind
from bridge.services.chat.chat_port import Button, Card, Gone, Later, Moved, Never, NoThread, Reply, Shown
from bridge.store.posts import Place
from bridge.telegram.chat import TelegramChat

KOFI, EFUA = 222222222, 333333333
CARD = Card(text="<b>#1</b> a &lt; b", buttons=(Button(label="Send again", data="again:1:1"),))
PRIVATE = Place(chat_id=KOFI)

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")  # of its own `retry_after`


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    sandbox = TelegramSandbox(limits=NO_LIMITS)
    sandbox.add_user(KOFI, "Kofi")
    sandbox.add_user(EFUA, "Efua", started=False)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def chat(telegram: TelegramSandbox) -> AsyncIterator[TelegramChat]:
    bot = Bot(telegram.token, base_url=f"{telegram.url}/bot", request=HTTPXRequest(read_timeout=0.2))
    async with bot:
        yield TelegramChat(bot)


async def posted(chat: TelegramChat, place: Place = PRIVATE) -> int:
    reply = await chat.show(place, CARD, None)
    assert isinstance(reply, Shown)
    return reply.telegram_id


# what goes well


async def test_a_card_is_posted_with_its_markup_buttons_and_the_message_it_answers(
    telegram: TelegramSandbox, chat: TelegramChat
) -> None:
    said = telegram.say(KOFI, "hello")
    number = await posted(chat, Place(chat_id=KOFI, reply_to=said.id))
    (message,) = telegram.from_bot(KOFI)
    assert (message.id, message.text, message.reply_to) == (number, "#1 a < b", said)
    assert [(button.text, button.callback_data) for button in message.buttons] == [("Send again", "again:1:1")]
    assert message.entities[0]["type"] == "bold"


async def test_an_edit_changes_the_text_and_takes_buttons_away(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    number = await posted(chat)
    assert await chat.show(PRIVATE, Card(text="done"), number) == Shown(telegram_id=number)
    (message,) = telegram.from_bot(KOFI)
    assert (message.text, message.buttons) == ("done", ())


async def test_an_edit_that_changes_nothing_is_done_already(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    number = await posted(chat)
    assert await chat.show(PRIVATE, CARD, number) == Shown(telegram_id=number)
    assert telegram.calls[-1].description.startswith("Bad Request: message is not modified")


async def test_the_message_to_answer_may_be_gone(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    assert isinstance(await chat.show(Place(chat_id=KOFI, reply_to=999), CARD, None), Shown)


@pytest.mark.parametrize(
    "words", ["can't parse entities: Unsupported start tag", "message is too long", "MESSAGE_TOO_LONG"]
)
@pytest.mark.parametrize("edit", [False, True], ids=["post", "edit"])
async def test_a_card_whose_markup_is_refused_goes_out_plain(
    telegram: TelegramSandbox, chat: TelegramChat, words: str, edit: bool
) -> None:
    number = await posted(chat) if edit else None
    telegram.fault(refused(bad_request(words)))
    card = Card(text="<b>#2</b> a &lt; b", buttons=CARD.buttons)
    assert isinstance(await chat.show(PRIVATE, card, number), Shown)
    message = telegram.from_bot(KOFI)[-1]
    assert message.text == "#2 a < b"
    assert [entity["type"] for entity in message.entities] == []
    assert len(message.buttons) == 1


async def test_a_card_that_is_really_too_long_is_cut(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    assert isinstance(await chat.show(PRIVATE, Card(text="<b>" + "🎉" * 3000 + "</b>"), None), Shown)
    assert telegram.last_text(KOFI) == "🎉" * 2048


async def test_markup_that_is_broken_does_not_lose_the_message(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    assert isinstance(await chat.show(PRIVATE, Card(text="<b>one <u>two"), None), Shown)
    assert telegram.last_text(KOFI) == "one <u>two"


# what Telegram really says in each situation


async def test_a_person_who_blocked_the_bot_is_given_up(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    number = await posted(chat)
    telegram.block(KOFI)
    for message_id in (None, number):
        assert await chat.show(PRIVATE, Card(text="x"), message_id) == Never(
            why="Telegram refuses it: bot was blocked by the user"
        )


async def test_a_person_who_never_pressed_start_is_given_up(chat: TelegramChat) -> None:
    assert isinstance(await chat.show(Place(chat_id=EFUA), CARD, None), Never)


async def test_a_chat_that_nobody_knows_is_given_up(chat: TelegramChat) -> None:
    reply = await chat.show(Place(chat_id=-100123), CARD, None)
    assert reply == Never(why="Telegram knows no such chat, or the person never pressed Start")


async def test_a_group_that_removed_the_bot_is_given_up(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    group = telegram.add_group("Ops", [KOFI])
    telegram.kick(group, by=KOFI)
    assert isinstance(await chat.show(Place(chat_id=group.id), CARD, None), Never)


async def test_a_group_that_became_a_supergroup_has_moved(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    group = telegram.add_group("Ops", [KOFI])
    new = telegram.migrate(group)
    assert await chat.show(Place(chat_id=group.id), CARD, None) == Moved(chat_id=new.id)


async def test_a_deleted_topic_is_no_thread(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    forum = telegram.add_group("Forum", [KOFI], kind=Kind.SUPERGROUP, forum=True)
    topic = telegram.add_topic(forum, "db1")
    place = Place(chat_id=forum.id, thread_id=topic.id)
    number = await posted(chat, place)
    telegram.delete_topic(topic)
    assert await chat.show(place, Card(text="x"), number) == Gone()
    assert await chat.show(place, Card(text="x"), None) == NoThread()


async def test_a_deleted_message_is_gone(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    number = await posted(chat)
    telegram.delete(telegram.from_bot(KOFI)[0])
    assert await chat.show(PRIVATE, Card(text="x"), number) == Gone()


async def test_a_message_of_somebody_else_cannot_be_edited(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    said = telegram.say(KOFI, "hello")
    assert await chat.show(PRIVATE, CARD, said.id) == Gone()


async def test_telegrams_own_flood_limit_says_how_long(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    telegram.world.flood.limits = Limits(overall=None, chat=Rate(per_s=0.1, burst=1), group=None)
    await posted(chat)
    reply = await chat.show(PRIVATE, CARD, None)
    assert isinstance(reply, Later)
    assert reply.why == "flood limit"
    assert reply.after_s is not None
    assert 9 <= reply.after_s <= 10


# the table: (what it says, to a post, to an edit)

REFUSALS: list[tuple[Refusal, Reply, Reply]] = [
    (bad_request("message to edit not found"), Gone(), Gone()),
    (bad_request("message can't be edited"), Gone(), Gone()),
    (bad_request("message thread not found"), NoThread(), NoThread()),
    (bad_request("TOPIC_CLOSED"), NoThread(), NoThread()),
    (bad_request("TOPIC_DELETED"), NoThread(), NoThread()),
    (bad_request("not enough rights to send text messages to the chat"), Never(why=""), Never(why="")),
    (bad_request("have no rights to send a message"), Never(why=""), Never(why="")),
    (bad_request("CHAT_WRITE_FORBIDDEN"), Never(why=""), Never(why="")),
    (bad_request("chat not found"), Never(why=""), Never(why="")),
    (bad_request("BUTTON_DATA_INVALID"), Never(why=""), Never(why="")),
    (bad_request("something that nobody has seen yet"), Never(why=""), Never(why="")),
    (forbidden("user is deactivated"), Never(why=""), Never(why="")),
    (forbidden("bot can't initiate conversation with a user"), Never(why=""), Never(why="")),
    (bad_request("upgraded", migrate_to_chat_id=-1005), Moved(chat_id=-1005), Moved(chat_id=-1005)),
    (errors.too_many(7), Later(why=""), Later(why="")),
    (errors.unauthorized(), Later(why=""), Later(why="")),
]


@pytest.mark.parametrize("edit", [False, True], ids=["post", "edit"])
@pytest.mark.parametrize(("refusal", "post", "changed"), REFUSALS, ids=[one.description for one, _, _ in REFUSALS])
async def test_each_refusal_has_its_meaning(
    telegram: TelegramSandbox, chat: TelegramChat, refusal: Refusal, post: Reply, changed: Reply, edit: bool
) -> None:
    number = await posted(chat) if edit else None
    telegram.fault(refused(refusal))
    _same(await chat.show(PRIVATE, Card(text="x"), number), changed if edit else post)


@pytest.mark.parametrize("edit", [False, True], ids=["post", "edit"])
@pytest.mark.parametrize(
    "fault",
    [BAD_GATEWAY, SERVER_ERROR, CUT_JSON, SHORT_JSON, RESET, CLOSE, HANG, CONFLICT, UNAUTHORIZED, flood(3)],
    ids=["502", "500", "cut", "half JSON", "reset", "closed", "hangs", "409", "401", "429"],
)
async def test_trouble_on_the_way_means_later(
    telegram: TelegramSandbox, chat: TelegramChat, fault: Fault, edit: bool
) -> None:
    number = await posted(chat) if edit else None
    telegram.fault(fault)
    reply = await chat.show(PRIVATE, Card(text="x"), number)
    assert isinstance(reply, Later)
    assert telegram.token not in reply.why
    assert isinstance(await chat.show(PRIVATE, Card(text="x"), number), Shown)


@pytest.mark.parametrize("second", [bad_request("chat not found"), forbidden("bot was blocked by the user")])
async def test_a_refusal_of_the_plain_text_has_its_meaning_too(
    telegram: TelegramSandbox, chat: TelegramChat, second: Refusal
) -> None:
    telegram.fault(refused(bad_request("can't parse entities: x")))
    telegram.fault(refused(second))
    assert isinstance(await chat.show(PRIVATE, CARD, None), Never)


async def test_an_edit_that_telegram_did_and_did_not_answer_is_done_the_next_time(
    telegram: TelegramSandbox, chat: TelegramChat
) -> None:
    number = await posted(chat)
    telegram.fault(Fault(breaks=Break.CLOSE, done=True))
    assert isinstance(await chat.show(PRIVATE, Card(text="x"), number), Later)
    assert await chat.show(PRIVATE, Card(text="x"), number) == Shown(telegram_id=number)


async def test_a_text_that_is_refused_in_every_form_is_given_up(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    telegram.fault(refused(bad_request("can't parse entities: x")), times=2)
    assert isinstance(await chat.show(PRIVATE, CARD, None), Never)


async def test_a_plain_text_that_is_there_already_is_done(telegram: TelegramSandbox, chat: TelegramChat) -> None:
    broken = Card(text="<b>one <u>two")
    number = (await chat.show(PRIVATE, broken, None)).telegram_id  # type: ignore[union-attr]
    assert await chat.show(PRIVATE, broken, number) == Shown(telegram_id=number)


def _same(found: Reply, wanted: Reply) -> None:
    """Alike but for words and seconds."""
    assert type(found) is type(wanted)
    if isinstance(wanted, Moved):
        assert found == wanted
