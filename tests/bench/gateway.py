"""A sandbox gateway in a process of its own: it must not share an interpreter with what is measured."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.sandbox.msmpusher import MsmpusherSandbox

PRIVATE_KEY, PUBLIC_KEY = "sandbox-private-key", "sandbox-public-key"


async def serve(answer_after_s: float) -> None:
    """Print the address, answer until standard input ends."""
    sandbox = MsmpusherSandbox(private_key=PRIVATE_KEY, public_key=PUBLIC_KEY)
    sandbox.answer_after_s = answer_after_s
    await sandbox.start()
    print(sandbox.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await sandbox.stop()


@contextmanager
def running(answer_after_s: float = 0) -> Iterator[str]:
    """Its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.gateway", str(answer_after_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
