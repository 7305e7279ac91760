"""Which gateway takes a call, and how each one does: read in a transaction, changed by what is heard, written back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain import failover
from bridge.domain.breaker import Breaker
from bridge.domain.failover import Way
from bridge.domain.outcome import Outcome
from bridge.store import breakers


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a gateway stands after what was heard of it.

    `turned`: by that it went out, or came back. `others`: the other gateways that are in. `several`: whether there are
    others at all.
    """

    breaker: Breaker
    turned: bool = False
    others: tuple[str, ...] = ()
    several: bool = False

    @property
    def is_out(self) -> bool:
        """Whether it is asked after the others."""
        return self.breaker.out_since is not None


@dataclass(kw_only=True, slots=True)
class Gateways:
    """The gateways within one transaction."""

    ways: Sequence[Way]
    now: datetime
    known: dict[str, Breaker]
    before: Mapping[str, Breaker]
    heard_of: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, connection: Connection, ways: Sequence[Way], now: datetime) -> "Gateways":
        """As the database has them."""
        found = breakers.read(connection)
        return cls(ways=ways, now=now, known=dict(found), before=found)

    def write(self, connection: Connection) -> None:
        """What has changed."""
        breakers.write(connection, [one for name, one in self.known.items() if one != self.before.get(name)])

    def choose(self, number: str, asked: str, full: Collection[str]) -> str:
        """The gateway to ask about a delivery. `full`: those that need not be thought of."""
        ways = self.ways
        if len(ways) > 1:
            ways = self._in_turn(number, failover.read_asked(asked))
            ways = [way for way in ways if way.name not in full] or ways
        way = min(ways, key=lambda one: self._of(one.name).rank(self.now))
        self.known[way.name] = self._of(way.name).probed(self.now)
        return way.name

    def heard(self, gateway: str, outcome: Outcome, claimed_at: datetime) -> None:
        """What came of a call."""
        self.known[gateway] = self._of(gateway).heard(outcome, claimed_at, self.now)
        self.heard_of.add(gateway)

    def standings(self) -> list[Standing]:
        """Of each gateway that was heard of."""
        within = [one.name for one in self.ways if self._of(one.name).out_since is None]
        return [
            Standing(
                breaker=self._of(name),
                turned=(self._of(name).out_since is None) != (self._before(name).out_since is None),
                others=tuple(other for other in within if other != name),
                several=len(self.ways) > 1,
            )
            for name in sorted(self.heard_of)
        ]

    def left(self, number: str, asked: failover.Asked) -> tuple[bool, bool]:
        """Whether another gateway may be asked at once in this pass; whether one waits that wants to be left alone."""
        others = failover.left(self.ways, number, asked)
        resting = [self._of(one.name).rests(self.now) for one in others]
        return not all(resting), any(resting)

    def rests_of_others(self, number: str, gateway: str, asked: failover.Asked) -> list[float]:
        """Of each other one than `gateway` that has not refused the number: seconds that it wants to be left alone."""
        others = failover.left(self.ways, number, {gateway, *failover.next_pass(asked)})
        return [self._of(one.name).rest(self.now).total_seconds() for one in others]

    def _in_turn(self, number: str, asked: failover.Asked) -> Sequence[Way]:
        """Those not asked in this pass; where each of them rests, the pass is over for whoever does not."""
        left = failover.left(self.ways, number, asked)
        again = failover.left(self.ways, number, failover.next_pass(asked))
        for some in (left, again):
            if awake := [one for one in some if not self._of(one.name).rests(self.now)]:
                return awake
        return left or again or self.ways

    def _before(self, name: str) -> Breaker:
        return self.before.get(name) or Breaker(gateway=name)

    def _of(self, name: str) -> Breaker:
        return self.known.get(name) or Breaker(gateway=name)
