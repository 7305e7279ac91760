"""Who is on call in the demo, and how long each waits: seconds, so that it can be watched."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from bridge.sandbox.alert_source import RULE

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnCallPerson:
    """Somebody with a phone. `telegram`: 0 for who has none, and answers by the link in the SMS."""

    key: str
    name: str
    number: str
    telegram: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Whose phones buzz, and for how long nobody else's does."""

    who: tuple[OnCallPerson, ...]
    page: str
    wait_s: int


AMA = OnCallPerson(key="ama", name="Ama", number="+233241109433", telegram=111111111)
KOFI = OnCallPerson(key="kofi", name="Kofi", number="+233551234567", telegram=222222222)
YAA = OnCallPerson(key="yaa", name="Yaa", number="+233201234567")
PEOPLE = (AMA, KOFI, YAA)

STEPS = (
    Step(who=(AMA,), page="schedule:primary", wait_s=10),
    Step(who=(KOFI,), page="schedule:secondary", wait_s=10),
    Step(who=PEOPLE, page="group:everybody", wait_s=20),
)
REPEAT = 1
SURGE = "surge"


def plan() -> Json:
    """For the page: whose phone is whose, what the file says about waiting, and whose cards stand not in the group."""
    return {
        "people": [{"name": one.name, "number": one.number} for one in PEOPLE],
        "steps": [{"who": [one.name for one in step.who], "wait_s": step.wait_s} for step in STEPS],
        "repeat": REPEAT,
        "chats": {SURGE: AMA.telegram},
    }


def file(today: date) -> str:
    """The on-call file. Both weeks begin today: whenever the demo is started, Ama is first and Kofi second."""
    people = "".join(
        f'[people.{one.key}]\nname = "{one.name}"\nphone = "{one.number}"\n'
        + (f"telegram = {one.telegram}\n" if one.telegram else "")
        + "\n"
        for one in PEOPLE
    )
    steps = "".join(f'  {{ page = ["{step.page}"], wait = "{step.wait_s}s" }},\n' for step in STEPS)
    return f"""timezone = "Africa/Accra"

{people}[groups.everybody]
people = ["ama", "kofi", "yaa"]

[schedules.primary]
people = ["ama", "kofi", "yaa"]
shift = "1w"
start = {today:%Y-%m-%d}T00:00:00

[schedules.secondary]
people = ["kofi", "yaa", "ama"]
shift = "1w"
start = {today:%Y-%m-%d}T00:00:00

[policies.default]
steps = [
{steps}]
repeat = {REPEAT}
fallback = ["group:everybody"]
ack_timeout = "1m"

[[routes]]
match = {{ severity = "info" }}
policy = "none"

[[routes]]      # a group takes 20 posts a minute, a private chat one a second: of so many there is more to watch
match = {{ alertname = "{RULE[SURGE].name}" }}
policy = "default"
chat = "{AMA.telegram}"
"""
