import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Scope

from handful.core.asgi import Guard, Policy, RefusedError


class _Open(Policy):
    """Lets everybody in but those who ask for /private, and records the responses."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"hosts": None, "max_bytes": 1000} | options)
        self.responses: list[tuple[str, int]] = []

    def authorize(self, scope: Scope) -> Scope:
        if scope["path"] == "/private":
            raise RefusedError(401, "Not for you.", ((b"www-authenticate", b"Bearer"),))
        return scope

    def on_response(self, scope: Scope, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.responses.append((scope["path"], status))


async def _length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())), headers={"Cache-Control": "private"})


def _slow(request: Request) -> PlainTextResponse:
    time.sleep(1)
    return PlainTextResponse("late")


def _client(policy: Policy) -> TestClient:
    app = Starlette(routes=[Route("/", _length, methods=["POST"]), Route("/slow", _slow)])
    return TestClient(Guard(app, policy), base_url="http://localhost")


def _chunks(size: int) -> Iterator[bytes]:
    """A body whose length is not announced."""
    for _ in range(size // 100):
        yield b"x" * 100


def test_requests_pass_with_safe_headers_that_do_not_replace_the_application_s_own() -> None:
    policy = _Open()
    response = _client(policy).post("/", content=b"four")

    assert (response.status_code, response.text) == (200, "4")
    assert response.headers["cache-control"] == "private"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert policy.responses == [("/", 200)]


def test_a_refusal_has_its_status_text_and_headers() -> None:
    policy = _Open()
    response = _client(policy).get("/private")

    assert (response.status_code, response.text) == (401, "Not for you.")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert policy.responses == [("/private", 401)]


@pytest.mark.parametrize("content", [b"x" * 1001, _chunks(1100)])
def test_a_large_body_is_refused_whether_or_not_its_length_is_announced(content: Any) -> None:
    response = _client(_Open()).post("/", content=content)

    assert (response.status_code, response.text) == (413, "A request may have at most 0.001 MB.")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("LOCALHOST:80", 200), ("evil.example", 403)])
def test_only_known_host_names_are_answered(host: str, status: int) -> None:
    client = _client(_Open(hosts=("localhost",)))

    assert client.post("/", content=b"x", headers={"host": host}).status_code == status


def test_a_request_has_a_time_limit() -> None:
    response = _client(_Open(max_seconds=0.1)).get("/slow")

    assert (response.status_code, response.text) == (408, "This took more than 0.1 seconds.")
