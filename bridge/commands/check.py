"""`bridge check`: says what is understood, and whether it works. Sends nothing unless asked, disturbs no service."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from pydantic import SecretStr
from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.request import HTTPXRequest

from bridge import logs, settings
from bridge.app import ConfiguredGateway, configured_gateways
from bridge.clock import SystemClock
from bridge.commands.check_oncall import check_oncall, file_of, people_with_telegram
from bridge.commands.check_receiving import receiving
from bridge.commands.report import Report
from bridge.commands.terminal import entry_of, note
from bridge.domain.balance import amount
from bridge.domain.errors import BridgeError, SettingsError, StoreError
from bridge.domain.outcome import Accepted, Unknown
from bridge.domain.phone import NumberProblem, read_number
from bridge.domain.problem_words import explain
from bridge.domain.wording import reason
from bridge.gateways.probe import probe
from bridge.settings import SECRETS, Settings, variable
from bridge.store.homes import home_of
from bridge.store.migrate import refuse_newer
from bridge.telegram.trouble import in_words
from bridge.web.server import bind

TEST_TEXT = "bridge: this is a test. If you can read it, SMS works."
CANNOT_START = 2


async def check_all(send_test: str | None) -> int:
    """Check everything; gives 0, 1 when something was found, or 2 for settings that do not do."""
    report = Report()
    try:
        found = settings.load(need=settings.TELEGRAM + settings.GATEWAY)
    except SettingsError as error:
        for line in error.lines:
            report.wrong(line)
        print(f"{report.summary} Nothing else was looked at.")
        return CANNOT_START
    logs.set_up("DEBUG" if found.log_level == "DEBUG" else "ERROR", "text", found.secrets())
    file = file_of(found, report)
    listed = people_with_telegram(file.oncall)
    _settings(found, report, anybody=bool(listed))
    running = await _store(found, report)
    if running is False:
        _port(found, report)
    await check_oncall(found, file, report)
    await _telegram(found, listed, report, running=running is not False)
    if found.heartbeat_url:
        await _heartbeat(found.heartbeat_url, report)
    gateways = _gateways(found, report)
    for gateway in gateways:
        await _gateway(gateway, report)
    if send_test is not None and gateways:
        await _send_test(found, gateways[0], send_test, report)
    print(report.summary)
    return 1 if report.findings else 0


def _settings(found: Settings, report: Report, *, anybody: bool) -> None:
    """`anybody`: whether people of the on-call file may use it."""
    for name in sorted(found.model_fields_set):
        value = getattr(found, name)
        shown = "***" if name in SECRETS else _plain(value)
        if show := _ADDRESSES.get(name):
            shown = show(value) if value else ""
        report.ok(f"{variable(name)} = {shown}")
    for event, line in settings.cautions(found):
        if event != "settings.nobody":
            report.caution(line)
        else:  # without people nothing can be done with it
            (report.note if anybody else report.wrong)(line)


def _shown_database(url: str) -> str:
    """Without its password."""
    try:
        return url if url.startswith("sqlite:") else str(home_of(url))
    except BridgeError:  # `_store` says what is wrong with it
        return "***"


def _shown_host(url: str) -> str:
    target = urlsplit(url)
    return f"{target.scheme}://{target.hostname}/***"


_ADDRESSES = {"database_url": _shown_database, "heartbeat_url": _shown_host}
"""Settings of which a part may be shown: the rest lets its reader in."""


def _plain(value: object) -> str:
    if isinstance(value, frozenset | tuple):
        listed = sorted(value, key=str) if isinstance(value, frozenset) else value  # a tuple's order means something
        return ",".join("***" if isinstance(one, SecretStr) else str(one) for one in listed)
    return str(value)


async def _store(found: Settings, report: Report) -> bool | None:
    """Whether a service delivers from this database now; None where that cannot be seen."""
    try:
        home = home_of(found.database_url)
        holder = await home.holder()
        running = holder is not None and holder.is_service
        version = await home.current()
        refuse_newer(home, version)
        await home.check_lock()
        await home.check_start(version)
    except BridgeError as error:
        report.wrong(f"store: {error}")
        return None
    state = "not there yet, it will be made" if version is None else f"version {version}, writable"
    report.ok(f"store: {home}: {state}{'; a service is running' if running else ''}")
    return running


def _port(found: Settings, report: Report) -> None:
    try:
        bind(found.host, found.port).close()
    except SettingsError as error:
        report.wrong(str(error))
    else:
        report.ok(f"HTTP: {found.host}:{found.port} is free")


async def _telegram(found: Settings, listed: Mapping[int, str], report: Report, *, running: bool) -> None:
    reach = await probe(found.telegram_api_url)
    if not reach.ok:
        report.wrong(f"Telegram: BRIDGE_TELEGRAM_API_URL cannot be reached: {reach.step}: {reach.why}")
        return
    token = found.telegram_token
    bot = Bot(
        token.get_secret_value() if token else "",
        base_url=f"{found.telegram_api_url}/bot",
        request=HTTPXRequest(connect_timeout=5, read_timeout=8),
    )
    try:
        me = await bot.get_me()
        report.ok(f"Telegram: the bot is @{me.username}")
        await receiving(bot, found, report, running=running)
        await _people(bot, found, listed, report)
    except TelegramError as error:
        report.wrong(in_words(error))
    finally:
        await bot.shutdown()


async def _people(bot: Bot, found: Settings, listed: Mapping[int, str], report: Report) -> None:
    """`listed`: people of the on-call file, by their ids."""
    for user_id in sorted(found.people | listed.keys()):
        role = "admin" if user_id in found.telegram_admins else "user" if user_id in found.people else listed[user_id]
        try:
            chat = await bot.get_chat(user_id)
        except (BadRequest, Forbidden):
            report.note(
                f"Telegram: {role} {user_id} cannot be written to: has not pressed Start yet, or blocked the bot"
            )
        else:
            report.ok(f"Telegram: {role} {user_id} is {chat.full_name or chat.username or 'there'}")
    for chat_id, _ in found.notice_chats if found.telegram_chat else ():
        try:
            await bot.get_chat(chat_id)
        except (BadRequest, Forbidden):
            report.wrong(f"Telegram: BRIDGE_TELEGRAM_CHAT: the bot is not in chat {chat_id}")
        else:
            report.ok(f"Telegram: notices go to chat {chat_id}")


async def _heartbeat(url: str, report: Report) -> None:
    """Not called: whoever watches it would take that for a sign of life."""
    reach = await probe(url)
    host = urlsplit(url).hostname
    if reach.ok:
        report.ok(f"heartbeat: {host} can be reached (it was not called, so the address is not proven)")
    else:
        report.wrong(f"heartbeat: BRIDGE_HEARTBEAT_URL: {host} cannot be reached: {reach.step}: {reach.why}")


def _gateways(found: Settings, report: Report) -> tuple[ConfiguredGateway, ...]:
    """Nothing where they cannot be built."""
    try:
        return configured_gateways(found)
    except SettingsError as error:
        for line in error.lines:
            report.wrong(line)
        return ()


async def _gateway(gateway: ConfiguredGateway, report: Report) -> None:
    if gateway.caution:
        report.caution(gateway.caution)
    if gateway.rate is not None:
        report.ok(f"gateway {gateway.name}: {amount(gateway.rate.per_second)} calls a second at most")
    if (mark := gateway.low_mark) is not None:
        if mark.at:
            report.ok(f"gateway {gateway.name}: admins hear when its balance is at {amount(mark.at)} or below")
        else:
            report.note(f"gateway {gateway.name}: {mark.setting} sets no mark: nobody hears before its balance is gone")
    reach = await probe(gateway.url)
    host = urlsplit(gateway.url).hostname
    if reach.ok:
        report.ok(f"gateway {gateway.name}: {host} can be reached (no request was made, so the keys are not proven)")
    else:
        report.wrong(
            f"gateway {gateway.name}: {gateway.url_setting}: {host} cannot be reached: {reach.step}: {reach.why}"
        )


async def _send_test(found: Settings, gateway: ConfiguredGateway, item: str, report: Report) -> None:
    """One SMS straight to the gateway: it stands in no outbox, because the store may be what is broken."""
    number = read_number(item, region=found.default_region, allowed_countries=found.allowed_countries)
    if isinstance(number, NumberProblem):
        report.wrong(f"--send-test: {explain(number)}")
        return
    slots = gateway.slots(found, SystemClock())
    outcome = (await slots[0].send([number.e164], TEST_TEXT))[number.e164]
    await asyncio.gather(*(slot.aclose() for slot in slots))
    what = entry_of("bridge check --send-test", outcome=type(outcome).__name__.lower(), detail="1 recipient, 1 segment")
    with suppress(StoreError):  # the store may be what is broken
        await note(home_of(found.database_url), what)
    words = " · ".join(part for part in (reason(outcome.reason.value), outcome.words.code, outcome.words.error) if part)
    match outcome:
        case Accepted():
            report.ok(f"--send-test: the gateway took it{f' · {words}' if words else ''}; look at the phone")
        case Unknown():
            report.wrong(f"--send-test: may have been sent: check the phone; {words}")
        case _:
            report.wrong(f"--send-test: not sent: {words}")
