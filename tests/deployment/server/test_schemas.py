"""What the server's own OpenAPI description promises, tried out by schemathesis: status codes, media types, bodies."""

from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")

import schemathesis
from hypothesis import HealthCheck, settings

from handful.deployment.server.app import create_app
from handful.deployment.server.limits import Limits
from tests.deployment.server.mean_color_model import mean_color_model

pytestmark = pytest.mark.slow

schema = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(mean_color_model(), limits=Limits(), loopback=False)
)


@schema.parametrize()
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_server_keeps_its_description(case: Any) -> None:
    # A schema says that a field is a file, not that it is an image: any bytes fit it, and those of none are refused.
    of_data = [schemathesis.checks.positive_data_acceptance, schemathesis.checks.negative_data_rejection]
    response = case.call_and_validate(excluded_checks=of_data)
    assert response.status_code < 500
