import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.domain.errors import StoreUnusable
from bridge.store.lock import DeliveryLock, Holder

HOLD = """
import sys
from pathlib import Path
from bridge.store.lock import DeliveryLock
lock = DeliveryLock(Path(sys.argv[1]))
lock.take()
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    """A process that holds the lock until it is killed or its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_told_who_delivers_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    with holder(path) as process:
        assert DeliveryLock.holder(path) == Holder(process=str(process.pid), purpose="service")
        with pytest.raises(
            StoreUnusable, match=rf"another bridge \(process {process.pid}, service\) delivers from {path}"
        ):
            DeliveryLock(path).take()
        process.kill()
        process.wait()
    assert DeliveryLock.holder(path) is None
    lock = DeliveryLock(path)
    lock.take()
    lock.release()


def test_whoever_only_looks_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    assert DeliveryLock.holder(path) is None
    assert list(tmp_path.iterdir()) == []


def test_release_is_harmless_when_it_is_not_held_and_lets_the_next_one_in(tmp_path: Path) -> None:
    first, second = DeliveryLock(tmp_path / "bridge.db"), DeliveryLock(tmp_path / "bridge.db")
    first.release()
    first.take()
    assert first.path.read_text() == f"{os.getpid()} service\n"
    with pytest.raises(StoreUnusable):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()


def test_a_lock_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        StoreUnusable, match=r"^BRIDGE_DATABASE_URL: cannot write .*bridge\.db\.lock: No such file or directory"
    ):
        DeliveryLock(tmp_path / "nowhere" / "bridge.db").take()


def test_it_says_what_the_holder_delivers(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    lock = DeliveryLock(path, "one message")
    assert lock.try_take()
    assert not DeliveryLock(path).try_take()
    holder = DeliveryLock.holder(path)
    assert holder is not None
    assert not holder.is_service
    with pytest.raises(StoreUnusable, match="one message"):
        DeliveryLock(path).take()
    lock.release()


def test_a_lock_file_that_cannot_be_read_is_no_sign_of_a_holder(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    DeliveryLock(path).path.symlink_to("bridge.db.lock")  # a circle: root, too, cannot open it
    with pytest.raises(StoreUnusable, match=r"^BRIDGE_DATABASE_URL: cannot read .*bridge\.db\.lock"):
        DeliveryLock.holder(path)


def test_whoever_looks_may_have_a_file_that_is_only_readable(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    lock = DeliveryLock(path)
    lock.take()
    lock.release()
    lock.path.chmod(0o400)
    assert DeliveryLock.holder(path) is None


async def test_one_who_waits_for_it_gets_it_and_lets_others_run_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    first, second = DeliveryLock(path), DeliveryLock(path)
    first.take()
    asyncio.get_running_loop().call_later(0.05, first.release)
    await second.take_within(5)
    with pytest.raises(StoreUnusable, match="delivers from"):
        await first.take_within(0.01)
    second.release()


async def test_who_waits_for_one_message_of_another_says_for_whom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bridge.db"
    sending, service = DeliveryLock(path, "one message"), DeliveryLock(path)
    sending.take()
    asyncio.get_running_loop().call_later(0.2, sending.release)
    await service.take_within(0.01)
    service.release()
    (said,) = (one.getMessage() for one in caplog.records)
    assert said.startswith(f"not started yet: process {os.getpid()} (bridge send --wait)")
