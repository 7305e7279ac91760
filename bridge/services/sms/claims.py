"""As who this process claims deliveries."""

from collections.abc import Callable


class Claims:
    """A name that nobody else has. What is claimed under another one has nobody who sends it."""

    def __init__(self, make_id: Callable[[], str]) -> None:
        self._make_id = make_id
        self.name = make_id()

    def renew(self) -> None:
        """What may have been claimed under the name so far is not known here: from now on, nobody sends it."""
        self.name = self._make_id()
