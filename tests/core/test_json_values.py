import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.json_values import jsonable


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (float("nan"), None),
        (np.float64("inf"), None),
        ((1, [2.5, None]), [1, [2.5, None]]),
        ({1: {"a": float("nan")}}, {"1": {"a": None}}),
        (Path("a/b"), "a/b"),
        ("é", "é"),
    ],
)
def test_values_become_those_of_json(value: Any, plain: Any) -> None:
    assert jsonable(value) == plain
    assert json.loads(json.dumps(jsonable(value), allow_nan=False)) == plain
