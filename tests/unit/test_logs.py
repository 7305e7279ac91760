import io
import json
import logging
import sqlite3
from collections.abc import Iterator

import pytest

from bridge import logs
from bridge.domain.errors import StoreUnavailable

TOKEN = "123456:AAF-secret-token"
KEY = "k€y/with+signs"
SECRETS = (TOKEN, KEY, "abc")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """`set_up` changes the process's logging; the next test gets it as it was."""
    root = logging.getLogger()
    names = ("bridge", "httpx", "httpcore", "telegram", "alembic", "uvicorn.access", "uvicorn.error", "asyncio")
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def written(style: str, level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    logs.set_up(level, style, SECRETS, stream)
    return stream


def fail_with(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("style", ["text", "json"])
def test_secrets_are_blanked_in_message_arguments_facts_and_tracebacks(style: str) -> None:
    stream = written(style)
    log = logging.getLogger("bridge.somewhere")
    log.info("plain %s", TOKEN, extra={"event": "x", "address": f"https://host/bot{TOKEN}/getMe"})
    log.warning(f"in the message {KEY}")
    try:
        try:
            fail_with(f"the cause holds {KEY}")
        except ValueError as error:
            raise RuntimeError(f"and so does this: {TOKEN}") from error
    except RuntimeError:
        log.exception("it failed")
    text = stream.getvalue()
    assert TOKEN not in text
    assert KEY not in text
    assert text.count("***") >= 3
    assert "ValueError (its words are left out" in text
    assert "which led to:" in text
    assert "RuntimeError (its words are left out" in text


def test_a_word_that_is_too_short_to_be_a_secret_is_left_alone() -> None:
    stream = written("text")
    logging.getLogger("bridge").info("abc")
    assert ": abc\n" in stream.getvalue()


def test_a_secret_that_holds_another_is_blanked_as_a_whole() -> None:
    stream = io.StringIO()
    logs.set_up("INFO", "text", ["secret", "secret-and-more"], stream)
    logging.getLogger("bridge").info("secret-and-more, secret")
    assert ": ***, ***\n" in stream.getvalue()


def test_a_text_line_has_time_level_logger_sentence_and_facts() -> None:
    stream = written("text")
    logging.getLogger("bridge.web").warning("it is %d", 7, extra={"event": "web.seven", "message_id": 42})
    line = stream.getvalue().rstrip("\n")
    at, rest = line.split(" ", 1)
    assert at.endswith("Z")
    assert rest == "WARNING bridge.web: it is 7 [event=web.seven message_id=42]"


def test_each_json_line_is_one_object_whatever_is_logged() -> None:
    stream = written("json")
    log = logging.getLogger("bridge.web")
    log.info("two\nlines and “quotes” \\ %s", "ɛ", extra={"event": "web.x", "message_id": 42, "odd": object()})
    try:
        fail_with("boom")
    except ValueError:
        log.exception("failed", extra={"event": "web.failed"})
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["message"] == "two\nlines and “quotes” \\ ɛ"
    assert (first["level"], first["logger"], first["event"], first["message_id"]) == ("INFO", "bridge.web", "web.x", 42)
    assert first["at"].endswith("+00:00")
    assert second["event"] == "web.failed"
    assert "in fail_with" in second["trace"]
    assert "ValueError: boom" not in second["trace"]


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_error_shows_its_words_only_where_they_are_no_one_s(style: str) -> None:
    stream = written(style)
    log = logging.getLogger("bridge")
    for error, shown in (
        (ValueError("a text of somebody"), False),
        (KeyError("a text of somebody"), False),
        (UnicodeEncodeError("ascii", "a text of somebody", 0, 1, "a text of somebody"), False),
        (StoreUnavailable("database: locked"), True),
        (sqlite3.OperationalError("no such table: posts"), True),
        (AttributeError("no attribute x"), True),
    ):
        log.error("it failed", exc_info=error)
        line = stream.getvalue().splitlines()[-1]
        assert type(error).__name__ in line
        assert (str(error) in line) == shown
    assert "a text of somebody" not in stream.getvalue()


def test_the_first_cause_stands_first_and_a_context_is_told_from_a_cause() -> None:
    stream = written("text")
    try:
        try:
            fail_with("one")
        except ValueError:
            raise StoreUnavailable("two")  # noqa: B904 - what happens while an error is handled
    except StoreUnavailable:
        logging.getLogger("bridge").exception("it failed")
    text = stream.getvalue()
    assert text.index("ValueError") < text.index("during which this happened:") < text.index("StoreUnavailable: two")


def test_a_chain_of_causes_without_end_is_cut() -> None:
    stream = written("text")
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    logging.getLogger("bridge").error("it failed", exc_info=one)
    assert stream.getvalue().count("ValueError") == 4


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_whole_number_is_cut_down_wherever_it_stands(style: str) -> None:
    stream = written(style)
    logging.getLogger("bridge").error("to %s", "+233241109433", extra={"event": "x", "to": "(+447700900000)"})
    assert "+2332…433" in stream.getvalue()
    assert "+4477…000" in stream.getvalue()
    assert "241109433" not in stream.getvalue()
    assert "7700900000" not in stream.getvalue()


@pytest.mark.parametrize("secret", ['with"quote', "back\\slash", "line\nend", "tab\there", "é-accent"])
def test_a_secret_is_blanked_in_json_however_json_writes_it(secret: str) -> None:
    stream = io.StringIO()
    logs.set_up("INFO", "json", [secret], stream)
    logging.getLogger("bridge").info("here: %s", secret)
    line = stream.getvalue()
    assert json.loads(line)["message"] == "here: ***"


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_is_blanked_in_addresses_however_they_write_it(style: str) -> None:
    stream = io.StringIO()
    logs.set_up("INFO", style, ["two words/and a slash"], stream)
    log = logging.getLogger("bridge")
    log.info("in a path: %s", "https://host/two%20words%2Fand%20a%20slash/x")
    log.info("in a form: %s", "key=two+words%2Fand+a+slash&x")
    assert "words" not in stream.getvalue()
    assert stream.getvalue().count("***") == 2


def test_libraries_that_log_addresses_with_tokens_are_silent_below_warnings() -> None:
    stream = written("text", "DEBUG")
    for name in ("httpx", "httpcore.http11", "telegram.ext", "uvicorn.access", "alembic.runtime"):
        logging.getLogger(name).info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("bridge").debug("ours")
    assert stream.getvalue().count("\n") == 1
    logging.getLogger("httpx").warning("trouble at https://api.telegram.org/bot%s/getMe", TOKEN)
    assert "bot***/getMe" in stream.getvalue()


def test_the_level_is_the_one_asked_for() -> None:
    stream = written("text", "ERROR")
    logging.getLogger("bridge").warning("not this")
    logging.getLogger("bridge").error("this")
    assert "not this" not in stream.getvalue()
    assert "this" in stream.getvalue()
