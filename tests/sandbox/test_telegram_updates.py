"""Getting updates: confirming, waiting, other pollers, webhooks; and what people's acts look like to a bot."""

import asyncio
import time

import pytest
from telegram import Bot, Message, MessageOriginChannel, MessageOriginUser, Update
from telegram.error import Conflict

from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS
from bridge.sandbox.telegram_state import Kind

from .conftest import AMA, EFUA, KOFI, START, Clock, bot_at


async def message_of(bot: Bot) -> Message:
    (update,) = await bot.get_updates()
    assert update.effective_message
    return update.effective_message


async def test_updates_stay_until_an_offset_confirms_them(telegram: TelegramSandbox, bot: Bot) -> None:
    for text in ("one", "two", "three"):
        telegram.say(AMA, text)
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first if u.message] == ["one", "two"]
    assert [u.update_id for u in await bot.get_updates()] == [u.id for u in telegram.unconfirmed_updates]
    (rest,) = await bot.get_updates(offset=first[-1].update_id + 1)
    assert rest.message
    assert rest.message.text == "three"
    assert await bot.get_updates(offset=rest.update_id + 1) == ()
    assert telegram.unconfirmed_updates == []


async def test_a_negative_offset_keeps_only_the_last_ones(telegram: TelegramSandbox, bot: Bot) -> None:
    for text in ("one", "two", "three"):
        telegram.say(AMA, text)
    (last,) = await bot.get_updates(offset=-1)
    assert last.message
    assert last.message.text == "three"
    assert len(telegram.unconfirmed_updates) == 1


async def test_unconfirmed_updates_are_kept_24_hours(telegram: TelegramSandbox, bot: Bot, clock: Clock) -> None:
    telegram.say(AMA, "one")
    clock.pass_s(24 * 3600)
    telegram.say(AMA, "two")
    assert len(await bot.get_updates()) == 2
    clock.pass_s(1)
    assert [u.message.text for u in await bot.get_updates() if u.message] == ["two"]


async def test_a_long_poll_ends_with_the_first_update(telegram: TelegramSandbox, bot: Bot) -> None:
    started = time.monotonic()
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.wait_for(lambda: telegram.polled)
    telegram.say(AMA, "hello")
    assert len(await poll) == 1
    assert time.monotonic() - started < 5


async def test_a_long_poll_without_updates_ends_empty(telegram: TelegramSandbox, bot: Bot) -> None:
    started = time.monotonic()
    assert await bot.get_updates(timeout=1) == ()
    assert 0.9 < time.monotonic() - started < 5


