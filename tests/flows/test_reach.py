"""Who cannot be reached as planned: people with Telegram only, and chats that refuse the bot."""

from datetime import UTC, datetime

import pytest

from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.eventually import until
from tests.support.team import ChatView, Team


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


# --- people with Telegram only

BY_TELEGRAM = ONCALL.replace(f'phone = "{KOFI}"', "telegram = 222222222").replace(
    """  { page = ["person:ama"], wait = "5m" },
  { page = ["person:kofi"], wait = "10m" },""",
    """  { page = ["person:kofi"], wait = "5m" },
  { page = ["person:ama"], wait = "10m" },""",
)


async def has_pressed_start(team: Team) -> None:
    """The bot has said something to Kofi, and Telegram took it."""
    await team.kofi.says("/whoami")
    await team.kofi.chat.shows("your role")
    await team.settled()


async def test_who_has_telegram_only_gets_the_card_and_the_step_keeps_its_wait_where_the_chat_is_open(
    team: Team,
) -> None:
    await team.on_call(BY_TELEGRAM.replace('fallback = ["person:ama"]', 'fallback = ["person:kofi"]'))
    await has_pressed_start(team)
    await team.alertmanager.fires("disk full")
    own = await team.kofi.chat.shows("A1 · critical", "disk full", "Kofi: by Telegram only")
    card = await team.ama.chat.shows("A1", "Kofi: by Telegram only", "next step")
    await team.minutes_pass(4)
    assert team.gateway.sent == []
    await team.minutes_pass(1.1)
    await team.phone(AMA).gets("CRITICAL disk full (5 minutes ago) /ack P1")
    await team.minutes_pass(10.1)
    await team.kofi.chat.shows("📟 A1 disk full", "/ack A1")
    await team.kofi.presses("Ack", own)
    await team.ama.chat.shows("acknowledged by Kofi Boateng", at=card)


async def test_where_nobody_knows_whether_the_private_chat_is_open_the_next_step_runs_at_once(team: Team) -> None:
    await team.on_call(BY_TELEGRAM)
    team.telegram.block(team.kofi.user)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1", "Kofi: by Telegram only", "Ama: sent")


ESI = "+233201234567"

AMA_SLEEPS = (
    ONCALL.replace(f'phone = "{KOFI}"', "telegram = 222222222")
    .replace("telegram = 111111111", 'telegram = 111111111\nquiet = "22:00-07:00"')
    .replace('page = ["person:ama"], wait = "5m"', 'page = ["person:esi", "person:ama"], wait = "5m"')
    .replace('page = ["person:kofi"], wait = "10m"', 'page = ["person:kofi"], wait = "12h"')
    .replace("[policies.default]", f'[people.esi]\nname = "Esi"\nphone = "{ESI}"\n[policies.default]')
    .replace('fallback = ["person:ama"]', 'fallback = ["person:esi"]')
)
"""Esi, and Ama when she wakes; then Kofi by Telegram, for half a day; then Esi again."""


@pytest.mark.unwatched
async def test_a_step_by_telegram_only_keeps_its_wait_when_somebody_of_the_step_before_is_lost(team: Team) -> None:
    await team.on_call(AMA_SLEEPS)
    team.time_passes((datetime(2026, 1, 5, 23, 0, tzinfo=UTC) - team.clock.now()).total_seconds())
    await has_pressed_start(team)
    await team.alertmanager.fires("slow", severity="warning")
    await team.minutes_pass(5.1)
    await team.kofi.chat.shows("A1 · warning")
    await team.on_call(AMA_SLEEPS.replace(f'phone = "{AMA}"\n', ""))
    await team.minutes_pass(8 * 60)  # Ama wakes, and has no phone in the file any more
    assert len(team.phone(ESI).texts) == 1
    await team.minutes_pass(4 * 60)
    assert len(team.phone(ESI).texts) == 2


async def test_who_has_telegram_only_beside_somebody_with_a_phone_gets_the_card(team: Team) -> None:
    await team.on_call(BY_TELEGRAM.replace('["person:kofi"]', '["person:kofi", "person:ama"]'))
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.kofi.chat.shows("A1 · critical")
    await team.ama.chat.shows("A1", "Kofi: by Telegram only", "Ama: sent")


