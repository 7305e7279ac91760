"""What a person is asked before a message goes out: decided once, kept with it, put in words where it is shown."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.recipients import Request
from bridge.domain.wording import age
from bridge.services.sms.rules import Rules
from bridge.store import countries

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """All of it; false where there is nothing to ask. `cost` in SMS; `stale_s`: so old the command is.

    `unverified`: numbers that are possible, and in no list of valid ones. `countries`: nobody has sent to them before.
    """

    cost: int = 0
    stale_s: int = 0
    unverified: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cost or self.stale_s or self.unverified or self.countries)

    @property
    def remarks(self) -> dict[str, object]:
        """As they are kept with the message."""
        kept = {
            "ask_cost": self.cost,
            "ask_stale_s": self.stale_s,
            "ask_unverified": list(self.unverified),
            "ask_countries": list(self.countries),
        }
        return {name: value for name, value in kept.items() if value}

    def facts(self, shown: Callable[[str], str] = str) -> list[str]:
        """A plain sentence each, but how old it is. `shown`: a number as its reader may see it."""
        facts = []
        if self.cost:
            facts.append(f"This costs {self.cost} SMS.")
        if self.unverified:
            more = f" and {len(self.unverified) - _SHOWN} more" if len(self.unverified) > _SHOWN else ""
            facts.append(
                f"Possible, but in no list of valid numbers: {', '.join(map(shown, self.unverified[:_SHOWN]))}{more}."
            )
        if self.countries:
            facts.append(first_to(self.countries))
        return facts

    @property
    def late(self) -> str:
        """That the command is old; "" where it is not."""
        return f"This command is {age(self.stale_s)} old: bridge was away." if self.stale_s else ""


def kept(remarks: Mapping[str, object]) -> Questions:
    """Those of a message, by its remarks."""
    cost, stale_s = remarks.get("ask_cost", 0), remarks.get("ask_stale_s", 0)
    return Questions(
        cost=cost if isinstance(cost, int) else 0,
        stale_s=stale_s if isinstance(stale_s, int) else 0,
        unverified=_strings(remarks.get("ask_unverified")),
        countries=_strings(remarks.get("ask_countries")),
    )


def questions(
    request: Request, *, cost: int, ordered_at: datetime, new: Collection[str], rules: Rules, now: datetime
) -> Questions:
    """`cost` in SMS. `new`: of `new_countries`."""
    age_s = (now - ordered_at).total_seconds()
    return Questions(
        cost=cost if cost > rules.confirm_above else 0,
        stale_s=max(1, int(age_s)) if age_s > rules.command_max_age_s else 0,
        unverified=tuple(number.e164 for number in request.unverified),
        countries=tuple(new),
    )


def new_countries(connection: Connection, wanted: Collection[str], rules: Rules) -> tuple[str, ...]:
    """Those of these countries that nobody has sent to, and that a person is to be asked about."""
    return tuple(sorted({*wanted} - countries.used(connection, wanted) - rules.known_countries))


def first_to(new: Collection[str]) -> str:
    """What there is to say of these countries."""
    return f"This is the first message to {', '.join(country or 'a number of no country' for country in new)}."


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
