"""An address of PostgreSQL: what the driver takes, what people are shown, and which part of it is wrong."""

import pytest

from bridge.domain.errors import StoreUnusable
from bridge.store.postgres_url import read_url


def test_of_several_servers_the_one_that_can_be_written_to_is_meant() -> None:
    assert read_url("postgres://u@a,b/d")[0].endswith("?target_session_attrs=primary")
    assert read_url("postgres://u@a,b/d?target_session_attrs=any")[0].endswith("?target_session_attrs=any")
    assert "target" not in read_url("postgres://u@a/d")[0]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://bridge:a%2Fb@db/bridge", "postgresql://bridge@db/bridge"),
        ("postgresql://bridge:x@[::1]:5433/bridge?sslmode=require", "postgresql://bridge@[::1]:5433/bridge"),
        (
            "postgresql+asyncpg://db1:5432,db2:5432/bridge?target_session_attrs=read-write",
            "postgresql://db1:5432,db2:5432/bridge",
        ),
        ("postgresql://bridge@/bridge?host=/run/postgresql&connect_timeout=3", "postgresql://bridge@/bridge"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert read_url(url)[1] == shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql:bridge", "must be postgresql://"),
        ("postgresql+psycopg://db/bridge", "must be postgresql://"),
        ("postgresql://bridge:s3cret/9@db/bridge", "must be %-encoded"),
        ("postgresql://bridge:1/9@db/bridge", "must be %-encoded"),
        ("postgresql://db:99999/bridge", "cannot be read"),
        ("postgresql://db/bridge?sslmode=require&channel_binding=require", "'channel_binding' is not understood"),
        ("postgresql://b:s3cret@db/b?sslmode=verify_full", "sslmode=verify_full is none of disable, allow, prefer, "),
        ("postgresql://b:s3cret@db/b?sslrootcert=/none.pem", "sslrootcert: cannot read /none.pem: No such file"),
        ("postgresql://b:s3cret@db/b?sslkey=/", "sslkey: cannot read /: Is a directory"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_and_nothing_of_it_shown(url: str, words: str) -> None:
    with pytest.raises(StoreUnusable) as caught:
        read_url(url)
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
