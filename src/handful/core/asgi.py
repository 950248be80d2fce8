"""ASGI middleware that guards a server: host name, token, size and time of requests, and safe response headers.

Each server has a `Policy` of its own; `Guard` enforces it before the application reads a request's body.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")
Headers = tuple[tuple[bytes, bytes], ...]

SAFE_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
CLOSE: Headers = ((b"connection", b"close"),)  # what is left of the request is not read


class RefusedError(Exception):
    """A request that is answered with an error status instead of being passed on."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class Policy:
    """What a server accepts, and how it refuses the rest.

    Args:
        hosts: host names that requests may address; None: any. Other names belong to a site whose DNS entry points to
            this server (DNS rebinding).
        max_bytes: size limit of a request's body.
        max_seconds: time limit for receiving and answering a request.
        headers: added to every response that does not set them itself.
    """

    def __init__(
        self,
        *,
        hosts: tuple[str, ...] | None,
        max_bytes: int,
        max_seconds: float = inf,
        headers: Headers = SAFE_HEADERS,
    ) -> None:
        self.hosts, self.max_bytes, self.max_seconds, self.headers = hosts, max_bytes, max_seconds, headers

    def authorize(self, scope: Scope) -> Scope:
        """The scope that is passed to the application.

        Raises:
            RefusedError: the request may not be made.
        """
        raise NotImplementedError

    @contextmanager
    def running(self, scope: Scope) -> Iterator[None]:  # noqa: ARG002
        """Context in which the application handles an authorized request.

        Raises:
            RefusedError: on entry, where the server is too busy.
        """
        yield

    def error_body(self, message: str) -> tuple[bytes, bytes]:
        """Media type and body of a refusal."""
        return b"text/plain; charset=utf-8", message.encode()

    def on_response(self, scope: Scope, status: int, seconds: float) -> None:
        """Called once a request has been answered."""


class Guard:
    """Passes those requests on to an application that a policy accepts.

    Args:
        app: the application.
        policy: what is accepted.
    """

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app, self.policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        response = _Response(send, self.policy)
        try:
            inner = self._admit(scope)
            with self.policy.running(scope):
                await self._pass_on(inner, receive, response)
        except RefusedError as refusal:
            await response.refuse(refusal)
        self.policy.on_response(scope, response.status, time.perf_counter() - start)

    def _admit(self, scope: Scope) -> Scope:
        headers = dict(scope["headers"])
        if self.policy.hosts is not None and host_name(headers) not in self.policy.hosts:
            raise RefusedError(403, "This server does not answer to that host name.")
        inner = self.policy.authorize(scope)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.policy.max_bytes:
            raise self._too_large()
        return inner

    def _too_large(self) -> RefusedError:
        return RefusedError(413, f"A request may have at most {self.policy.max_bytes / 1e6:.4g} MB.", CLOSE)

    async def _pass_on(self, scope: Scope, receive: Receive, response: "_Response") -> None:
        limit = self.policy.max_seconds
        deadline = time.monotonic() + limit
        too_late = RefusedError(408, f"This took more than {limit:g} seconds.", CLOSE)
        received = 0

        async def bounded_receive() -> Message:
            nonlocal received
            try:
                message = await _within(receive(), deadline - time.monotonic())
            except TimeoutError:
                response.refusal = too_late
                raise too_late from None
            received += len(message.get("body", b""))
            if received > self.policy.max_bytes:
                response.refusal = self._too_large()
                raise response.refusal
            return message

        try:
            await _within(self.app(scope, bounded_receive, response.send), limit)
        except TimeoutError:
            raise too_late from None


class _Response:
    """Sends a response with the policy's headers, and remembers its status.

    A `refusal` replaces the response of the application, which mistakes a body that breaks off for a malformed one.
    """

    def __init__(self, send: Send, policy: Policy) -> None:
        self._send, self._policy = send, policy
        self.status, self.started = 0, False
        self.refusal: RefusedError | None = None

    async def send(self, message: Message) -> None:
        """Pass a message of the application on."""
        if self.refusal is not None:
            await self.refuse(self.refusal)
            return
        await self._send_message(message)

    async def _send_message(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in self._policy.headers if name not in present]
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, refusal: RefusedError) -> None:
        """Answer with an error, unless a response has started."""
        if self.started:
            return
        media_type, body = self._policy.error_body(refusal.message)
        headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode()), *refusal.headers]
        await self._send_message({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


async def _within(awaitable: Awaitable[T], seconds: float) -> T:
    return await asyncio.wait_for(awaitable, None if seconds == inf else max(0.0, seconds))


def host_name(headers: Mapping[bytes, bytes]) -> str:
    """The name in a request's Host header, without the port."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0]
