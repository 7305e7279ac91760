import pytest

from bridge.telegram.button_data import OfIncident, OfMessage, Verb, read

LARGEST = 10**18 - 1


@pytest.mark.parametrize(
    ("button", "data"),
    [
        (OfMessage(Verb.SEND, 42, 0), "go:42:0"),
        (OfMessage(Verb.LEAVE, LARGEST, LARGEST), f"leave:{LARGEST}:{LARGEST}"),
        (OfIncident(Verb.ACK, "A7"), "ack:A7"),
        (OfIncident(Verb.ESCALATE, "A7", 0), "esc:A7:0"),
        (OfIncident(Verb.RESOLVE, f"S{LARGEST}"), f"res:S{LARGEST}"),
    ],
)
def test_what_a_card_writes_is_what_a_press_reads(button: OfMessage | OfIncident, data: str) -> None:
    assert button.data == data
    assert read(data) == button
    assert len(data.encode()) <= 64


@pytest.mark.parametrize(
    "data",
    [
        *("", "go", "go:1", "go:1:", "go::1", "go:-1:0", "go:1:0:0", "fly:1:0", "go:٣:0", "go:1:0\n", "go:A7:0"),
        *("ack", "ack:", "ack:7", "ack:B7", "ack:A7:", "ack:A7\n", "fly:A7", "esc:A7:٣"),
    ],
)
def test_other_data_is_none_of_ours(data: str) -> None:
    assert read(data) is None


@pytest.mark.parametrize("data", [f"go:{'9' * 39}:", f"go:{'9' * 38}:1", f"go:1:{'9' * 19}", f"ack:A{'9' * 19}"])
def test_a_number_that_no_column_could_hold_is_none_of_ours(data: str) -> None:
    assert read(data) is None