async def test_many_alerts_at_once_are_one_private_message(team: Team) -> None:
    await team.on_call(BY_TELEGRAM)
    await has_pressed_start(team)
    await team.alertmanager.fires(*(f"probe {number}" for number in range(20)))
    await team.kofi.chat.shows("📟 A1 probe 0 and 19 more", "/alerts")
    assert len(team.kofi.chat.posts) == 2
    for number in range(5):
        await team.ama.chat.shows(f"A{number + 1} · critical")
    await team.ama.chat.shows("Storm S1")


# --- chats that refuse the bot


def in_the_group(chat: ChatView) -> str:
    """Every alert's card stands in that chat."""
    return f'{ONCALL}[[routes]]\nmatch = {{}}\npolicy = "default"\nchat = "{chat.chat.id}"\n'.replace(
        '[[routes]]\nmatch = { severity = "info" }\npolicy = "none"\n', ""
    )


async def test_cards_that_a_chat_refuses_stand_where_notices_go_and_that_is_told_once(team: Team) -> None:
    await team.on_call(in_the_group(team.ops))
    team.telegram.kick(team.ops.chat)
    await team.alertmanager.fires("one", severity="info")
    await team.phone(AMA).gets_some("INFO one")
    await team.ama.chat.shows("🚨", f"cannot be posted in the chat {team.ops.chat.id}", "kicked")
    await team.ama.chat.shows("A1 · info")
    await team.alertmanager.fires("two", severity="info")
    card = await team.ama.chat.shows("A2 · info")
    assert len([post for post in team.ama.chat.posts if "cannot be posted" in post.text]) == 1
    team.telegram.invite(team.ops.chat)
    await team.alertmanager.fires("three", severity="info")
    await team.ops.shows("A3 · info")
    await team.ama.chat.shows("can be posted in the chat", "again")
    await team.ama.says("/ack A2")
    await team.ama.chat.shows("A2 two: acknowledged")
    await team.ama.chat.shows("acknowledged by Ama", at=card)


async def test_a_card_of_a_chat_that_refuses_it_later_moves_to_where_notices_go(team: Team) -> None:
    await team.on_call(in_the_group(team.ops))
    await team.alertmanager.fires("one")
    await team.ops.shows("A1 · critical")
    await team.ama.chat.shows("A1 · critical")  # her own copy: she was paged
    await team.phone(AMA).gets_some("one")
    await team.alertmanager.fires("two")
    await team.ops.shows("A2 · critical", "Ama: to be paged")
    team.telegram.kick(team.ops.chat)
    await team.alertmanager.resolves("two")
    await team.ama.chat.shows("🚨", "cannot be posted in the chat")
    await team.ama.chat.shows("A2 · critical", "resolved")


async def test_where_the_chat_for_notices_refuses_the_bot_the_admins_get_cards_and_hear_why(
    start_team: StartTeam,
) -> None:
    team = await start_team(BRIDGE_TELEGRAM_CHAT="-100123")
    await team.on_call(ONCALL)
    team.time_flies = False  # only a post that is taken costs time
    await team.alertmanager.fires(*(f"probe {number}" for number in range(9)), severity="info")

    def storm_is_shown() -> bool:
        team.time_passes(1)
        return any("Storm S1" in post.text for post in team.ama.chat.posts)

    await until(storm_is_shown, timeout_s=30)
    await team.ama.chat.shows("🚨", "cannot be posted in the chat -100123")
    for number in range(5):
        await team.ama.chat.shows(f"A{number + 1} · info")
    await team.ama.chat.shows("Storm S1")


async def test_a_person_who_blocked_the_bot_is_no_alarm(team: Team) -> None:
    await team.on_call(ONCALL.replace(f'phone = "{KOFI}"', f'phone = "{KOFI}"\ntelegram = 222222222'))
    team.telegram.block(team.kofi.user)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets_some("disk full")
    await team.ama.chat.shows("A1")
    await team.minutes_pass(6)
    await team.phone(KOFI).gets_some("disk full")
