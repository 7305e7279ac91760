"""What tomllib says of a text that is no TOML, for who has never heard of TOML. Pure."""

_IN_QUOTES = "a text has no closing quote"

# By tomllib's own words (Python 3.11 to 3.14). What is not here is plain enough, or never met by hand.
_PLAIN = {
    "Invalid value": 'the value is missing, or it is a text without quotes: put it in quotes, such as "Ama Mensah"',
    "Unterminated string": _IN_QUOTES,
    'Expected "\'"': _IN_QUOTES,
    "Illegal character '\\n'": f"{_IN_QUOTES} on its line",
    "Illegal character '\\r'": f"{_IN_QUOTES} on its line",
    "Unescaped '\\' in a string": "a backslash in a text: write it twice, or put the text in single quotes",
    "Expected newline or end of document after a statement": (
        'something stands behind the value: put the whole value in quotes, such as "5m", '
        "and a text that holds a quote in single quotes"
    ),
    "Unclosed array": "a list lacks its closing ] or a comma between two items",
    "Unclosed inline table": "a { lacks its closing } or a comma between two items",
    "Expected '=' after a key in a key/value pair": "behind the name an = is missing",
    "Expected ']' at the end of a table declaration": "a [section] lacks its closing ]",
    "Expected ']]' at the end of an array declaration": "a [[section]] lacks its closing ]]",
    "Cannot overwrite a value": "the name of this value stands here a second time",
    "Invalid statement": "a line is a [section], a name = value, or a # comment",
}


def plain(words: str) -> str:
    """tomllib's words (without the place), or better ones."""
    return _PLAIN.get(words, words)
