"""The door of the server: the secret in the address, the host's name, the size of what comes in, safe headers."""

import secrets
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handful.core.sockets import called, declared_within

LARGEST = 32 * 2**20  # bytes of a request
HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Lets requests through to `app` whose path begins with the token, which it takes off.

    Args:
        app: what is guarded.
        token: the secret.
        hosts: names that the server may be called by; None: any. Other names are another site's, pointed here.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: tuple[str, ...] | None) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        if self.hosts is not None and called(headers) not in self.hosts:
            await _refuse(send, 403, "This server does not go by that name.")
            return
        given, _, rest = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            await _refuse(send, 404, "Nothing here. Open the whole address that handful printed.")
            return
        if not declared_within(headers, LARGEST):
            await _refuse(send, 413, "That is too large.")
            return
        inner: dict[str, Any] = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}
        await self.app(inner, _limited(receive), _with_headers(send))


def _limited(receive: Receive) -> Receive:
    """No more than the limit also where the length was not said; what is beyond looks like a broken connection."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        return {"type": "http.disconnect"} if got > LARGEST else message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", []))
            if not any(name == b"cache-control" for name, _ in own):
                own.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*own, *HEADERS]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
