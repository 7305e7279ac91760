"""The on-call file as whoever runs bridge meets it: at start, on SIGHUP, and by name on the command line."""

import os
import signal
import sqlite3
from pathlib import Path

from bridge.sandbox.msmpusher import MsmpusherSandbox
from tests.cli.program import Shell
from tests.cli.test_simulate import example, write
from tests.support.eventually import until


async def test_a_broken_file_ends_the_first_start_with_every_problem_in_one_line(shell: Shell) -> None:
    path = write(shell.folder, "team.toml", '[people.ama]\nphone = "12"\n\n[groups.db]\npeople = ["kofi"]\n')
    done = await shell.bridge("run", BRIDGE_ONCALL_FILE=path)
    assert done.code == 2
    assert done.line.startswith(f"BRIDGE_ONCALL_FILE: {path}: line 2: people.ama.phone")
    assert "; line 5: groups.db.people" in done.line


async def test_a_file_that_is_set_and_not_there_ends_the_first_start(shell: Shell) -> None:
    done = await shell.bridge("run", BRIDGE_ONCALL_FILE="gone.toml")
    assert (done.code, done.line) == (2, "BRIDGE_ONCALL_FILE: gone.toml: there is no such file")


async def test_on_sighup_a_running_service_reads_it_again(shell: Shell) -> None:
    path = write(shell.folder, "team.toml", example())
    log = shell.folder / "log"
    with log.open("wb") as output:
        process = shell.process(["run"], variables={"BRIDGE_ONCALL_FILE": path}, stdout=output, stderr=output)

    def said(event: str) -> int:
        return log.read_text(encoding="utf-8").count(f"event={event}")

    try:
        await until(lambda: said("app.ready"), otherwise=lambda: log.read_text(encoding="utf-8"))
        assert said("oncall.accepted") == 1
        write(shell.folder, "team.toml", example() + "# changed\n")
        os.kill(process.pid, signal.SIGHUP)
        await until(lambda: said("oncall.accepted") == 2, otherwise=lambda: log.read_text(encoding="utf-8"))
        write(shell.folder, "team.toml", "[people")
        os.kill(process.pid, signal.SIGHUP)
        await until(lambda: said("oncall.refused"), otherwise=lambda: log.read_text(encoding="utf-8"))
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert files(shell.database) == [example(), example() + "# changed\n"]


def files(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    found = [text for (text,) in connection.execute("SELECT text FROM oncall_files ORDER BY id")]
    connection.close()
    return found


async def test_bridge_send_knows_the_names_of_the_file_in_force(shell: Shell, gateway: MsmpusherSandbox) -> None:
    done = await shell.bridge("send", "@ama", "hello")
    assert (done.code, done.line) == (1, "“@ama” is a name, and there is no on-call file that says who that is.")
    await shell.bridge("migrate")
    people = '[people.ama]\nphone = "0241109433"\n[people.esi]\ntelegram = 7\n[groups.all]\npeople = ["ama", "esi"]\n'
    connection = sqlite3.connect(shell.database)
    connection.execute("INSERT INTO oncall_files (hash, text, accepted_at) VALUES ('x', ?, 0)", (people,))
    connection.commit()
    connection.close()
    done = await shell.bridge("send", "@all", "hello", "--wait")
    assert done.code == 0
    assert done.err == "left out, without a phone: esi\n"
    assert [sms.number for sms in gateway.sent] == ["+233241109433"]
    done = await shell.bridge("send", "@esi", "hello")
    assert done.line == "“@esi” has nobody with a phone just now: /oncall shows who is on call."
