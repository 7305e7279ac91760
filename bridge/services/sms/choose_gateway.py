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
class Turned:
    """A gateway went out, or is back (`breaker.out_since` is None).

    `others`: the other gateways that are in. `several`: whether there are others at all.
    """

    breaker: Breaker
    others: tuple[str, ...] = ()
    several: bool = False


@dataclass(kw_only=True, slots=True)
class Gateways:
    """The gateways within one transaction."""

    ways: Sequence[Way]
    now: datetime
    known: dict[str, Breaker]
    before: Mapping[str, Breaker]
    turned: list[Turned] = field(default_factory=list)

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
        old = self._of(gateway)
        self.known[gateway] = new = old.heard(outcome, claimed_at, self.now)
        if (old.out_since is None) != (new.out_since is None):
            others = (one.name for one in self.ways if one.name != gateway and self._of(one.name).out_since is None)
            self.turned.append(Turned(breaker=new, others=tuple(others), several=len(self.ways) > 1))

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

    def _of(self, name: str) -> Breaker:
        return self.known.get(name) or Breaker(gateway=name)
