"""Bounded parsing of JSON and TOML that others may have written: size, depth and numbers have limits.

The parsers of the standard library stall or raise errors of many types on such files: for nesting they end in a
`RecursionError`, for a key of a hundred thousand parts after minutes. Here each is a `ValueError`, within a second.
"""

import json
import re
import tomllib
from math import isfinite
from pathlib import Path
from typing import Any

MAX_BYTES = 16 * 2**20  # of JSON that describes a model or a run
MAX_TOML_BYTES = 2**18  # of a recipe or a table of texts; tomllib reads about a megabyte per second
MAX_DEPTH = 64  # tables and lists inside each other
MAX_KEY_PARTS = 32  # of a dotted TOML key
_KEY_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"""(?<![\w"'.-]){_KEY_PART}(?:[ \t]*\.[ \t]*{_KEY_PART}){{{MAX_KEY_PARTS}}}""")
_INTEGERS = range(-(2**63), 2**64)


def read_json(path: Path, *, finite: bool = True, most_bytes: int = MAX_BYTES) -> Any:
    """The content of a JSON file, in UTF-8 with or without a byte order mark.

    Args:
        path: the file.
        finite: as `parse_json`.
        most_bytes: size limit of the file.

    Raises:
        OSError: it cannot be read.
        ValueError: as `parse_json`.
    """
    return parse_json(read_text(path, most_bytes=most_bytes), finite=finite, most_bytes=most_bytes)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        OSError: it cannot be read.
        ValueError: as `parse_toml`.
    """
    return parse_toml(read_text(path))


def parse_json(text: str, *, finite: bool = True, most_bytes: int = MAX_BYTES) -> Any:
    """JSON as plain values.

    Args:
        text: the JSON.
        finite: refuse NaN and Infinity, which JSON does not have; else they become None.
        most_bytes: size limit of the text.

    Raises:
        ValueError: it is not JSON, too large, nested deeper than `MAX_DEPTH`, or has a number that no 64 bits hold.
    """
    _refuse_large(len(text), most_bytes)
    try:
        value = json.loads(text, parse_constant=_refuse_constant if finite else lambda _: None)
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """TOML as plain values.

    Raises:
        ValueError: it is not TOML, too large, nested deeper than `MAX_DEPTH`, has a key of more than `MAX_KEY_PARTS`
            parts, a number that no 64 bits hold or that is not finite, or a date.
    """
    _refuse_large(len(text), MAX_TOML_BYTES)
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {MAX_KEY_PARTS} parts")
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    return value


def read_text(path: Path, *, most_bytes: int = MAX_TOML_BYTES) -> str:
    """The content of a text file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than `most_bytes`, or is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    _refuse_large(len(content), most_bytes)
    return content.decode("utf-8-sig")


def _refuse_large(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise ValueError(f"it is larger than {most_bytes / 2**20:g} MB")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def _check(root: Any) -> None:
    """Check depth and numbers, level by level and without recursion."""
    level = [root]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for container in level:
            values = container.values() if isinstance(container, dict) else container
            for value in values if isinstance(container, dict | list) else (container,):
                if isinstance(value, dict | list):
                    inner.append(value)
                elif isinstance(value, int | float):
                    _check_number(value)
                elif value is not None and not isinstance(value, str):
                    raise ValueError(f"a {type(value).__name__} is neither a number nor a text")
        level = inner
        if not level:
            return
    raise _too_deep()


def _check_number(value: float) -> None:
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise ValueError("a whole number does not fit 64 bits")
    elif not isfinite(value):
        raise ValueError(f"{value} is not a finite number")
