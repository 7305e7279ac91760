import asyncio

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bridge.sandbox.telegram import TelegramSandbox

from .conftest import AMA


async def test_a_command_reaches_the_bot_and_its_answer_the_chat(telegram: TelegramSandbox, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=5))
    await telegram.wait_for(lambda: telegram.calls_of("getUpdates"))
    telegram.say(AMA, "/sms 0241109433 hi")
    (update,) = await polling
    assert update.message
    assert update.message.text == "/sms 0241109433 hi"
    sent = await bot.send_message(
        AMA,
        "<b>Sent</b> & ok".replace("&", "&amp;"),
        parse_mode="HTML",
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Again", callback_data="a")]]),
    )
    assert telegram.last_text(AMA) == "Sent & ok"
    await bot.edit_message_text("Done", AMA, sent.message_id, reply_markup=sent.reply_markup)
    pressed = await telegram.press(AMA, telegram.from_bot(AMA)[-1], "Again")
    updates = await bot.get_updates(offset=update.update_id + 1)
    assert updates[0].callback_query
    await bot.answer_callback_query(updates[0].callback_query.id, "yes")
    assert (await pressed.answer()).text == "yes"
