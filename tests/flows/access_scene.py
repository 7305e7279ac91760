"""The people of every role, and something of each kind that a command or a button could do something to."""

from enum import StrEnum

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_state import Kind, Message
from tests.flows.conftest import StartTeam
from tests.support.team import Person, Team

OPS_ID = -1_000_005_000_001  # the first supergroup of a sandbox

ON_CALL_FILE = """
timezone = "Africa/Accra"

[people.ama]
phone = "+233241109433"
telegram = 111111111

[people.nana]
phone = "+233201234567"

[people.yaw]
phone = "+233551234567"
telegram = 444444444

[schedules.primary]
people = ["nana"]
shift = "1w"
start = 2026-01-01T09:00:00

[policies.default]
steps = [
  { page = ["person:ama"], wait = "12h" },
  { page = ["person:yaw"], wait = "12h" },
]
"""


class Who(StrEnum):
    """Everybody who may come to a door."""

    STRANGER = "stranger"
    ON_CALL = "person of the on-call file"
    OTHER = "another user"
    OWNER = "user who owns the message"
    ADMIN = "admin"


KNOWN = frozenset(Who) - {Who.STRANGER}

SMS_BUTTONS = ("go", "no", "again", "leave")
INCIDENTS = {"ack": "A1", "res": "A2", "esc": "A3"}


class Scene:
    """Kofi's messages, one for each button: #1 `go`, #2 `no` (held), #3 `again`, #4 `leave` (unknown). Three incidents.

    Everything but strangers' chats is the group's: cards and notices go there.
    """

    def __init__(self, team: Team) -> None:
        self.team = team
        self.people: dict[Who, Person] = {
            Who.STRANGER: team.efua,
            Who.ON_CALL: team.person(444444444, "Yaw"),
            Who.OTHER: team.person(555555555, "Esi"),
            Who.OWNER: team.kofi,
            Who.ADMIN: team.ama,
        }
        self.cards: dict[str, Message] = {}
        self.forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
        self.topic = self.forum.topic("db1")
        for chat in (team.ops.chat, self.forum.chat):
            chat.members.update(one.user.id for one in self.people.values())

    async def fill(self) -> None:
        """Something for every door."""
        team = self.team
        assert team.ops.chat.id == OPS_ID
        await team.on_call(ON_CALL_FILE)
        for number, verb in enumerate(SMS_BUTTONS, 1):
            await team.kofi.says(f"/sms 0241109433 hello {verb}", to=team.ops)
            card = await team.ops.shows(f"#{number} ", "Send it?")
            if verb in ("again", "leave"):
                team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
                await team.kofi.presses("Send now", card)
                card = await team.ops.shows("❓", at=card)
            self.cards[verb] = card
        await team.alertmanager.fires("disk a", "disk b", "disk c")
        for verb, code in INCIDENTS.items():
            self.cards[verb] = await team.ops.shows(code, "disk")
        await team.settled()


async def start_scene(start_team: StartTeam) -> Scene:
    """A service with all of it."""
    team = await start_team(
        BRIDGE_CONFIRM_ABOVE=0, BRIDGE_TELEGRAM_CHAT=OPS_ID, BRIDGE_TELEGRAM_USERS="222222222,555555555"
    )
    scene = Scene(team)
    await scene.fill()
    return scene
