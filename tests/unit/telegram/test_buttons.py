import pytest

from bridge.telegram.buttons import read_data


def test_a_buttons_data_is_verb_message_and_turn() -> None:
    assert read_data("go:42:0") == ("go", 42, 0)
    assert read_data(f"leave:{10**18 - 1}:{10**18 - 1}") == ("leave", 10**18 - 1, 10**18 - 1)


@pytest.mark.parametrize(
    "data", ["", "go", "go:1", "go:1:", "go::1", "go:-1:0", "go:1:0:0", "fly:1:0", "go:٣:0", "go:1:0\n"]
)
def test_other_data_is_none_of_ours(data: str) -> None:
    assert read_data(data) is None


@pytest.mark.parametrize("data", ["go:" + "9" * 39 + ":", "go:" + "9" * 38 + ":1", "go:1:" + "9" * 19])
def test_a_number_that_no_column_could_hold_is_none_of_ours(data: str) -> None:
    assert read_data(data) is None
