import math

import pytest

from handful.deployment.server.limits import Limits
from handful.errors import OutputError


@pytest.mark.parametrize("value", [0, -1, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("name", ["megabytes", "megapixels", "seconds", "gather"])
def test_a_limit_is_a_finite_number_above_0(name: str, value: float) -> None:
    with pytest.raises(OutputError, match=f"{name} is "):
        Limits(**{name: value})  # type: ignore[arg-type]
    assert Limits().max_bytes == 20_000_000
