"""Whether updates come from Telegram, and what was said of it: once for each new trouble, once when it is over."""

import logging

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 30.0


class Reach:
    """`ok`: whether the last call was answered, and nothing keeps updates from us."""

    def __init__(self) -> None:
        self.ok = False
        self.failures = 0
        """Since all was well."""
        self._trouble = ""

    def lost(self, trouble: str, event: str = "telegram.unreachable") -> None:
        """There is this trouble."""
        self.ok = False
        if trouble != self._trouble:
            log.error("%s", trouble, extra={"event": event})
            self._trouble = trouble

    def again(self) -> None:
        """All is well."""
        if self._trouble:
            log.warning("Telegram answers again, and updates come", extra={"event": "telegram.recovered"})
        self._trouble = ""
        self.failures = 0
        self.ok = True

    def pause_s(self) -> float:
        """One more failure: seconds to wait for, each time longer."""
        self.failures += 1
        return min(LONGEST_PAUSE_S, 2.0 ** min(self.failures - 1, 5))