async def test_a_second_poller_ends_the_first(telegram: TelegramSandbox, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.wait_for(lambda: telegram.polled)
    async with bot_at(telegram.url, telegram.token) as other:
        second = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one bot"):
            await first
        telegram.say(AMA, "hello")
        assert len(await second) == 1


async def test_a_poller_that_is_gone_loses_nothing(telegram: TelegramSandbox, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.wait_for(lambda: telegram.polled)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    telegram.say(AMA, "hello")
    assert len(await bot.get_updates()) == 1


async def test_with_a_webhook_nobody_polls(telegram: TelegramSandbox, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.wait_for(lambda: telegram.polled)
    await bot.set_webhook("https://bridge.example/telegram")
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    telegram.say(AMA, "hello")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("https://bridge.example/telegram", 1)
    await bot.delete_webhook(drop_pending_updates=True)
    assert (await bot.get_webhook_info()).url == ""
    assert await bot.get_updates() == ()


async def test_kinds_that_were_not_asked_for_never_arise(telegram: TelegramSandbox, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["message"])
    telegram.block(AMA)
    telegram.say(AMA, "hello")  # unblocks, too
    assert [u.message is not None for u in await bot.get_updates()] == [True]
    await bot.get_updates(allowed_updates=[])
    telegram.block(AMA)
    last = (await bot.get_updates())[-1]
    assert last.my_chat_member
    assert last.my_chat_member.new_chat_member.status == "kicked"


async def test_telegram_makes_a_bot_wait_that_asks_the_same_twice() -> None:
    sandbox = TelegramSandbox(limits=NO_LIMITS, poll_floor_s=0.3)
    async with sandbox, bot_at(sandbox.url, sandbox.token) as bot:
        await bot.get_updates(timeout=0)
        started = time.monotonic()
        await bot.get_updates(timeout=0)
        assert time.monotonic() - started > 0.25


# what acts look like


async def test_a_command_has_its_entities_in_utf16_units(telegram: TelegramSandbox, bot: Bot) -> None:
    telegram.say(AMA, "/sms@bridge_sandbox_bot 🔥 @kofi_b see https://x.example/a?b, #db1 +233241109433 a@b.example")
    message = await message_of(bot)
    found = sorted((kind.type, words) for kind, words in message.parse_entities().items())
    assert found == [
        ("bot_command", "/sms@bridge_sandbox_bot"),
        ("email", "a@b.example"),
        ("hashtag", "#db1"),
        ("mention", "@kofi_b"),
        ("phone_number", "+233241109433"),
        ("url", "https://x.example/a?b"),
    ]


async def test_a_message_says_who_where_and_when(telegram: TelegramSandbox, bot: Bot) -> None:
    telegram.say(AMA, "/whoami", date=int(START) - 900)
    message = await message_of(bot)
    assert message.from_user
    assert (message.from_user.id, message.from_user.full_name) == (AMA, "Ama Mensah")
    assert (message.chat.id, message.chat.type) == (AMA, "private")
    assert message.date.timestamp() == START - 900


async def test_an_edit_is_an_edited_message(telegram: TelegramSandbox, bot: Bot) -> None:
    said = telegram.say(AMA, "/sms 0241109433 hi")
    telegram.edit(AMA, said, "/sms 0241109433 hello")
    first, second = await bot.get_updates()
    assert first.message
    assert second.edited_message
    assert (second.edited_message.message_id, second.edited_message.text) == (said.id, "/sms 0241109433 hello")
    with pytest.raises(ValueError, match="own messages"):
        telegram.edit(KOFI, said, "x")


async def test_a_reply_brings_what_it_answers_even_from_another_bot(telegram: TelegramSandbox, bot: Bot) -> None:
    telegram.add_user(777, "Grafana", is_bot=True, username="grafana_bot")
    group = telegram.add_group("Ops", [AMA, 777])
    alert = telegram.bot_says(777, "Disk full on db1", chat=group)
    telegram.say(AMA, "/sms 0241109433", chat=group, reply_to=alert, quote="Disk full")
    message = await message_of(bot)  # and nothing of the other bot itself
    assert message.reply_to_message
    assert message.reply_to_message.text == "Disk full on db1"
    assert message.quote
    assert message.quote.text == "Disk full"


async def test_in_a_topic_every_message_seems_to_reply_to_its_root(telegram: TelegramSandbox, bot: Bot) -> None:
    forum = telegram.add_group("Ops", [AMA], forum=True)
    topic = telegram.add_topic(forum, "Database")
    telegram.say(AMA, "/sms 0241109433 hi", chat=forum, thread=topic)
    _, update = await bot.get_updates()
    message = update.message
    assert message
    assert (message.message_thread_id, message.is_topic_message) == (topic.id, True)
    assert message.reply_to_message
    assert message.reply_to_message.message_id == topic.id
    assert message.reply_to_message.forum_topic_created


async def test_forwards_photos_and_channels_say_where_they_come_from(telegram: TelegramSandbox, bot: Bot) -> None:
    group = telegram.add_group("Ops", [AMA, KOFI], administrator=True)
    channel = telegram.add_channel("News")
    photo = telegram.say(KOFI, "A caption", chat=group, photo=True)
    telegram.forward(AMA, photo)
    post = telegram.post_in_channel(channel, "/sms 0241109433 hi", linked_group=group)
    telegram.forward(AMA, post)
    telegram.say(AMA, "/sms 0241109433 hi", chat=group, as_anonymous_admin=True)
    telegram.say(AMA, "/sms 0241109433 hi", chat=group, as_channel=channel)
    shown, forwarded, posted, automatic, channel_forward, anonymous, as_channel = await bot.get_updates()
    assert shown.message
    assert (shown.message.caption, shown.message.text, bool(shown.message.photo)) == ("A caption", None, True)
    assert forwarded.message
    assert isinstance(forwarded.message.forward_origin, MessageOriginUser)
    assert forwarded.message.forward_origin.sender_user.id == KOFI
    assert posted.channel_post
    assert posted.channel_post.from_user is None
    assert automatic.message
    assert automatic.message.is_automatic_forward
    assert _sender(automatic) == (777000, channel.id)
    assert channel_forward.message
    assert isinstance(channel_forward.message.forward_origin, MessageOriginChannel)
    assert _sender(anonymous) == (1087968824, group.id)
    assert _sender(as_channel) == (136817688, channel.id)


def _sender(update: Update) -> tuple[int, int]:
    assert update.message
    assert update.message.from_user
    assert update.message.sender_chat
    return update.message.from_user.id, update.message.sender_chat.id


async def test_in_privacy_mode_a_bot_sees_commands_mentions_and_replies_to_itself(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    group = telegram.add_group("Ops", [AMA], kind=Kind.SUPERGROUP)
    await bot.send_message(group.id, "I am here")
    own = telegram.from_bot(group)[-1]
    telegram.say(AMA, "nothing for a bot", chat=group)
    telegram.say(AMA, "/sms@other_bot hi", chat=group)
    telegram.say(AMA, "@other_person hi", chat=group)
    assert await bot.get_updates() == ()
    telegram.say(AMA, "/help", chat=group)
    telegram.say(AMA, "/help@bridge_sandbox_bot", chat=group)
    telegram.say(AMA, "thanks", chat=group, reply_to=own)
    telegram.say(AMA, "well @bridge_sandbox_bot?", chat=group)
    assert len(await bot.get_updates()) == 4


async def test_nobody_speaks_in_a_group_of_others_and_nothing_comes_from_one_that_removed_the_bot(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    group = telegram.add_group("Ops", [AMA])
    with pytest.raises(ValueError, match="Efua is not in Ops"):
        telegram.say(EFUA, "/help", chat=group)
    telegram.kick(group, by=AMA)
    telegram.say(AMA, "/help", chat=group)
    (update,) = await bot.get_updates()
    assert update.my_chat_member


async def test_a_group_that_moves_tells_both_ids(telegram: TelegramSandbox, bot: Bot) -> None:
    group = telegram.add_group("Ops", [AMA])
    new = telegram.migrate(group)
    old_side, new_side = await bot.get_updates()
    assert old_side.message
    assert (old_side.message.chat.id, old_side.message.migrate_to_chat_id) == (group.id, new.id)
    assert new_side.message
    assert (new_side.message.chat.id, new_side.message.migrate_from_chat_id) == (new.id, group.id)


async def test_waiting_in_vain_shows_the_chats(telegram: TelegramSandbox) -> None:
    telegram.say(AMA, "hello")
    with pytest.raises(TimeoutError, match="Ama: 'hello'"):
        await telegram.wait_for(lambda: False, timeout_s=0.05)


async def test_what_arose_before_the_bot_asked_is_handed_out_all_the_same(telegram: TelegramSandbox, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["message"])
    unheard = telegram.say(AMA, "hello", unheard=True)
    telegram.edit(AMA, unheard, "hello again")
    assert await bot.get_updates(allowed_updates=["message"]) == ()
    telegram.hand_out("channel_post", unheard.json())
    (update,) = await bot.get_updates(allowed_updates=["message"])
    assert update.channel_post
    assert update.channel_post.text == "hello"


async def test_what_a_person_chose_of_an_inline_bot_s_offers_names_that_bot(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    inline = telegram.add_user(4_004_004, "Inline", is_bot=True)
    telegram.say(AMA, "/sms 1 x", via_bot=inline)
    message = await message_of(bot)
    assert message.via_bot is not None
    assert message.via_bot.id == inline.id
    assert message.from_user is not None
    assert message.from_user.id == AMA
