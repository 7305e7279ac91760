import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.domain.errors import StoreUnusable
from bridge.store.lock import DeliveryLock

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
        assert DeliveryLock.is_held(path)
        with pytest.raises(StoreUnusable, match=rf"another bridge \(process {process.pid}\) delivers from {path}"):
            DeliveryLock(path).take()
        process.kill()
        process.wait()
    assert not DeliveryLock.is_held(path)
    lock = DeliveryLock(path)
    lock.take()
    lock.release()


def test_whoever_only_looks_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    assert not DeliveryLock.is_held(path)
    assert list(tmp_path.iterdir()) == []


def test_release_is_harmless_when_it_is_not_held_and_lets_the_next_one_in(tmp_path: Path) -> None:
    first, second = DeliveryLock(tmp_path / "bridge.db"), DeliveryLock(tmp_path / "bridge.db")
    first.release()
    first.take()
    assert first.path.read_text() == str(os.getpid())
    with pytest.raises(StoreUnusable):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()


def test_a_lock_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"cannot write .*bridge\.db\.lock: No such file or directory"):
        DeliveryLock(tmp_path / "nowhere" / "bridge.db").take()
