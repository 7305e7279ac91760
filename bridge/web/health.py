"""`/healthz`: the process answers. `/readyz`: it can commit, and its loops turn."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.engine.work_loop import WorkLoop

LOOP_LIMIT = timedelta(seconds=15)
COMMIT_LIMIT_S = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What readiness is asked of."""

    clock: Clock
    loops: Callable[[], Sequence[WorkLoop]]
    try_commit: Callable[[], Awaitable[None]]
    degraded: Callable[[], Awaitable[Mapping[str, object]]]
    role: Callable[[], str]  # of several processes on one database: leader or follower

    def routes(self) -> list[Route]:
        """For the web app."""
        return [
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
        ]

    async def healthz(self, _request: Request) -> Response:
        """200 while the process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """200, or 503 with the reasons. What is merely degraded (Telegram, gateway) never changes the code."""
        reasons = []
        degraded: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(COMMIT_LIMIT_S):
                await self.try_commit()
                degraded = await self.degraded()
        except StoreUnavailable as error:
            reasons.append(str(error))
        except DBAPIError as error:
            reasons.append(f"database: {type(error).__name__}")
        except TimeoutError:
            reasons.append(f"database: no commit within {COMMIT_LIMIT_S:.0f} s")
        now = self.clock.now()
        reasons += [
            f"the {loop.name} loop stands still" for loop in self.loops() if not loop.is_turning(now, LOOP_LIMIT)
        ]
        return JSONResponse(
            {"ready": not reasons, "role": self.role(), "reasons": reasons, "degraded": dict(degraded)},
            503 if reasons else 200,
        )
