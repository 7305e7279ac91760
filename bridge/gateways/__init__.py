"""The port to SMS gateways. One provider is one folder here, and knows no other."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.domain.outcome import Outcome


class Gateway(Protocol):
    """An SMS provider. One instance serves one slot at a time: `send` is never called twice at once."""

    @property
    def name(self) -> str:
        """As in `BRIDGE_GATEWAYS`, such as `msmpusher`."""
        ...

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        """One call to the provider: `text` to `numbers` (E.164 with `+`, no doubles).

        Gives one outcome for each number, always; raises nothing but `asyncio.CancelledError`.
        """
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...
