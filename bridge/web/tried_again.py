"""Answers to programs that send again until it is taken: every trouble of ours, a bug as well, is a 503."""

import asyncio
import logging
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bridge.domain.errors import StoreUnavailable
from bridge.web.body import Parting
from bridge.web.problem import problem

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 9.0
"""From the first look at a request to its answer, in seconds: body, however slowly it drips, and commit."""


class TriedAgain:
    """One for each kind of request."""

    def __init__(self, event: str, within_s: float = ANSWER_WITHIN_S) -> None:
        """`event`: what the names of its events begin with."""
        self._event = event
        self._within_s = within_s
        self._trouble = ""

    async def answer(self, what: str, work: Awaitable[Response]) -> Response:
        """What `work` answers, or a 503. `what`: the request, for the log."""
        try:
            async with asyncio.timeout(self._within_s):
                response = await work
        except ClientDisconnect:
            return _not_now("The request broke off.")  # nobody hears it
        except TimeoutError:
            log.error("%s took too long", what, extra={"event": f"{self._event}.late"})
            return Parting(_not_now(f"Not within {self._within_s:.0f} s."))
        except StoreUnavailable as error:
            if str(error) != self._trouble:  # once: they try again, and all of them at once
                log.error("%s was not kept: %s", what, error, extra={"event": "store.unavailable"})
            self._trouble = str(error)
            return _not_now(str(error))
        except Exception:
            log.exception("%s met an error of ours", what, extra={"event": f"{self._event}.error"})
            return _not_now("An error of ours. It is in the log.")
        if self._trouble and response.status_code < 300:
            log.warning("%s is kept again", what, extra={"event": "store.recovered"})
            self._trouble = ""
        return response


def _not_now(words: str) -> Response:
    return problem(503, "unavailable", words)
