"""What a case needs of the machine, and not every machine gives: small disks, files that nobody may change."""

import subprocess
from pathlib import Path


class NotHere(Exception):
    """This machine cannot play the case; the text says why."""


DISK_MIB = 8


def system(*command: str) -> None:
    """Run a command of the system. Raises `NotHere` where it is not there or not allowed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotHere(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise NotHere(f"{command[0]}: {done.stderr.strip()}")


def mount_small_disk(folder: Path) -> None:
    """A file system of a few MiB on this folder."""
    system("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder))


def unmount(folder: Path) -> None:
    """It is gone."""
    subprocess.run(["umount", "-l", str(folder)], check=True)
