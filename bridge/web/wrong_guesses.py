"""How often an address guessed wrong lately. In memory, and bounded."""

from collections import OrderedDict
from datetime import datetime, timedelta

from bridge.clock import Clock

MOST = 20
WITHIN = timedelta(minutes=1)
MOST_ADDRESSES = 1000


class WrongGuesses:
    """Counts per address: at most `MOST` within `WITHIN`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: OrderedDict[str, tuple[datetime, int]] = OrderedDict()  # address -> since when, how many

    def one_more(self, address: str) -> bool:
        """Count a wrong guess; True when that is one too many."""
        now = self._clock.now()
        since, number = self._found.get(address, (now, 0))
        if not timedelta(0) <= now - since < WITHIN:
            since, number = now, 0
        self._found[address] = (since, number + 1)
        self._found.move_to_end(address)
        if len(self._found) > MOST_ADDRESSES:
            self._found.popitem(last=False)
        return number >= MOST
