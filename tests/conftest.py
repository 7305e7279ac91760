"""What holds for every test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import postgres

# The same examples in every run; and a busy machine is no finding.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="every flow on PostgreSQL, not only those marked so")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: what BRIDGE_TEST_DATABASE_URL names, or one of our own."""
    if named := os.environ.get("BRIDGE_TEST_DATABASE_URL"):
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as folder:
        server = postgres.Server(Path(folder))
        server.start()
        yield server.url
        server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a database of this version, migrated once for all."""
    name = postgres.new_name()
    postgres.wait(postgres.make_template(postgres_server, name))
    yield name
    postgres.wait(postgres.drop(postgres_server, [postgres.with_name(postgres_server, name)]))


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The address of an empty database of this version."""
    url = postgres.wait(postgres.copy(postgres_server, postgres_template))
    yield url
    postgres.wait(postgres.drop(postgres_server, [url]))
