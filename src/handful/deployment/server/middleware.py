"""The policy of the prediction server: bearer token, size, time and number of requests, with JSON error bodies."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from handful.core.asgi import Policy, RefusedError
from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import Metrics

PUBLIC_PATHS = ("/", "/health", "/ready")
PREDICT_PATHS = ("/predict", "/predict/batch")
COUNTED_PATHS = (*PUBLIC_PATHS, *PREDICT_PATHS, "/model", "/metrics", "/openapi.json")


class PredictionPolicy(Policy):
    """Bounds what the prediction server accepts, and counts its requests.

    Args:
        limits: of size, time and simultaneous requests.
        metrics: where requests are counted.
        token: expected as "Authorization: Bearer ..."; None: no token is required.
        hosts: host names that requests may address; None: any.
    """

    def __init__(self, *, limits: Limits, metrics: Metrics, token: str | None, hosts: tuple[str, ...] | None) -> None:
        super().__init__(hosts=hosts, max_bytes=limits.max_bytes, max_seconds=limits.seconds)
        self.limits, self.metrics, self.token = limits, metrics, token

    def authorize(self, scope: Scope) -> Scope:
        """Check the token.

        Raises:
            RefusedError: the token is missing or wrong.
        """
        if self.token is not None and scope["path"] not in PUBLIC_PATHS:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, b"Bearer " + self.token.encode()):
                raise RefusedError(
                    401,
                    "Send the server's token: Authorization: Bearer TOKEN.",
                    ((b"www-authenticate", b"Bearer"),),
                )
        return scope

    @contextmanager
    def running(self, scope: Scope) -> Iterator[None]:
        """Count a prediction request as waiting until it is answered.

        Raises:
            RefusedError: too many are waiting already.
        """
        predicts = scope["path"] in PREDICT_PATHS and scope["method"] == "POST"
        if predicts and self.metrics.waiting >= self.limits.waiting:
            raise RefusedError(429, "Too many requests are waiting. Try again in a second.", ((b"retry-after", b"1"),))
        self.metrics.waiting += predicts
        try:
            yield
        finally:
            self.metrics.waiting -= predicts

    def error_body(self, message: str) -> tuple[bytes, bytes]:
        """A JSON object with the message as `detail`, as FastAPI writes it."""
        return b"application/json", json.dumps({"detail": message}).encode()

    def on_response(self, scope: Scope, status: int, seconds: float) -> None:
        """Count the request."""
        path = scope["path"] if scope["path"] in COUNTED_PATHS else "other"
        self.metrics.record_request(path, status, seconds)
