"""What a gateway can show: by its answers, on the wire, in its certificate."""

import itertools
import ssl
from collections.abc import Mapping
from http import HTTPStatus

from bridge.sandbox.msmpusher import Mode
from tests.campaign.machine_parts import NotHere
from tests.campaign.stage import Act, Stage
from tests.gateways.conftest import Authority

MODES: Mapping[str, Mode] = {
    "connection refused": Mode.DOWN,
    "reset before an answer, nothing sent": Mode.RESET_BEFORE,
    "closed before an answer": Mode.CLOSE_BEFORE_ANSWER,
    "reset in the middle of the answer": Mode.RESET_IN_ANSWER,
    "reset after the answer": Mode.RESET_AFTER,
    "hangs, nothing sent": Mode.HANG,
    "sends, and hangs": Mode.TIMEOUT_AFTER_ACCEPT,
    "slow": Mode.SLOW,
    "drips": Mode.DRIP,
    "cut": Mode.CUT,
    "cut, no length given": Mode.CUT_WITHOUT_LENGTH,
    "bad length": Mode.BAD_LENGTH,
    "bad chunks": Mode.BAD_CHUNKS,
    "no HTTP": Mode.NOT_HTTP,
    "HTML, 502": Mode.HTML_502,
    "empty body": Mode.EMPTY_BODY,
    "64 MB": Mode.HUGE,
    "a bomb of gzip": Mode.GZIP_BOMB,
    "gzip that nobody asked for": Mode.GZIPPED,
    "two answers": Mode.TWO_ANSWERS,
    "a second answer, late": Mode.LATE_SECOND_ANSWER,
    "redirect": Mode.REDIRECT,
    "429, seconds": Mode.BUSY_SECONDS,
    "429, a date": Mode.BUSY_DATE,
    "503": Mode.UNAVAILABLE,
    "503, seconds": Mode.UNAVAILABLE_RETRY,
    "1001, nobody named": Mode.PARTIAL_BALANCE_UNLISTED,
    "1001": Mode.PARTIAL_BALANCE,
    "1002": Mode.MISSING,
    "1003": Mode.NO_BALANCE,
    "1004": Mode.BAD_KEY,
    "1005": Mode.BAD_NUMBER,
    "1006": Mode.BAD_SENDER,
    "1007, sent later": Mode.SCHEDULED,
    "1008": Mode.EMPTY,
    "1009": Mode.FAILS,
    "1010": Mode.NO_MESSAGES,
    "an unknown code": Mode.NEW_STATUS,
    "as printed on its page": Mode.PRINTED,
    "accepted, without a list": Mode.WITHOUT_LIST,
    "accepted, another's number listed": Mode.STRANGE_LIST,
    "accepted, always the same id": Mode.SAME_ID,
}

STATUSES = (*(status.value for status in HTTPStatus), 299, 399, 419, 499, 520, 599)

CERTIFICATES: Mapping[str, Mapping[str, str] | None] = {
    "TLS: expired": {"start": "20200101000000Z", "end": "20200102000000Z"},
    "TLS: of another host": {"name": "DNS:other.example"},
    "TLS: of an unknown authority": None,
}


def begins(mode: Mode) -> Act:
    """It is so from now on."""

    def begin(stage: Stage) -> None:
        # What is packed is packed in this process, so not 64 MB of it.
        stage.scene.gateway.knobs.huge_bytes = (8 if mode is Mode.GZIP_BOMB else 64) * 1024 * 1024
        stage.scene.gateway.mode = mode

    return begin


def is_well(stage: Stage) -> None:
    """As it should be; what it had promised for later is sent now."""
    gateway = stage.scene.gateway
    gateway.on_request = None
    gateway.mode = Mode.OK
    gateway.sent += gateway.scheduled
    gateway.scheduled.clear()


def answers_every_status(stage: Stage) -> None:
    """Each call gets the next HTTP status, and a page of HTML."""
    gateway, codes = stage.scene.gateway, itertools.cycle(STATUSES)

    def next_one(_: object) -> None:
        gateway.knobs.http_status = next(codes)

    gateway.on_request = next_one
    gateway.mode = Mode.HTTP_STATUS


def changes_with_every_call(stage: Stage) -> None:
    """In an order of chance. Not refused connections: that is no answer to a call."""
    gateway = stage.scene.gateway
    modes = [mode for mode in MODES.values() if mode not in (Mode.DOWN, Mode.HUGE, Mode.GZIP_BOMB)]
    order = itertools.cycle(stage.chance.sample(modes, len(modes)))

    def next_one(_: object) -> None:
        gateway.mode = next(order)

    gateway.on_request = next_one


def has_no_address(stage: Stage) -> None:
    """A name that no resolver takes: nothing leaves this machine for it."""
    stage.settings["msmpusher_url"] = f"http://{'x' * 70}.example/v1/send"


async def has_an_address(stage: Stage) -> None:
    """The setting is put right."""
    del stage.settings["msmpusher_url"]
    await stage.restart()


def shows(certificate: Mapping[str, str] | None) -> Act:
    """It speaks TLS, with this certificate; None: one that an authority signed which nobody trusts."""

    async def begin(stage: Stage) -> None:
        known = _authority(stage, "known")
        stage.scene.variables["SSL_CERT_FILE"] = str(known.folder / "ca.pem")
        bad = _authority(stage, "stranger").server() if certificate is None else known.server(**certificate)
        await _speaks_tls(stage, bad)

    return begin


async def shows_a_good_one(stage: Stage) -> None:
    """The certificate is renewed."""
    await _speaks_tls(stage, Authority(folder=stage.folder / "known").server())


def _authority(stage: Stage, name: str) -> Authority:
    found = Authority(folder=stage.folder / name)
    try:
        found.create()
    except OSError as error:
        raise NotHere(f"openssl: {error.strerror}") from None
    return found


async def _speaks_tls(stage: Stage, context: ssl.SSLContext) -> None:
    gateway = stage.scene.gateway
    port = gateway.port
    await gateway.stop()
    await gateway.start(port=port, ssl=context)
