"""The sentence for each problem of a request. Plain text without markup, for chat, HTTP API and command line."""

from bridge.domain.phone import NumberCode, NumberProblem
from bridge.domain.recipients import Problem, RequestCode

# {item}: as typed, in quotes. {sign}: the character in the way. {instead}: what to do about it. {first}, {second}:
# readings. {country}: whose numbers.
WORDS = {
    NumberCode.NO_DIGITS: "{item} holds no digits.",
    NumberCode.LETTER: "{item} is no phone number: it holds the letter {sign}.",
    NumberCode.SIGN: "{item} is no phone number: it holds {sign}. {instead}",
    NumberCode.TOO_SHORT: "{item} is too short for a phone number.",
    NumberCode.TOO_LONG: "{item} is too long for a phone number. Put a comma between recipients.",
    NumberCode.WRONG_LENGTH: "{item} has too many or too few digits for its country.",
    NumberCode.LOCAL_ONLY: "{item} lacks its area code.",
    NumberCode.NO_COUNTRY: "{item} begins with a country code that does not exist.",
    NumberCode.AMBIGUOUS: "{item} can be read as {first} or as {second}. Write the one you mean, with its +.",
    NumberCode.COUNTRY_NOT_ALLOWED: (
        "{item} is {country}: such numbers are not allowed here (BRIDGE_ALLOWED_COUNTRIES). An admin can change that."
    ),
    NumberCode.PREMIUM_RATE: "{item} is {country} at a premium rate: {only_by_name}",
    NumberCode.SHARED_COST: "{item} is {country} at shared cost: {only_by_name}",
    RequestCode.NO_RECIPIENTS: "There is no recipient.",
    RequestCode.NO_TEXT: "There is no text.",
    RequestCode.UNSENDABLE_TEXT: "The text holds a broken character that no SMS can carry.",
    RequestCode.COMMA_MISSING: (
        "The text begins with {item}, which could be one more recipient: put a comma between recipients. "
        "If it belongs to the text, put a word before it."
    ),
    RequestCode.BLANK_IN_NUMBER: (
        "{item} is not a whole number: write it without blanks, or put the recipients alone on the first line."
    ),
    RequestCode.NO_ONCALL_FILE: "{item} is a name, and there is no on-call file that says who that is.",
    RequestCode.UNKNOWN_NAME: "{item} is nobody in the on-call file.",
    RequestCode.NOBODY: "{item} has nobody with a phone just now: /oncall shows who is on call.",
}

ONLY_BY_NAME = "refused, whatever the settings. An admin can put it into the on-call file; then its @name is taken."
"""Who can lift the rule about rates."""

ITEM_SHOWN = 40  # characters
QUOTES = frozenset("\"'`´“”„‟‘’‚‛«»‹›＂＇")
"""Quotation marks, as keyboards and phones write them."""


def explain(problem: Problem) -> str:
    """What is wrong, and where it helps how to put it right: one or two short sentences, safe to show anywhere.

    What was typed is cut to 40 characters, and what cannot be seen or encoded shows as U+FFFD. Numbers are whole.
    """
    facts = {"item": _quoted(problem.item)}
    if isinstance(problem, NumberProblem):
        first, second, *_ = (*problem.readings, "", "")
        country = f"a number of {problem.country}" if problem.country else "a number of no country"
        instead = "Write it without quotes." if problem.sign in QUOTES else "Put a comma between recipients."
        facts |= {"sign": _quoted(problem.sign), "instead": instead}
        facts |= {"first": first, "second": second, "country": country}
        facts["only_by_name"] = ONLY_BY_NAME
    return WORDS[problem.code].format_map(facts)


def _quoted(typed: str) -> str:
    shown = typed if len(typed) <= ITEM_SHOWN else typed[: ITEM_SHOWN - 1] + "…"
    return "“" + "".join(_visible(character) for character in shown) + "”"


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return character if character.isprintable() else "\ufffd"
