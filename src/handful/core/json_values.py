"""Conversion of values to JSON."""

import math
from collections.abc import Mapping
from typing import Any


def jsonable(value: Any) -> Any:
    """The value in types of JSON: NaN and infinity become null, and values of other types become text."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
