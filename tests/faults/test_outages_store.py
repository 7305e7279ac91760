"""The disk is full, the database locked, read-only, damaged, not ours: one clear line, and nothing is lost."""

import asyncio
import os
import random
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.store.migrate import migrate
from tests.faults.launcher import ANY, KillAt
from tests.faults.scene import AMA, CREW, NUMBERS, Scene
from tests.support.eventually import until


def system(*command: str) -> None:
    """Run a command of the system; skip the test where it is not there or not allowed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"{command[0]}: {error.strerror}")
    if done.returncode:
        pytest.skip(f"{' '.join(command[:3])}: {done.stderr.strip()}")


# -- a full disk


class SmallDisk:
    """A file system of 2 MiB that a test fills to the last byte, and empties again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    system("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def small_scene(scene: Scene, small_disk: SmallDisk) -> Scene:
    """The database stands on the small disk."""
    scene.put_database(small_disk.folder / "bridge.db")
    return scene


async def test_on_a_full_disk_updates_stay_with_telegram_and_are_handled_later(
    small_scene: Scene, small_disk: SmallDisk
) -> None:
    scene = small_scene
    service = scene.fork()
    port = await service.ready()
    scene.sms("t-before")
    await scene.quiet()
    small_disk.fill()
    texts = [f"t~{number} " + "words " * 100 for number in range(12)]  # more than the space already taken can hold
    for number, text in enumerate(texts):
        scene.sms(text.strip(), user=CREW[number])
    await until(lambda: "the disk is full" in service.output)
    async with scene.client(port) as client:
        refused = await client.post("/v1/sms", json={"to": [NUMBERS[0]], "text": "x" * 900})
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["reasons"][:1]) == (503, ["database: the disk is full"])
        small_disk.empty()
        report = await scene.settled()
        assert (await client.get("/readyz")).status_code == 200
    assert (report.confirmed, len(scene.gateway.sent)) == (13, 13)
    assert service.exit_code is None


@pytest.mark.parametrize("killed", [False, True], ids=["and goes on", "and is killed"])
async def test_an_outcome_that_finds_the_disk_full_is_written_later(
    killed: bool, small_scene: Scene, small_disk: SmallDisk
) -> None:
    """Many numbers at once: their outcomes are more than the space already taken can hold."""
    scene = small_scene
    service = scene.fork(msmpusher_batch="100", confirm_above="1000")
    await service.ready()
    await service.says("telegram.connected")
    scene.gateway.on_decided = lambda _: small_disk.fill()
    numbers = [f"+23324{number:07d}" for number in range(2_000_000, 2_000_090)]
    scene.sms("t~1", to=numbers)
    await service.says("attempt.answered")
    await until(lambda: "the disk is full" in service.output)
    if killed:
        await service.kill()
    small_disk.empty()
    scene.gateway.on_decided = None
    if killed:
        scene.fork()
    await scene.settled()
    assert set(scene.books.states()) == {"unknown" if killed else "accepted"}
    assert len(scene.gateway.calls) == 1


# -- a locked database


async def test_while_another_program_holds_the_database_nothing_is_lost(scene: Scene) -> None:
    service = scene.fork()
    async with scene.client(await service.ready()) as client:
        scene.sms("t~1")
        await scene.quiet()
        scene.lock_database()
        scene.sms("t~2")
        ready, refused = await asyncio.gather(
            client.get("/readyz"), client.post("/v1/sms", json={"to": [NUMBERS[0]], "text": "t~3"})
        )
        assert (ready.status_code, refused.status_code) == (503, 503)
        assert "another program holds a lock on it" in " ".join(refused.json()["detail"])
        assert (await client.get("/healthz")).status_code == 200
        await until(lambda: "Telegram keeps them for us" in service.output)
        assert len(scene.telegram.unconfirmed_updates) == 1
        scene.unlock_database()
        await scene.settled()
        await until(lambda: "Telegram answers again" in service.output)
        assert (await client.get("/readyz")).status_code == 200
    assert [sms.text for sms in scene.gateway.sent] == ["t~1", "t~2"]


async def test_an_outcome_that_meets_a_lock_is_written_when_the_lock_is_gone(scene: Scene) -> None:
    service = scene.fork()
    scene.gateway.on_decided = lambda _: scene.lock_database()
    scene.sms("t~1")
    await until(lambda: "the delivery loop waits: database: another program holds a lock on it" in service.output)
    scene.unlock_database()
    await scene.settled()
    assert (scene.books.states(), len(scene.gateway.calls)) == (["accepted"], 1)


# -- a database that will not do


