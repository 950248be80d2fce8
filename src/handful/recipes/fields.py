"""Build a dataclass from a table: keys and types are checked against the annotations of its fields."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from handful.errors import RecipeError, nearest

T = TypeVar("T")
_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def build(kind: type[T], values: Any, where: str) -> T:
    """An instance of a dataclass; a list becomes a tuple, and an int stays one where a float is asked for.

    Args:
        kind: a dataclass whose fields are numbers, texts, choices (`Literal`), tuples, mappings or dataclasses.
        values: a value for each key; those of fields that are dataclasses are instances already.
        where: the path of the table, for errors.

    Raises:
        RecipeError: an unknown key (with the nearest one), a missing key, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"not a table: {values!r}", where=where, remedy="write it as a table of keys and values.")
    hints = _hints(kind)  # type: ignore[arg-type]
    defaults = {f.name: f.default for f in fields(kind) if f.default is not MISSING}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in hints:
            raise RecipeError(f"unknown key {key!r}", where=where, remedy=nearest(key, tuple(hints)))
        refuse_other_type(key, value, hints[key], defaults.get(key), where)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.default is MISSING and field.default_factory is MISSING and field.name not in values:
            raise RecipeError(f"{field.name!r} is missing", where=where, remedy="set it.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def refuse_other_type(key: str, value: Any, hint: Any, default: Any, where: str) -> None:
    """Refuse a value that does not have the annotated type.

    Args:
        key: its name.
        value: what is given.
        hint: the annotation.
        default: the default, for the example of the remedy.
        where: the path of its table, for errors.

    Raises:
        RecipeError: says what may be given.
    """
    if not _fits(value, hint):
        raise _wrong_type(key, value, hint, default, where)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has the annotated type; stricter than `isinstance`: True is not a number."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        each = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(each) == len(value) and all(map(_fits, value, each))
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return hint is Any or isinstance(value, origin or hint)


def _wrong_type(key: str, value: Any, hint: Any, default: Any, where: str) -> RecipeError:
    choices = _choices(hint)
    if choices and isinstance(value, str):
        return RecipeError(f"{key} is {value!r}", where=where, remedy=nearest(value, choices))
    example = f", e.g. {default!r}" if isinstance(default, int | float) and not isinstance(default, bool) else ""
    return RecipeError(f"{key} cannot be {value!r}", where=where, remedy=f"give {_describe(hint)}{example}.")


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(choice for argument in get_args(hint) for choice in _choices(argument))


def _describe(hint: Any) -> str:
    """An annotation in words: "a whole number", "a list"."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return " or ".join(_describe(argument) for argument in get_args(hint) if argument is not NoneType)
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(hint))
    if origin is tuple:
        return "a list"
    return _NOUNS.get(hint, "a table")
