"""Whose fault it is, first.

    BridgeError
    ├── PersonError          a person asked for what cannot be done: the words go back to that person
    │   ├── Refused          a rule says no (paused, limits, not yours)
    │   └── NotFound         no such message
    └── OperatorError        our configuration or store: one line for whoever runs bridge
        ├── SettingsError    a setting is missing or wrong
        └── StoreError
            ├── StoreUnavailable   locked, read-only, full: may pass; nothing was written
            │   ├── NotLeading     another process does this now
            │   └── StoreInDoubt   gone in the middle of a commit: may have been written
            └── StoreUnusable      a newer version, no database, held by another process

What a gateway does is no exception: see `domain.outcome`.
"""


class BridgeError(Exception):
    """Base of all. `str()` is one line that may be shown; it holds no secret, whole number or message text."""


class PersonError(BridgeError):
    """A person asked for what cannot be done. `code` says why in a stable word, for programs and the audit."""

    code = "refused"


class Refused(PersonError):
    """A rule says no. `code` names the rule in a stable word, such as `paused` or `daily_limit`."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class NotFound(PersonError):
    """There is no such message, or it is not this person's to see."""

    code = "not_found"


class OperatorError(BridgeError):
    """Our configuration or store."""


class SettingsError(OperatorError):
    """Settings are missing or wrong: `lines` has one for each mistake, which names it, and `str()` all of them."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class StoreError(OperatorError):
    """The database."""


class StoreUnavailable(StoreError):
    """The database cannot be read or written just now. Nothing of the call was written; trying again may work."""


class NotLeading(StoreUnavailable):
    """What only the leader may write, by a process that does not lead, or not any more. Nothing was written."""


class StoreInDoubt(StoreUnavailable):
    """The database went away in the middle of a commit and did not come back: nobody knows whether it was kept."""


class StoreUnusable(StoreError):
    """This database will not do, now or in a minute: a newer version, no database at all, in another's hands."""
