"""Textlocal as https://api.txtlocal.com/docs/sendsms describes it: strict with requests."""

import json
from collections.abc import Sequence
from urllib.parse import parse_qsl

from bridge.sandbox.gateway_http import Answer, RawRequest
from tests.gateways.fake_service import Asked, Decision

API_KEY = "api/k3y+of=ours&more"
REQUIRED = {"apikey", "numbers", "message", "sender"}


class Textlocal:
    path = "/send/"

    def __init__(self, balance: object = 1162) -> None:
        """`balance`: what it says is left, after each call."""
        self.balance = balance

    def read(self, request: RawRequest) -> Asked | Answer:
        if request.method != "POST" or request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return failure(2, "Unrecognised command")
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
        found = dict(pairs)
        if found.get("apikey") != API_KEY:
            return failure(3, "Invalid login details")
        if len(found) != len(pairs) or found.keys() - {"unicode"} != REQUIRED:
            return failure(4, "No recipients specified")
        if not found["message"].strip():
            return failure(5, "No message content")
        if not 3 <= len(found["sender"]) <= 11:
            return failure(43, "Invalid sender name")
        if ("世" in found["message"]) != (found.get("unicode") == "true"):
            return failure(6, "Message too long")
        numbers = found["numbers"].split(",")
        if not all(number.isdigit() and number[0] != "0" for number in numbers):
            return failure(32, "Invalid number format")
        return Asked(numbers=tuple(f"+{one}" for one in numbers), text=found["message"], sender=found["sender"])

    def accept(self, asked: Asked, call: int) -> Answer:
        return success(asked.numbers, batch_id=call, balance=self.balance)


def success(numbers: Sequence[str], *, batch_id: object = 1, **more: object) -> Answer:
    body: dict[str, object] = {
        "balance": 1162,
        "batch_id": batch_id,
        "cost": len(numbers),
        "num_messages": len(numbers),
        "message": {"num_parts": 1, "sender": "bridge", "content": "This is your message"},
        "receipt_url": "",
        "custom": "",
        "messages": [
            {"id": f"{batch_id}{index}", "recipient": int(number.removeprefix("+"))}
            for index, number in enumerate(numbers)
        ],
        "status": "success",
    }
    return Answer(body=json.dumps({name: value for name, value in (body | more).items() if value is not None}).encode())


def failure(code: object, message: str = "", **more: object) -> Answer:
    body = {"errors": [{"code": code, "message": message}], "status": "failure"} | more
    return Answer(body=json.dumps(body).encode())


def takes(*numbers: str, **more: object) -> Decision:
    return Decision(answer=success(numbers, **more), takes=numbers)


def fails(code: object, message: str = "", **more: object) -> Decision:
    return Decision(answer=failure(code, message, **more))
