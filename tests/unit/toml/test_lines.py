import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.toml.lines import lines
from tests.unit.oncall.team import EXAMPLE

TEXT = '''# a comment = "x"
top = 1
[people.ama]   # [not.this]
name = "a # b"
"quo\\u0074ed" = 'c'
text = """
phone = "no"
"" two """""
raw = \'\'\'
[no]\'\'\'
after.dotted . key = true

[[routes]]
match = { severity = "x", "t.m" = ["a", { b = 1 }] }
list = [
  "one",  # [
  [2],
  { page = [] },
]
[routes.more]
x = 1
[[routes]]
y = 2
[ routes . more ]
z = 3
'''
EXPECTED = {
    ("top",): 2,
    ("people",): 3,
    ("people", "ama"): 3,
    ("people", "ama", "name"): 4,
    ("people", "ama", "quoted"): 5,
    ("people", "ama", "text"): 6,
    ("people", "ama", "raw"): 9,
    ("people", "ama", "after"): 11,
    ("people", "ama", "after", "dotted"): 11,
    ("people", "ama", "after", "dotted", "key"): 11,
    ("routes",): 13,
    ("routes", 0): 13,
    ("routes", 0, "match"): 14,
    ("routes", 0, "match", "severity"): 14,
    ("routes", 0, "match", "t.m"): 14,
    ("routes", 0, "match", "t.m", 0): 14,
    ("routes", 0, "match", "t.m", 1): 14,
    ("routes", 0, "match", "t.m", 1, "b"): 14,
    ("routes", 0, "list"): 15,
    ("routes", 0, "list", 0): 16,
    ("routes", 0, "list", 1): 17,
    ("routes", 0, "list", 1, 0): 17,
    ("routes", 0, "list", 2): 18,
    ("routes", 0, "list", 2, "page"): 18,
    ("routes", 0, "more"): 20,
    ("routes", 0, "more", "x"): 21,
    ("routes", 1): 22,
    ("routes", 1, "y"): 23,
    ("routes", 1, "more"): 24,
    ("routes", 1, "more", "z"): 25,
}


def paths(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path of a TOML document, as tomllib understands it."""
    found = {path} if path else set()
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found.union(*(paths(one, (*path, key)) for key, one in inner))


def test_each_key_table_and_element_has_its_line() -> None:
    assert lines(TEXT) == EXPECTED
    assert set(EXPECTED) == paths(tomllib.loads(TEXT))


def test_line_ends_of_windows_count_once() -> None:
    assert lines(TEXT.replace("\n", "\r\n")) == EXPECTED


def test_the_example_has_a_line_for_everything_in_it() -> None:
    assert set(lines(EXAMPLE)) == paths(tomllib.loads(EXAMPLE))


keys = st.sampled_from(["a", "b-1", '"c.d"', "'e f'", '"\\u0041\\n\\U0001f600"', "a.b", "a . 'x'"])
values = st.recursive(
    st.sampled_from(
        ["1", "-0x1f", '"#]}"', "'''\n]\n'''", '"""a\n\\"""b"""', "2026-01-05T09:00:00Z", "1.5e3", "true", "''"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda them: "[\n# ]\n" + ",\n".join(them) + "]")
        | st.lists(st.tuples(st.sampled_from("uvw"), inner), max_size=3, unique_by=lambda one: one[0]).map(
            lambda them: "{ " + ", ".join(f"{key} = {value}" for key, value in them) + " }"
        )
    ),
    max_leaves=6,
)
statements = st.one_of(
    st.tuples(keys, values).map(lambda pair: f"{pair[0]} = {pair[1]} # = ["),
    keys.map(lambda key: f"[ {key} ]"),
    keys.map(lambda key: f"[[{key}]]"),
    st.just("\t# comment ]"),
)


@given(st.lists(statements, max_size=8).map("\n".join))
def test_whatever_tomllib_takes_has_the_same_paths_here(text: str) -> None:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = lines(text)
    assert set(found) == paths(table)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@given(st.text(alphabet="[]{}=.,\"'\\#\n \rab1u", max_size=60))
def test_what_is_no_toml_gives_lines_that_are_there(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in lines(text).values())


@pytest.mark.parametrize("text", ['"\\UFFFFFFFF" = 1', "a = [1", "a = {", "]", "[a", '"\\q" = 1', "[[", "a = [}"])
def test_what_tomllib_would_refuse_ends_quietly(text: str) -> None:
    assert all(line == 1 for line in lines(text).values())
