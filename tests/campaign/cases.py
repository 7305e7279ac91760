"""The table of cases: what is wrong, how that is brought about, and how it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.campaign import clock_faults, gateway_faults, store_faults, telegram_faults, two_gateways
from tests.campaign.stage import Act, Stage


def nothing(stage: Stage) -> None:
    """No act."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """One thing that is wrong for a while.

    `prepare`: before anything starts. `begin`, `end`: while the program runs, or after its death. `team`: whose alerts
    fire, which decides where their cards stand. `writes`: how many people write while it lasts. `combines`: may hold
    together with others, and begin and end at any moment. `set_back`: times in the database do not only grow.
    `holds_s`: how long it lasts at most, when it keeps the program from trying what people asked for.
    """

    group: str
    name: str
    prepare: Act = nothing
    begin: Act = nothing
    end: Act = nothing
    settings: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    writes: int = 4
    small_disk: bool = False
    combines: bool = False
    set_back: bool = False
    holds_s: float = 1.5

    @property
    def title(self) -> str:
        return f"{self.group}: {self.name}"


def _gateway() -> list[Case]:
    found = [
        Case(
            group="gateway",
            name=name,
            begin=gateway_faults.begins(mode),
            end=gateway_faults.is_well,
            combines=True,
        )
        for name, mode in gateway_faults.MODES.items()
    ]
    for name, certificate in gateway_faults.CERTIFICATES.items():
        prepare = gateway_faults.shows(certificate)
        found.append(Case(group="gateway", name=name, prepare=prepare, end=gateway_faults.shows_a_good_one))
    found += [
        Case(
            group="gateway",
            name="its name cannot be looked up",
            prepare=gateway_faults.has_no_address,
            end=gateway_faults.has_an_address,
        ),
        Case(
            group="gateway",
            name="every status code",
            begin=gateway_faults.answers_every_status,
            end=gateway_faults.is_well,
            writes=len(gateway_faults.STATUSES) - 10,
        ),
        Case(
            group="gateway",
            name="another fault with every call",
            begin=gateway_faults.changes_with_every_call,
            end=gateway_faults.is_well,
            writes=len(gateway_faults.MODES) // 2,
        ),
    ]
    return found


def _two_gateways() -> list[Case]:
    acts = {name: two_gateways.both_are(*pair) for name, pair in two_gateways.PAIRS.items()}
    return [
        Case(
            group="two gateways",
            name=name,
            prepare=two_gateways.stands_behind,
            begin=begin,
            end=two_gateways.both_are_well,
            writes=writes,
        )
        for name, begin, writes in (
            *((name, begin, 4) for name, begin in acts.items()),
            ("another fault with every call", two_gateways.both_change, 20),
        )
    ]


def _telegram() -> list[Case]:
    found = [
        Case(
            group="telegram",
            name=name,
            begin=telegram_faults.answers(fault),
            end=telegram_faults.is_well,
            combines=True,
        )
        for name, fault in telegram_faults.FAULTS.items()
    ]
    acts: list[tuple[str, Act, Act, str]] = [
        ("away", telegram_faults.goes_away, telegram_faults.comes_back, ""),
        ("429 in each chat", telegram_faults.limits_chats, telegram_faults.is_well, ""),
        ("429 for all chats together", telegram_faults.limits_all, telegram_faults.is_well, ""),
        ("a press is too old to be answered", telegram_faults.forgets_presses, telegram_faults.is_well, ""),
        ("the group becomes a supergroup", telegram_faults.migrates, nothing, "group"),
        ("the topic is deleted", telegram_faults.deletes_the_topic, nothing, "topic"),
        ("the bot is removed from the group", telegram_faults.removes_the_bot, nothing, "group"),
        ("people block the bot", telegram_faults.is_blocked, nothing, ""),
        ("people delete the cards", telegram_faults.loses_cards, nothing, ""),
    ]
    return found + [
        Case(group="telegram", name=name, begin=begin, end=end, team=team) for name, begin, end, team in acts
    ]


def _store() -> list[Case]:
    return [
        Case(
            group="store",
            name="the disk is full",
            begin=store_faults.fills_the_disk,
            end=store_faults.empties_the_disk,
            small_disk=True,
            writes=16,
        ),
        Case(
            group="store",
            name="the disk is full when the outcome comes",
            begin=store_faults.fills_the_disk_at_the_outcome,
            end=store_faults.empties_the_disk,
            small_disk=True,
        ),
        Case(
            group="store",
            name="locked",
            begin=store_faults.locks,
            end=store_faults.unlocks,
            combines=True,
            holds_s=store_faults.LOCK_S,
        ),
        Case(
            group="store",
            name="locked when the outcome comes",
            begin=store_faults.locks_at_the_outcome,
            end=store_faults.unlocks,
            holds_s=store_faults.LOCK_S,
        ),
        Case(
            group="store",
            name="read-only at the start",
            begin=store_faults.makes_read_only,
            end=store_faults.makes_writable,
        ),
        Case(group="store", name="nothing but kills"),
    ]


def _clock() -> list[Case]:
    ordinary = {"command_max_age_s": "300"}

    def jump(name: str, by: float, back: float = 0) -> Case:
        return Case(
            group="clock",
            name=name,
            begin=clock_faults.is_set_by(by),
            end=clock_faults.is_set_by(back),
            settings=ordinary,
            set_back=by < 0 or back < 0,
            combines=not back and abs(by) <= clock_faults.HOUR,
        )

    hour, day = clock_faults.HOUR, clock_faults.DAY
    return [
        jump("an hour ahead", hour),
        jump("an hour back", -hour),
        jump("a day ahead", day),
        jump("a day back", -day),
        jump("an hour ahead, and put right", hour, -hour),
        jump("an hour back, and put right", -hour, hour),
        *(
            Case(
                group="clock",
                name=name,
                prepare=clock_faults.stands_before(change),
                begin=clock_faults.passes_the_change,
            )
            for name, change in clock_faults.CHANGES.items()
        ),
    ]


def all_cases() -> list[Case]:
    """Each once."""
    tables: list[Callable[[], list[Case]]] = [_gateway, _two_gateways, _telegram, _store, _clock]
    return [case for table in tables for case in table()]
