"""The program's commands. Each imports what it needs when it runs, so that `bridge --help` answers at once."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any, NoReturn

import click

from bridge import __version__
from bridge.domain.errors import BridgeError, SettingsError

log = logging.getLogger(__name__)

CANNOT_START = 2
OUR_BUG = 70


def fail(error: BridgeError) -> NoReturn:
    """One line on stderr, of wrong settings one for each; exit 2."""
    for line in error.lines if isinstance(error, SettingsError) else [str(error)]:
        print(f"bridge: {line}", file=sys.stderr)
    sys.exit(CANNOT_START)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bridge")
def main() -> None:
    """The pager for teams that live in Telegram."""


@main.command()
def run() -> None:
    """The service: Telegram, HTTP, delivery."""
    from bridge import logs, settings

    with _in_one_line():
        found = settings.load(need=settings.TELEGRAM + settings.GATEWAY)
    logs.set_up(found.log_level, found.log_format, found.secrets())
    from bridge.commands.run import serve

    _until_done(lambda: serve(found))


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port of the page on 127.0.0.1; the next free one if taken. 0: any.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show the service's log.")
@click.option(
    "--playground",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Start no service: put .env and oncall.toml into this folder, for a `bridge run` of yours on the sandbox.",
)
def demo(port: int, verbose: bool, playground: Path | None) -> None:
    """The whole service against a built-in sandbox, in the browser. Needs no account and no setting."""
    from bridge.commands.demo import play, show

    _until_done(lambda: show(port, verbose=verbose) if playground is None else play(port, playground))


@main.command()
@click.option("--send-test", metavar="NUMBER", help="Send one SMS to this number, by the gateway, for real.")
def check(send_test: str | None) -> None:
    """Says what is understood, and whether it works. Sends nothing unless asked."""
    from bridge.commands.check import check_all

    _until_done(lambda: check_all(send_test))


@main.command()
@click.argument("recipients")
@click.argument("text", nargs=-1, required=True, metavar="TEXT")
@click.option("--wait", is_flag=True, help="Wait for the outcome of every number.")
@click.option("--yes", is_flag=True, help="Do not ask back (costly, or a number in no list of valid ones).")
def send(recipients: str, text: tuple[str, ...], wait: bool, yes: bool) -> None:
    """Send TEXT to RECIPIENTS (a comma between them), through the same outbox as /sms.

    Exit 0: all accepted or scheduled (without --wait: queued). 1: not. 3: some unknown. 2: could not start.
    """
    if len(text) > 1:
        raise click.UsageError(
            'these are several texts. Put the text in quotes: bridge send 0241109433 "Disk full on db1"; '
            'and a list with blanks, too: "0241109433, 0551234567"'
        )
    from bridge.commands.send import send_one

    _until_done(lambda: send_one(recipients, text[0], wait=wait, yes=yes))


@main.command()
@click.argument("file")
@click.option("--source", metavar="NAME", help="alertmanager, grafana, uptime-kuma or generic; else what fits.")
@click.option(
    "--at", metavar="TIME", help="As if it came then, such as 2026-01-05T03:00, by the clocks that the output names."
)
def simulate(file: str, source: str | None, at: str | None) -> None:
    """Who would be paged, when, by what text, for the alert payload in FILE. Sends nothing."""
    from bridge.commands.simulate import simulate as show

    _until_done(lambda: show(file, source, at))


@main.command()
@click.argument("code", metavar="ID")
def trace(code: str) -> None:
    """Everything that happened to a message (42 or #42), an incident (A7) or a page (P12), in order, with delays.

    Exit 0; 1: there is no such thing. 2: no id, or no database.
    """
    from bridge.commands.trace import trace as show

    _until_done(lambda: show(code))


@main.command()
@click.option("--since", metavar="WHEN", help="From then on: a date or time (UTC), or a span such as 2h or 7d.")
@click.option("--who", metavar="WHO", help="Of one only: tg:111111111, api:NAME, cli:USER, or a name as it is shown.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def audit(since: str | None, who: str | None, as_json: bool) -> None:
    """Who did what, when, through which door, with the outcome: a line each, the newest last."""
    from bridge.commands.audit import show

    _until_done(lambda: show(since, who, as_json=as_json))


@main.command()
def migrate() -> None:
    """Bring the database to this version (`run` does it, too)."""
    from bridge import settings
    from bridge.store.homes import home_of
    from bridge.store.migrate import HEAD

    async def bring() -> int:
        home = home_of(settings.load().database_url)
        changed = await home.migrate()
        print(f"{home}: {'brought to' if changed else 'is at'} version {HEAD}")
        return 0

    _until_done(bring)


def _until_done(work: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run it; its result is the exit code."""
    with _in_one_line():
        code = asyncio.run(work())
    sys.exit(code)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What escapes is a line on stderr, of wrong settings one each, and no traceback: it could hold keys, numbers and
    texts. Ctrl-C is silent."""
    try:
        yield
    except BridgeError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (click.Abort, click.ClickException, BrokenPipeError):
        raise  # click has words for these
    except Exception as error:
        log.debug("an error of ours", exc_info=error, extra={"event": "cli.error"})
        print(f"bridge: an error of ours: {_where(error)}; BRIDGE_LOG_LEVEL=DEBUG shows more", file=sys.stderr)
        sys.exit(OUR_BUG)


def _where(error: Exception) -> str:
    """The error's type and the last line of our own that it passed. Not its words: they may hold anything."""
    ours = [frame for frame in extract_tb(error.__traceback__) if Path(__file__).parent in Path(frame.filename).parents]
    place = ours[-1] if ours else None
    return type(error).__name__ + (f" in {Path(place.filename).name}, line {place.lineno}" if place else "")
