"""The door of the server: who may ask, how much, how long; refused before a body is read."""

import asyncio
import json
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handful.core.sockets import called, declared_within
from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import Metrics

OPEN = ("/", "/health", "/ready")
WORK = ("/predict", "/predict/batch")
KNOWN = (*OPEN, *WORK, "/model", "/metrics", "/openapi.json")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class _StopError(Exception):
    """No more of the request is read."""


class Gate:
    """Bounds what reaches `app`.

    Args:
        app: what is guarded.
        limits: of size, time and requests at once.
        metrics: where requests are counted.
        token: wanted as "Authorization: Bearer ..."; None: nobody is asked for one.
        hosts: names that the server may be called by; None: any. Others are another site's, pointed here.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Limits, metrics: Metrics, token: str | None, hosts: tuple[str, ...] | None
    ) -> None:
        self.app, self.limits, self.metrics, self.token, self.hosts = app, limits, metrics, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        answer = _Answer(send)
        work = scope["path"] in WORK and scope["method"] == "POST"
        refusal = self._refusal(scope, work)
        if refusal is not None:
            await answer.refuse(*refusal)
        else:
            self.metrics.waiting += work
            try:
                await self._pass(scope, receive, answer)
            finally:
                self.metrics.waiting -= work
        path = scope["path"] if scope["path"] in KNOWN else "other"
        self.metrics.answered(path, answer.status, time.perf_counter() - start)

    def _refusal(self, scope: Scope, work: bool) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        if self.hosts is not None and called(headers) not in self.hosts:
            return 403, "This server does not go by that name."
        if self.token is not None and scope["path"] not in OPEN:
            given = headers.get(b"authorization", b"")
            if not secrets.compare_digest(given, b"Bearer " + self.token.encode()):
                return 401, "Send the server's token: Authorization: Bearer TOKEN."
        if not declared_within(headers, self.limits.most_bytes):
            return 413, f"A request may have {self.limits.megabytes:g} MB."
        if work and self.metrics.waiting >= self.limits.waiting:
            return 429, "Too many requests wait already. Come back in a second."
        return None

    async def _pass(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        end = time.monotonic() + self.limits.seconds
        late = 408, f"This took more than {self.limits.seconds:g} seconds."
        got = 0

        async def bounded() -> Message:
            nonlocal got
            try:
                message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                answer.instead = late
                raise _StopError from None
            got += len(message.get("body", b""))
            if got > self.limits.most_bytes:
                answer.instead = 413, f"A request may have {self.limits.megabytes:g} MB."
                raise _StopError
            return message

        try:
            await asyncio.wait_for(self.app(scope, bounded, answer.send), self.limits.seconds)
        except TimeoutError:
            await answer.refuse(*late)
        except _StopError:
            await answer.refuse(*(answer.instead or late))


class _Answer:
    """Sends an answer with safe headers, and remembers its status.

    `instead` is what to say in the place of the app, which takes a body that broke off for a malformed one.
    """

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.begun = send, 0, False
        self.instead: tuple[int, str] | None = None

    async def send(self, message: Message) -> None:
        """Pass a message of the app on."""
        if self.instead is not None:
            await self.refuse(*self.instead)
            return
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await self._send(message)

    async def refuse(self, status: int, text: str) -> None:
        """Answer with an error, where nothing was answered yet."""
        if self.begun:
            return
        body = json.dumps({"detail": text}).encode()
        headers: list[Any] = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")] if status in (408, 413) else []
        headers += [(b"retry-after", b"1")] if status == 429 else []
        headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await self._pass_on({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
