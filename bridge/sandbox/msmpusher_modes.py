"""How the fake gateway can be today: every mode, and what it does, as a status code or as a fault on the wire."""

from collections.abc import Mapping
from enum import StrEnum

from bridge.sandbox import gateway_faults as faults
from bridge.sandbox.gateway_faults import Fault


class Mode(StrEnum):
    """How the gateway is today."""

    # what it decides
    OK = "ok"  # 1000
    SCHEDULED = "scheduled"  # 1007: accepted, and nothing reaches a phone yet
    PARTIAL_BALANCE = "partial_balance"  # 1001: the first half of the list is sent, and named
    PARTIAL_BALANCE_UNLISTED = "partial_balance_unlisted"  # 1001: the same, and nobody is named
    MISSING = "missing"  # 1002
    NO_BALANCE = "no_balance"  # 1003
    BAD_KEY = "bad_key"  # 1004
    BAD_NUMBER = "bad_number"  # 1005, whatever the numbers
    BAD_SENDER = "bad_sender"  # 1006
    EMPTY = "empty"  # 1008
    FAILS = "fails"  # 1009
    NO_MESSAGES = "no_messages"  # 1010, which belongs to another call
    NEW_STATUS = "new_status"  # 1011, which the page does not know
    # how it says it; the SMS is sent
    PRINTED = "printed"  # as on the page: `Null`, an unquoted sentence, a trailing comma
    WITHOUT_LIST = "without_list"
    SHORT_LIST = "short_list"  # 1000, but only the first number is named
    STRANGE_LIST = "strange_list"  # 1000 that names somebody else
    SAME_ID = "same_id"  # the sms_id of the last call
    # trouble after the SMS went out
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    SLOW = "slow"
    RESET_IN_ANSWER = "reset_in_answer"
    RESET_AFTER = "reset_after"
    CLOSE_BEFORE_ANSWER = "close_before_answer"
    CUT = "cut"
    CUT_WITHOUT_LENGTH = "cut_without_length"
    DRIP = "drip"
    HUGE = "huge"
    GZIPPED = "gzipped"
    GZIP_BOMB = "gzip_bomb"
    EMPTY_BODY = "empty_body"
    TWO_ANSWERS = "two_answers"
    LATE_SECOND_ANSWER = "late_second_answer"
    BAD_CHUNKS = "bad_chunks"
    BAD_LENGTH = "bad_length"
    NOT_HTTP = "not_http"
    CUSTOM = "custom"  # answers `knobs.custom`
    # trouble, and nothing is sent
    DOWN = "down"  # refuses connections (as one of `next_modes`: breaks this one)
    HANG = "hang"
    RESET_BEFORE = "reset_before"
    HTML_502 = "html_502"
    REDIRECT = "redirect"
    BUSY_SECONDS = "busy_seconds"  # 429, Retry-After in seconds
    BUSY_DATE = "busy_date"  # 429, Retry-After as a date
    UNAVAILABLE_RETRY = "unavailable_retry"  # 503 with Retry-After
    UNAVAILABLE = "unavailable"  # 503 without
    HTTP_STATUS = "http_status"  # `knobs.http_status` and a page of HTML


REFUSES: Mapping[Mode, int] = {
    Mode.MISSING: 1002,
    Mode.NO_BALANCE: 1003,
    Mode.BAD_KEY: 1004,
    Mode.BAD_NUMBER: 1005,
    Mode.BAD_SENDER: 1006,
    Mode.EMPTY: 1008,
    Mode.FAILS: 1009,
    Mode.NO_MESSAGES: 1010,
    Mode.NEW_STATUS: 1011,
}

BREAKS_AFTER_SENDING: Mapping[Mode, Fault] = {
    Mode.TIMEOUT_AFTER_ACCEPT: faults.silence,
    Mode.SLOW: faults.slow,
    Mode.RESET_IN_ANSWER: faults.reset_in_answer,
    Mode.RESET_AFTER: faults.reset_after,
    Mode.CLOSE_BEFORE_ANSWER: faults.close_before,
    Mode.CUT: faults.cut,
    Mode.CUT_WITHOUT_LENGTH: faults.cut_without_length,
    Mode.DRIP: faults.drip,
    Mode.HUGE: faults.huge,
    Mode.GZIPPED: faults.gzipped,
    Mode.GZIP_BOMB: faults.gzip_bomb,
    Mode.EMPTY_BODY: faults.empty_body,
    Mode.TWO_ANSWERS: faults.two_answers,
    Mode.LATE_SECOND_ANSWER: faults.late_second_answer,
    Mode.BAD_CHUNKS: faults.bad_chunks,
    Mode.BAD_LENGTH: faults.bad_length,
    Mode.NOT_HTTP: faults.not_http,
    Mode.CUSTOM: faults.custom,
}

BREAKS_WITHOUT_SENDING: Mapping[Mode, Fault] = {
    Mode.DOWN: faults.reset_before,
    Mode.HANG: faults.silence,
    Mode.RESET_BEFORE: faults.reset_before,
    Mode.HTML_502: faults.html_502,
    Mode.REDIRECT: faults.redirect,
    Mode.BUSY_SECONDS: faults.busy_seconds,
    Mode.BUSY_DATE: faults.busy_date,
    Mode.UNAVAILABLE_RETRY: faults.unavailable_retry,
    Mode.UNAVAILABLE: faults.unavailable,
    Mode.HTTP_STATUS: faults.http_status,
}

FAULTS: Mapping[Mode, Fault] = {**BREAKS_AFTER_SENDING, **BREAKS_WITHOUT_SENDING}
