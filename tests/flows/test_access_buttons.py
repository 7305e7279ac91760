"""Every button × everybody, on a live card, on an old keyboard, and by data that nobody was shown."""

import pytest

from bridge.sandbox.telegram_state import ANONYMOUS_ADMIN
from bridge.telegram import replies
from bridge.telegram.button_data import Verb
from bridge.telegram.buttons import DECISIONS
from tests.flows.access_scene import INCIDENTS, SMS_BUTTONS, Scene, Who, start_scene
from tests.flows.conftest import StartTeam
from tests.support.acts import acts, said

pytestmark = pytest.mark.unwatched  # each test compares all that was said, and all that was done

NOTHING = "This button does nothing any more."
TOO_LATE = "Already cancelled: nobody confirmed within 15 minutes."

# Verb -> what is told to who owns the message and to admins; to others of those with a role; and once it is old.
BUTTONS: dict[str, tuple[str, str, str]] = {
    "go": ("#1: sending", replies.NOT_YOURS, TOO_LATE),
    "no": ("#2: cancelled for 1 number", replies.NOT_YOURS, TOO_LATE),
    "again": ("#3: sending again to 1 number", replies.NOT_YOURS, "These buttons have had their time."),
    "leave": ("#4: left as it is", replies.NOT_YOURS, "These buttons have had their time."),
    "ack": ("A1 disk a: acknowledged", "A1 disk a: acknowledged", ""),
    "res": ("A2 disk b: resolved", "A2 disk b: resolved", ""),
    "esc": ("A3: the next step runs now", "A3: the next step runs now", ""),
}
BY_OTHERS = (Who.ON_CALL, Who.OTHER)


async def press(scene: Scene, who: Who, verb: str) -> str:
    """What is told to who presses the button of this verb on its card."""
    card = scene.cards[verb]
    data = next(one.callback_data for one in card.buttons if one.callback_data.startswith(f"{verb}:"))
    return await scene.people[who].presses_data(data, card)


def test_every_button_has_a_row() -> None:
    assert {*Verb} == BUTTONS.keys()
    assert {*SMS_BUTTONS} == DECISIONS.keys()


@pytest.mark.parametrize("who", list(Who))
async def test_a_button_does_for_everybody_what_its_row_says(start_team: StartTeam, who: Who) -> None:
    scene = await start_scene(start_team)
    for verb, (done, by_others, _) in BUTTONS.items():
        before, chats = await acts(scene.team), said(scene.team)
        told = replies.NO_ACCESS if who is Who.STRANGER else by_others if who in BY_OTHERS else done
        assert (await press(scene, who, verb)).startswith(told), verb
        changed = await acts(scene.team) != before
        assert changed == (told not in (replies.NO_ACCESS, replies.NOT_YOURS)), verb
        assert changed or said(scene.team) == chats, verb
        scene.team.clock.advance(61)  # a stranger is told once a minute


async def test_a_stranger_who_presses_on_is_told_once_a_minute_and_the_others_at_once(start_team: StartTeam) -> None:
    scene = await start_scene(start_team)
    before = await acts(scene.team)
    stranger, card = scene.people[Who.STRANGER], scene.cards["go"]
    assert await press(scene, Who.STRANGER, "go") == replies.NO_ACCESS
    for _ in range(30):
        scene.team.telegram.press_data(stranger.user, card, "go:1:0")
    assert await press(scene, Who.OTHER, "go") == replies.NOT_YOURS
    assert await acts(scene.team) == before
    assert len(scene.team.telegram.calls_of("answerCallbackQuery")) == 4  # two of them while the scene was set
    scene.team.clock.advance(61)
    assert await press(scene, Who.STRANGER, "go") == replies.NO_ACCESS


@pytest.mark.parametrize("who", list(Who))
async def test_an_old_keyboard_sends_nothing(start_team: StartTeam, who: Who) -> None:
    """A client that has not seen yet that the buttons are gone; and a card that was deleted meanwhile."""
    scene = await start_scene(start_team)
    scene.team.time_passes(16 * 60)
    await scene.team.housekeeping()
    scene.team.telegram.delete(scene.cards["leave"])
    before = await acts(scene.team)
    for verb in SMS_BUTTONS:
        _, by_others, old = BUTTONS[verb]
        told = replies.NO_ACCESS if who is Who.STRANGER else by_others if who in BY_OTHERS else old
        words = await press(scene, who, verb)
        assert words.startswith(told), (verb, words)
        scene.team.clock.advance(61)
    assert await acts(scene.team) == before


FORGED = (
    *("", ":", "go", "go:", "go:1", "go:1:", "go:x:0", "go:-1:0", "go:1:0:0", "GO:1:0", "go:1:0 ", "go:\u0661:0"),
    *(f"go:{'9' * 19}:0", "ack:", "ack:Z1", "ack:A", "ack:a1", "ack:A1;", "esc:A1:x", "drop:1:0", "x" * 64),
)


async def test_data_that_nobody_was_shown_does_nothing_for_anybody(start_team: StartTeam) -> None:
    scene = await start_scene(start_team)
    before = await acts(scene.team)
    for data in FORGED:
        words = await scene.people[Who.ADMIN].presses_data(data, scene.cards["go"])
        assert words == NOTHING, data
    assert await acts(scene.team) == before


async def test_swapped_ids_open_nothing_that_is_not_theirs(start_team: StartTeam) -> None:
    """Of another's message, of none, and with the turn of another time: on a card of one's own."""
    scene = await start_scene(start_team)
    asked = await scene.people[Who.OTHER].says("/sms 0551234567 mine", to=scene.team.ops)
    own = await scene.team.ops.shows("#6", "Send it?", to=asked)
    before = await acts(scene.team)
    for verb in SMS_BUTTONS:
        for number in (1, 2, 3, 4, 5, 99):
            words = await scene.people[Who.OTHER].presses_data(f"{verb}:{number}:0", own)
            assert words == replies.NOT_YOURS, (verb, number)
    for verb in INCIDENTS:
        words = await scene.people[Who.OTHER].presses_data(f"{verb}:A99", own)
        assert "A99" in words, verb
    assert await acts(scene.team) == before


async def test_a_press_by_what_is_no_person_does_nothing(start_team: StartTeam) -> None:
    scene = await start_scene(start_team)
    before = await acts(scene.team)
    for number, sender in enumerate((ANONYMOUS_ADMIN.json(), scene.team.ama.user.json() | {"is_bot": True})):
        payload = {
            "id": str(number),
            "from": sender,
            "message": scene.cards["go"].json(),
            "chat_instance": "1",
            "data": scene.cards["go"].buttons[0].callback_data,
        }
        scene.team.telegram.hand_out("callback_query", payload)
    assert await acts(scene.team) == before
