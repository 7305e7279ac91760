"""What can go wrong between a bot and Telegram: answers that are not the method's own, and broken connections."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bridge.sandbox.telegram_errors import OTHER_POLLER, Refusal, conflict, too_many, unauthorized


class Break(StrEnum):
    """How the connection goes on after the fault's bytes."""

    NONE = "none"
    HANG = "hang"  # no answer until the client gives up
    RESET = "reset"
    CLOSE = "close"  # an orderly end without an answer
    CUT = "cut"  # the head promises more bytes than come


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`done`: the method is carried out and only its answer is lost: a time-out may have been delivered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    breaks: Break = Break.NONE
    done: bool = False


def refused(refusal: Refusal) -> Fault:
    answer: dict[str, object] = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return Fault(status=refusal.code, body=json.dumps(answer).encode())


BAD_GATEWAY = Fault(
    status=502,
    content_type="text/html",
    body=b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx</center></body>\r\n</html>\r\n",
)
CUT_JSON = Fault(body=b'{"ok":true,"result":{"message_id":4', breaks=Break.CUT)
SHORT_JSON = Fault(body=b'{"ok":true,"result":{"message_id":4')  # a whole HTTP answer, half a JSON text
UNAUTHORIZED = refused(unauthorized())
CONFLICT = refused(conflict(OTHER_POLLER))
SERVER_ERROR = refused(Refusal(code=500, description="Internal Server Error"))
HANG = Fault(breaks=Break.HANG)
RESET = Fault(breaks=Break.RESET)
CLOSE = Fault(breaks=Break.CLOSE)


def flood(retry_after: int) -> Fault:
    return refused(too_many(retry_after))


ANY = "*"


class Faults:
    """Which fault the next call of a method meets. One-shot ones come first, in their order, then a standing one."""

    def __init__(self) -> None:
        self._once: list[tuple[str, Fault]] = []
        self._standing: dict[str, Fault] = {}

    def add(self, fault: Fault, *, method: str = ANY, times: int | None = 1) -> Callable[[], None]:
        """`times`: how many calls meet it; None: every call, until it is removed. Gives the remover."""
        method = method.lower()
        if times is None:
            self._standing[method] = fault
            return lambda: self._remove_standing(method, fault)
        entries = [(method, fault)] * times
        self._once.extend(entries)
        return lambda: self._remove_once((method, fault))

    def take(self, method: str) -> Fault | None:
        """getMe and getUpdates meet a fault for any method as well."""
        method = method.lower()
        for index, (wanted, fault) in enumerate(self._once):
            if wanted in (ANY, method):
                del self._once[index]
                return fault
        return self._standing.get(method) or self._standing.get(ANY)

    def clear(self) -> None:
        self._once.clear()
        self._standing.clear()

    def _remove_standing(self, method: str, fault: Fault) -> None:
        if self._standing.get(method) is fault:
            del self._standing[method]

    def _remove_once(self, entry: tuple[str, Fault]) -> None:
        self._once = [kept for kept in self._once if kept != entry]