def damaged_head(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")


def a_folder(path: Path) -> None:
    path.mkdir()


def of_a_newer_version(path: Path) -> None:
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (damaged_head, "not a database"),
        (of_another_program, "of another program"),
        (a_folder, "cannot"),
        (of_a_newer_version, "newer than this program"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_database_that_will_not_do_is_named_in_one_line_and_left_alone(
    prepare: Callable[[Path], None], words: str, scene: Scene
) -> None:
    prepare(scene.database)
    before = scene.database.read_bytes() if scene.database.is_file() else b""
    service = scene.fork()
    assert await service.gone() == 2
    assert service.output.count("\n") == 1
    assert words in service.output
    assert str(scene.database) in service.output
    assert not scene.database.is_file() or scene.database.read_bytes() == before


async def test_a_database_that_is_damaged_inside_never_gives_a_traceback(scene: Scene) -> None:
    service = scene.fork()
    for number in range(10):
        scene.sms(f"t~{number} " + "words " * 60, user=CREW[number])
    await scene.quiet()
    await service.kill()
    scene.on_database(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    whole = scene.database.read_bytes()
    scene.database.write_bytes(whole[:8192] + random.Random(1).randbytes(len(whole) - 8192))
    asked = len(scene.gateway.calls)
    service = scene.fork()
    await until(lambda: service.exit_code is not None or "damaged" in service.output)
    assert "damaged" in service.output
    assert len(scene.gateway.calls) == asked


@pytest.fixture
def immutable(scene: Scene) -> Iterator[Callable[[Path], None]]:
    """Makes a file or folder read-only even for root."""
    made: list[Path] = []

    def make(path: Path) -> None:
        system("chattr", "+i", str(path))
        made.append(path)

    yield make
    for path in made:
        subprocess.run(["chattr", "-i", str(path)], check=True)


async def test_a_read_only_database_file_is_named_in_one_line(scene: Scene, immutable: Callable[[Path], None]) -> None:
    migrate(scene.database)
    immutable(scene.database)
    service = scene.fork()
    assert await service.gone() == 2
    assert service.output.count("\n") == 1
    assert f"cannot write {scene.database}" in service.output


@pytest.fixture
def readonly_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "readonly"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        return
    system("mount", "--bind", str(folder), str(folder))
    system("mount", "-o", "remount,ro,bind", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_read_only_folder_is_named_in_one_line(scene: Scene, readonly_folder: Path) -> None:
    scene.put_database(readonly_folder / "bridge.db")
    service = scene.fork()
    assert await service.gone() == 2
    assert (service.output.count("\n"), "cannot write" in service.output) == (1, True)


# -- two processes, and a start that is cut off


async def test_a_second_process_is_refused_and_does_not_disturb_the_first(scene: Scene) -> None:
    scene.gateway.next_modes.append(Mode.SLOW)
    scene.gateway.knobs.slow_s = 1
    first = scene.fork()
    scene.sms("t~1")
    await until(lambda: len(scene.gateway.calls) == 1)
    second = scene.fork()
    assert await second.gone() == 2
    assert (second.output.count("\n"), f"process {first.pid}" in second.output) == (1, True)
    await scene.settled()
    assert (scene.books.states(), len(scene.gateway.calls)) == (["accepted"], 1)


async def test_of_processes_started_at_once_on_a_new_database_one_delivers(scene: Scene) -> None:
    services = [scene.fork() for _ in range(4)]
    for number in range(5):
        scene.sms(f"t~{number}", user=CREW[number])
    await scene.settled()
    await until(lambda: sum(service.exit_code == 2 for service in services) == 3)
    assert all(service.output.count("\n") == 1 for service in services if service.exit_code == 2)
    assert len(scene.gateway.sent) == 5


async def test_a_start_on_a_new_database_may_be_killed_before_any_of_its_statements(scene: Scene) -> None:
    scene.sms("t~1")
    for count in (1, 2, 3, 5, 9, 14, 20, 27, 35):
        service = scene.fork(KillAt(statement=ANY, count=count))
        await scene.killed(service)
    await scene.fork().ready()
    report = await scene.settled()
    assert (report.unknown, scene.books.states()) == (0, ["accepted"])


async def test_a_start_that_takes_over_calls_may_be_killed_before_any_of_its_statements(scene: Scene) -> None:
    scene.gateway.mode = Mode.TIMEOUT_AFTER_ACCEPT
    service = scene.fork()
    scene.sms("t~1", to=NUMBERS[:3])
    await until(lambda: len(scene.gateway.sent) == 3)
    await service.kill()
    scene.gateway.mode = Mode.OK
    for count in range(1, 16, 2):
        await scene.killed(scene.fork(KillAt(statement=ANY, count=count)))
    scene.fork()
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (3, 3)
    assert "may have been sent" in scene.telegram.last_text(AMA)
