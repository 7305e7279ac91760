"""The services of docs/gateways.md, each as its documentation describes it: strict with requests.

Sources: www.twilio.com/docs/messaging/api/message-resource and /docs/api/errors; developer.vonage.com/messaging/sms and
/api-errors/sms; developers.africastalking.com/docs/sms/sending.
"""

import base64
import json
from collections.abc import Sequence
from urllib.parse import parse_qsl

from bridge.sandbox.gateway_http import Answer, RawRequest
from tests.gateways.fake_service import Asked, Decision

SECRETS = {
    "TWILIO_ACCOUNT_SID": "AC0123456789",
    "TWILIO_AUTH_TOKEN": "auth/t0ken+of=ours&more",
    "VONAGE_API_KEY": "vonage-key",
    "VONAGE_API_SECRET": 'vonage "s3cret" \\ & more',
    "AT_API_KEY": "atsk_0123456789abcdef",
    "AT_USERNAME": "our account",
}


def says(body: object, status: int = 200) -> Answer:
    return Answer(body=json.dumps(body).encode(), status=status)


def form_of(request: RawRequest) -> dict[str, str] | None:
    if request.method != "POST" or request.headers.get("content-type") != "application/x-www-form-urlencoded":
        return None
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    return dict(pairs) if len(dict(pairs)) == len(pairs) else None


class Twilio:
    name = "twilio"
    path = f"/2010-04-01/Accounts/{SECRETS['TWILIO_ACCOUNT_SID']}/Messages.json"

    def read(self, request: RawRequest) -> Asked | Answer:
        pair = f"{SECRETS['TWILIO_ACCOUNT_SID']}:{SECRETS['TWILIO_AUTH_TOKEN']}"
        if request.headers.get("authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return self.refuses(20003, 401, "Authenticate").answer
        found = form_of(request)
        if found is None or found.keys() != {"To", "From", "Body"}:
            return self.refuses(21603).answer
        if not found["To"].startswith("+"):
            return self.refuses(21211).answer
        return Asked(numbers=(found["To"],), text=found["Body"], sender=found["From"])

    def accept(self, asked: Asked, call: int) -> Answer:
        return says(
            {
                "sid": f"SM{call:032}",
                "status": "queued",
                "to": asked.numbers[0],
                "from": asked.sender,
                "body": asked.text,
                "num_segments": "1",
                "error_code": None,
                "error_message": None,
            },
            201,
        )

    @staticmethod
    def refuses(code: int, status: int = 400, message: str = "No") -> Decision:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return Decision(answer=says({"code": code, "message": message, "more_info": more, "status": status}, status))


class Vonage:
    name = "vonage"
    path = "/sms/json"

    def __init__(self, balance: str = "15.53590000") -> None:
        """`balance`: what it says is left, after each call."""
        self.balance = balance
        self.references: list[str] = []

    def read(self, request: RawRequest) -> Asked | Answer:
        if request.method != "POST" or request.headers.get("content-type") != "application/json":
            return self.refuses(2).answer
        found = json.loads(request.body)
        if found.keys() != {"api_key", "api_secret", "from", "to", "text", "type", "client-ref"}:
            return self.refuses(2).answer
        if (found["api_key"], found["api_secret"]) != (SECRETS["VONAGE_API_KEY"], SECRETS["VONAGE_API_SECRET"]):
            return self.refuses(4).answer
        if not found["to"].isdigit() or (found["type"] == "unicode") != ("世" in found["text"]):
            return self.refuses(3).answer
        self.references.append(found["client-ref"])
        return Asked(numbers=(f"+{found['to']}",), text=found["text"], sender=found["from"])

    def accept(self, asked: Asked, call: int) -> Answer:
        return self.parts(asked.numbers[0], [0], call=call, balance=self.balance)

    @staticmethod
    def parts(number: str, statuses: Sequence[int], *, call: int = 1, balance: str = "15.53590000") -> Answer:
        """One entry for each part of the text."""
        messages = [
            {
                "to": number.removeprefix("+"),
                "message-id": f"0A{call:06}{index:08}",
                "status": str(status),
                "remaining-balance": balance,
                "message-price": "0.03330000",
                "network": "62001",
            }
            for index, status in enumerate(statuses)
        ]
        return says({"message-count": str(len(messages)), "messages": messages})

    @staticmethod
    def refuses(status: int, text: str = "No") -> Decision:
        return Decision(answer=says({"message-count": "1", "messages": [{"status": str(status), "error-text": text}]}))


class AfricasTalking:
    name = "africastalking"
    path = "/version1/messaging"

    def read(self, request: RawRequest) -> Asked | Answer:
        if request.headers.get("apikey") != SECRETS["AT_API_KEY"]:
            return Answer(body=b"The supplied authentication is invalid", status=401, content_type="text/plain")
        found = form_of(request)
        if found is None or found.keys() != {"username", "from", "to", "message"}:
            return Answer(body=b"Request is missing required form field 'to'", status=400, content_type="text/plain")
        if found["username"] != SECRETS["AT_USERNAME"] or request.headers.get("accept") != "application/json":
            return Answer(body=b"The supplied authentication is invalid", status=401, content_type="text/plain")
        return Asked(numbers=tuple(found["to"].split(",")), text=found["message"], sender=found["from"])

    def accept(self, asked: Asked, call: int) -> Answer:
        return self.recipients(dict.fromkeys(asked.numbers, 101), call=call)

    @staticmethod
    def recipients(codes: dict[str, int], *, call: int = 1) -> Answer:
        found = [
            {
                "statusCode": code,
                "number": number,
                "status": "Success" if code < 200 else f"Problem{code}",
                "cost": "KES 0.8000",
                "messageId": f"ATXid_{call}_{index}" if code < 200 else "None",
            }
            for index, (number, code) in enumerate(codes.items())
        ]
        message = f"Sent to {len(found)}/{len(found)} Total Cost: KES 0.8"
        return says({"SMSMessageData": {"Message": message, "Recipients": found}}, 201)

    @staticmethod
    def refuses(message: str) -> Decision:
        return Decision(answer=says({"SMSMessageData": {"Message": message, "Recipients": []}}, 201))
