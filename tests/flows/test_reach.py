"""Who cannot be reached as planned: people with Telegram only, and chats that refuse the bot."""

import pytest

from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team


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
