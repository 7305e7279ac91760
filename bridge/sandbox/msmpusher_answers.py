"""What MSMPUSHER says, as its page prints it: an acceptance, or a refusal by its status code."""

import json
from collections.abc import Mapping, Sequence

from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher_modes import Mode

# type, error, detail; only 1005's are printed on the page
WORDS: Mapping[int, tuple[str, str, str | None]] = {
    1001: ("Message(s) Sent", "Insufficient balance", "Not all Messages were sent due to insufficient balance"),
    1002: ("missing_parameters", "Missing API Parameters", None),
    1003: ("insufficient_balance", "Insufficient balance", None),
    1004: ("mismatched_api_key", "Mismatched API key", None),
    1005: ("invalid_phone_number", "Invalid phone number", None),
    1006: ("invalid_sender_id", "invalid Sender ID. Sender ID must not be more than 11 Characters.", None),
    1008: ("empty_message", "Empty Message", None),
    1009: ("sending_failed", "SMS sending failed", None),
    1010: ("no_messages", "No messages has been sent on the specified dates", None),
    1011: ("new", "A status that the page does not know", None),
}

# as printed on the page, blanks and all
PRINTED_PAGE = """
     {{
        "type": "Message(s) Sent",
        "status": 1000,
        "sms_id": "{sms_id}",
        "Receiver_numbers": "{numbers}",
        "error": Null,
        "detail": All Messages were sent successfully
        
    }}
"""  # noqa: W293


def acceptance(mode: Mode, numbers: Sequence[str], *, sms_id: str) -> Answer:
    """1000, or 1007 when scheduled, in the words of this mode. `numbers`: those that it took, with `+`."""
    listed = [number.removeprefix("+") for number in numbers]
    if mode is Mode.SHORT_LIST:
        del listed[1:]
    elif mode is Mode.STRANGE_LIST:
        listed = ["447820125799"]
    if mode is Mode.PRINTED:
        return Answer(body=PRINTED_PAGE.format(sms_id=sms_id, numbers=",".join(listed)).encode())
    later = mode is Mode.SCHEDULED
    body: dict[str, object] = {
        "type": "Message(s) Scheduled" if later else "Message(s) Sent",
        "status": 1007 if later else 1000,
        "sms_id": sms_id,
        "Receiver_numbers": ",".join(listed),
        "error": None,
        "detail": "Message scheduled for later delivery" if later else "All Messages were sent successfully",
    }
    if mode is Mode.WITHOUT_LIST:
        del body["Receiver_numbers"]
    return Answer(body=json.dumps(body).encode())


def refusal(code: int, *, listed: Sequence[str] | None = None, http_status: int = 200) -> Answer:
    """`listed`: the numbers that were served nevertheless, with `+`; None names nobody."""
    kind, error, detail = WORDS[code]
    name = "status" if code == 1001 else "code"  # some were sent: the page's form of success
    body: dict[str, object] = {"type": kind, name: code, "error": error, "detail": detail}
    if listed is not None:
        body["Receiver_numbers"] = ",".join(number.removeprefix("+") for number in listed)
    return Answer(body=json.dumps(body, indent=4).encode(), status=http_status)
