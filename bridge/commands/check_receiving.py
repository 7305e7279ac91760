"""How updates come from Telegram, and whether anything keeps them from us. Changes nothing there."""

from telegram import Bot, WebhookInfo
from telegram.error import Conflict

from bridge.commands.report import Report
from bridge.domain.wording import count
from bridge.settings import Settings
from bridge.telegram.trouble import in_words
from bridge.telegram.webhook import host_of, last_error
from bridge.web.telegram import PATH

POLL_S = 4
"""How long another poller is waited for: real ones ask again within a second or two."""


OF_WHOM = "restart the service where its settings have changed; else another program uses the token"
"""Of what stands at Telegram and is not what a service that is running, or may be, has set there."""


async def receiving(bot: Bot, found: Settings, report: Report, *, running: bool) -> None:
    """`running`: a service is, or may be. Raises `TelegramError`."""
    info = await bot.get_webhook_info()
    to = f", to {found.public_url}{PATH}" if found.by_webhook else ""
    report.ok(f"Telegram: updates come {found.receiving}{to}")
    if found.by_webhook:
        _by_webhook(info, f"{found.public_url}{PATH}", report, running=running)
    else:
        await _by_polling(bot, info, report, running=running)


def _by_webhook(info: WebhookInfo, url: str, report: Report, *, running: bool) -> None:
    if info.url == url:
        waiting = count(info.pending_update_count, "update")
        if (error := last_error(info)) and info.pending_update_count:
            report.wrong(f"Telegram: the webhook is set, and {waiting} cannot be delivered: {error}{_when(info)}")
        else:
            report.ok(f"Telegram: the webhook is set, {waiting} waiting")
            if error:
                report.note(f"Telegram: the last delivery that failed{_when(info)}: {error}")
    elif not running:
        report.note(f"Telegram: {_other(info)}; `bridge run` sets it")
    else:
        report.wrong(f"Telegram: {_other(info)}: {OF_WHOM}")


def _other(info: WebhookInfo) -> str:
    return f"a webhook to another address, of {host_of(info.url)}, is set" if info.url else "no webhook is set"


def _when(info: WebhookInfo) -> str:
    return f" ({info.last_error_date:%Y-%m-%d %H:%M} UTC)" if info.last_error_date else ""


async def _by_polling(bot: Bot, info: WebhookInfo, report: Report, *, running: bool) -> None:
    if info.url:
        still = f"Telegram: a webhook to {host_of(info.url)} is still set"
        if running:
            report.wrong(f"{still}: {OF_WHOM}")
        else:
            report.caution(f"{still}; `bridge run` removes it, because it polls: stop whoever uses it")
        return
    if running:
        report.note("Telegram: not asked for updates, because a service is running, or may be")
        return
    try:
        # No offset: nothing is confirmed. If another program polls, one of us is told so.
        await bot.get_updates(limit=1, timeout=POLL_S)
    except Conflict as error:
        report.wrong(in_words(error))
    else:
        report.ok("Telegram: nobody else polls with this token")
