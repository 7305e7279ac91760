"""Every method and refusal, as python-telegram-bot meets them over HTTP."""

from datetime import timedelta

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, InvalidToken, RetryAfter

from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import FloodGate, Limits, Rate
from bridge.sandbox.telegram_state import Kind

from .conftest import AMA, EFUA, KOFI, Clock, bot_at


def keys(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data) for text, data in buttons]])


async def test_get_me_gives_the_bot(telegram: TelegramSandbox, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (telegram.world.bot.id, True, "bridge_sandbox_bot")
    assert me.can_read_all_group_messages is False


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("5005005005:AAsandbox-token-that-is-another-one", "Unauthorized"),
        ("no-token-at-all", "Not Found"),
        ("123:short", "Not Found"),
    ],
)
async def test_a_wrong_token_is_refused(telegram: TelegramSandbox, token: str, answer: str) -> None:
    stranger = bot_at(telegram.url, token)
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()
    assert telegram.calls[-1].description == answer


async def test_a_sent_message_stands_in_the_chat_with_its_entities_and_buttons(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    text = '🔥 <b>Sent</b> to <code>024…433</code> &amp; <a href="https://x.example/?a=1">more</a>'
    sent = await bot.send_message(
        AMA,
        text,
        parse_mode="HTML",
        reply_markup=keys(("Send again", "again:42")),
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.text == "🔥 Sent to 024…433 & more"
    assert sent.text_html == text
    assert sent.from_user
    assert sent.from_user.id == bot.id
    (kept,) = telegram.messages(AMA)
    assert kept.id == sent.message_id
    assert [(b.text, b.callback_data) for b in kept.buttons] == [("Send again", "again:42")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Message text is empty"),
        ("  \n ", "Text must be non-empty"),
        ("x" * 4097, "Message is too long"),
        ("🔥" * 2049, "Message is too long"),
    ],
)
async def test_telegram_counts_the_text_in_utf16_units(bot: Bot, text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        await bot.send_message(AMA, text)


async def test_the_limit_holds_after_the_markup_is_read(bot: Bot) -> None:
    await bot.send_message(AMA, "🔥" * 2048)
    await bot.send_message(AMA, f"<b>{'x' * 4095}</b>&amp;", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(AMA, f"<b>{'x' * 4096}</b>&amp;", parse_mode="HTML")
    sent = await bot.send_message(AMA, "short")
    with pytest.raises(BadRequest, match="Message_too_long"):
        await bot.edit_message_text("x" * 4097, AMA, sent.message_id)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a <blink>b</blink>", 'Unsupported start tag "blink" at byte offset 2'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("é <b", "Unclosed start tag at byte offset 3"),
        ('<span class="red">x</span>', 'Tag "span" must have class "tg-spoiler"'),
    ],
)
async def test_bad_html_is_refused(telegram: TelegramSandbox, bot: Bot, text: str, words: str) -> None:
    with pytest.raises(BadRequest, match="Can't parse entities"):
        await bot.send_message(AMA, text, parse_mode="HTML")
    assert telegram.calls[-1].description.startswith(f"Bad Request: can't parse entities: {words}")


async def test_markdown_is_not_for_this_sandbox(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Unsupported parse_mode"):
        await bot.send_message(AMA, "*x*", parse_mode="MarkdownV2")


async def test_a_callback_data_has_64_bytes_at_most(bot: Bot) -> None:
    await bot.send_message(AMA, "x", reply_markup=keys(("Go", "é" * 32)))
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await bot.send_message(AMA, "x", reply_markup=keys(("Go", "é" * 32 + "x")))


async def test_a_button_without_an_action_is_refused_and_one_without_text_is_dropped(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    with pytest.raises(BadRequest, match="text buttons are unallowed in the inline keyboard"):
        await bot.send_message(AMA, "x", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Go")]]))
    sent = await bot.send_message(AMA, "x", reply_markup=keys(("", "a"), ("Go", "b")))
    assert [b.text for b in telegram.world.chats[AMA].messages[sent.message_id].buttons] == ["Go"]


async def test_an_edit_replaces_text_and_buttons_and_keeps_the_first_version_in_hand(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    sent = await bot.send_message(AMA, "sending", reply_markup=keys(("Cancel", "c")))
    first = telegram.from_bot(AMA)[-1]
    edited = await bot.edit_message_text("accepted", AMA, sent.message_id)
    assert telegram.last_text(AMA) == "accepted"
    assert telegram.from_bot(AMA)[-1].buttons == ()
    assert edited.edit_date  # type: ignore[union-attr]
    assert first.text == "sending"


async def test_an_edit_that_changes_nothing_is_refused(bot: Bot) -> None:
    markup = keys(("Cancel", "c"))
    sent = await bot.send_message(AMA, "sending <b>x</b>", parse_mode="HTML", reply_markup=markup)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text(
            "sending <strong>x</strong>", AMA, sent.message_id, parse_mode="HTML", reply_markup=markup
        )
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_reply_markup(AMA, sent.message_id, reply_markup=markup)
    await bot.edit_message_reply_markup(AMA, sent.message_id, reply_markup=None)
    await bot.edit_message_text("sending x", AMA, sent.message_id)


async def test_only_own_messages_that_exist_can_be_edited(telegram: TelegramSandbox, bot: Bot) -> None:
    theirs = telegram.say(AMA, "hello")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", AMA, theirs.id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", AMA, 999)
    sent = await bot.send_message(AMA, "x")
    telegram.delete(telegram.from_bot(AMA)[-1])
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("y", AMA, sent.message_id)


async def test_deleting_works_once(telegram: TelegramSandbox, bot: Bot, clock: Clock) -> None:
    sent = await bot.send_message(AMA, "x")
    assert await bot.delete_message(AMA, sent.message_id)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(AMA, sent.message_id)
    old = await bot.send_message(AMA, "x")
    clock.pass_s(48 * 3600 + 1)
    with pytest.raises(BadRequest, match="can't be deleted"):
        await bot.delete_message(AMA, old.message_id)


async def test_a_reply_needs_its_message(telegram: TelegramSandbox, bot: Bot) -> None:
    asked = telegram.say(AMA, "/sms 0241109433 hi")
    sent = await bot.send_message(AMA, "#1", reply_parameters=ReplyParameters(asked.id))
    assert sent.reply_to_message
    assert sent.reply_to_message.text == "/sms 0241109433 hi"
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(AMA, "#1", reply_parameters=ReplyParameters(999))
    alone = await bot.send_message(AMA, "#1", reply_parameters=ReplyParameters(999, allow_sending_without_reply=True))
    assert alone.reply_to_message is None


async def test_nobody_is_written_to_who_did_not_start_the_bot_or_blocked_it(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(987654321, "x")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(EFUA, "x")
    telegram.say(EFUA, "/start")
    sent = await bot.send_message(EFUA, "x")
    telegram.block(EFUA)
    for call in (bot.send_message(EFUA, "x"), bot.edit_message_text("y", EFUA, sent.message_id)):
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await call
    telegram.unblock(EFUA)
    await bot.send_message(EFUA, "x")


@pytest.mark.parametrize(("kind", "word"), [(Kind.GROUP, "group"), (Kind.SUPERGROUP, "supergroup")])
async def test_a_group_that_removed_the_bot_refuses_it(
    telegram: TelegramSandbox, bot: Bot, kind: Kind, word: str
) -> None:
    group = telegram.add_group("Ops", [AMA], kind=kind)
    telegram.kick(group)
    with pytest.raises(Forbidden, match=f"bot was kicked from the {word} chat"):
        await bot.send_message(group.id, "x")
    telegram.invite(group)
    await bot.send_message(group.id, "x")


async def test_a_group_that_moved_says_where_to(telegram: TelegramSandbox, bot: Bot) -> None:
    group = telegram.add_group("Ops", [AMA])
    new = telegram.migrate(group)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group.id, "x")
    assert moved.value.new_chat_id == new.id
    await bot.send_message(new.id, "x")


async def test_topics_are_written_to_by_thread(telegram: TelegramSandbox, bot: Bot) -> None:
    forum = telegram.add_group("Ops", [AMA], forum=True)
    topic = telegram.add_topic(forum, "Database")
    sent = await bot.send_message(forum.id, "x", message_thread_id=topic.id)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic.id, True)
    for thread in (topic.id + 100, 1):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=thread)
    telegram.delete_topic(topic)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(forum.id, "x", message_thread_id=topic.id)


async def test_a_thread_means_nothing_where_there_are_no_topics(telegram: TelegramSandbox, bot: Bot) -> None:
    group = telegram.add_group("Ops", [AMA], kind=Kind.SUPERGROUP)
    sent = await bot.send_message(group.id, "x", message_thread_id=7)
    assert sent.message_thread_id is None


async def test_a_callback_query_is_answered_once_and_in_time(telegram: TelegramSandbox, bot: Bot, clock: Clock) -> None:
    await bot.send_message(AMA, "x", reply_markup=keys(("Go", "go"), ("Stop", "stop")))
    shown = telegram.from_bot(AMA)[-1]
    pressed = await telegram.press(KOFI, shown, "Go")
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query
    assert (query.data, query.from_user.id) == ("go", KOFI)
    assert query.message
    assert query.message.message_id == shown.id
    with pytest.raises(BadRequest, match="Message_too_long"):
        await query.answer("x" * 201)
    await query.answer("done", show_alert=True)
    answer = await pressed.answer()
    assert (answer.text, answer.alert) == ("done", True)
    with pytest.raises(BadRequest, match="Query is too old"):
        await query.answer("again")
    late = await telegram.press(AMA, shown, "stop")
    clock.pass_s(61)
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(late.query_id)


async def test_only_buttons_that_are_there_can_be_pressed(telegram: TelegramSandbox, bot: Bot) -> None:
    sent = await bot.send_message(AMA, "x", reply_markup=keys(("Go", "go")))
    shown = telegram.from_bot(AMA)[-1]
    await bot.edit_message_reply_markup(AMA, sent.message_id)
    with pytest.raises(LookupError, match="no button"):
        await telegram.press(AMA, shown, "Go")
    telegram.press_data(AMA, shown, "go")  # what a modified client can do
    telegram.delete(shown)
    telegram.press_data(AMA, shown, "go")
    first, second = await bot.get_updates()
    assert isinstance(first, Update)
    assert first.callback_query
    assert first.callback_query.message
    assert first.callback_query.message.is_accessible
    assert second.callback_query
    assert second.callback_query.message
    assert not second.callback_query.message.is_accessible


async def test_command_menus_are_kept_by_scope(bot: Bot) -> None:
    ama = BotCommandScopeChat(AMA)
    await bot.set_my_commands([("help", "What this bot does")], scope=BotCommandScopeAllPrivateChats())
    await bot.set_my_commands([("pause", "Stop all")], scope=ama)
    assert await bot.get_my_commands(scope=ama) == (BotCommand("pause", "Stop all"),)
    assert await bot.get_my_commands() == ()
    await bot.delete_my_commands(scope=ama)
    assert await bot.get_my_commands(scope=ama) == ()
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Pause", "Stop all")])
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.set_my_commands([("pause", "Stop all")], scope=BotCommandScopeChat(987654321))


async def test_chats_can_be_asked_about_and_typed_to(telegram: TelegramSandbox, bot: Bot) -> None:
    group = telegram.add_group("Ops", [AMA], forum=True)
    chat = await bot.get_chat(group.id)
    assert (chat.title, chat.type, chat.is_forum) == ("Ops", "supergroup", True)
    assert (await bot.get_chat(AMA)).first_name == "Ama"
    assert await bot.send_chat_action(AMA, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(AMA, "yawning")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_chat(987654321)


async def test_a_channel_post_by_the_bot_has_no_author(telegram: TelegramSandbox, bot: Bot) -> None:
    channel = telegram.add_channel("News", username="ops_news")
    sent = await bot.send_message("@ops_news", "x")
    assert sent.from_user is None
    assert sent.sender_chat
    assert sent.sender_chat.id == channel.id


async def test_flood_limits_name_the_seconds_to_wait(clock: Clock) -> None:
    sandbox = TelegramSandbox(limits=Limits(chat=Rate(per_s=1, burst=2)), now=clock, clock=clock)
    sandbox.add_user(AMA, "Ama")
    async with sandbox, bot_at(sandbox.url, sandbox.token) as bot:
        sent = await bot.send_message(AMA, "1")
        await bot.send_message(AMA, "2")
        with pytest.raises(RetryAfter) as refused:
            await bot.edit_message_text("3", AMA, sent.message_id)
        assert refused.value.retry_after == timedelta(seconds=1)
        assert sandbox.calls[-1].answer
        assert sandbox.calls[-1].answer["parameters"] == {"retry_after": 1}
        clock.pass_s(1)
        await bot.edit_message_text("3", AMA, sent.message_id)


def test_a_group_takes_20_messages_a_minute_and_all_chats_together_30_a_second(clock: Clock) -> None:
    gate = FloodGate(Limits(chat=None), clock)
    assert [gate.wait_s(1, group=True) for _ in range(20)] == [0] * 20
    assert gate.wait_s(1, group=True) == 3
    clock.pass_s(60)
    assert [gate.wait_s(1, group=True) for _ in range(20)] == [0] * 20
    clock.pass_s(10)
    assert [gate.wait_s(chat, group=False) for chat in range(30)] == [0] * 30
    assert gate.wait_s(31, group=False) == 1


async def test_an_unknown_method_is_not_found(telegram: TelegramSandbox, bot: Bot) -> None:
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendTelepathy")
    assert telegram.calls[-1].description == "Not Found: method not found"
