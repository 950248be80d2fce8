"""Search spaces: as Optuna distributions, and their values as its storage encodes them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.core.recipe import Recipe
from handful.recipes.load import with_values
from handful.recipes.write import fingerprint, stored_paths

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage


def check_spaces(recipe: Recipe) -> None:
    """Refuse a search space with a value that the recipe cannot take.

    Raises:
        RecipeError: a value in it is not valid.
    """
    for path, space in recipe.search.items():
        for value in space if isinstance(space, list | tuple) else (space["low"], space["high"]):
            with_values(replace(recipe, search={}), {path: value})


def search_fingerprint(recipe: Recipe) -> str:
    """12 hex digits that identify a recipe and its search space, excluding its name and `about` text."""
    stored = stored_paths(recipe)
    space = {stored[path]: to_plain(value) for path, value in recipe.search.items()}
    text = json.dumps([fingerprint(recipe), space], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]


def distribution(space: Any) -> "BaseDistribution":
    """A search space as an Optuna distribution."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(space, list | tuple):
        return CategoricalDistribution([encode(choice) for choice in space])
    low, high, log = space["low"], space["high"], bool(space.get("log", False))
    integer = isinstance(low, int) and isinstance(high, int)
    return IntDistribution(low, high, log=log) if integer else FloatDistribution(float(low), float(high), log=log)


def to_plain(value: Any) -> Any:
    """A value as in TOML: tuples become lists."""
    return [to_plain(v) for v in value] if isinstance(value, list | tuple) else value


def encode(value: Any) -> Any:
    """A value as the storage holds it: a list becomes its text."""
    return repr(to_plain(value)) if isinstance(value, list | tuple) else value


def decode(value: Any, space: Any) -> Any:
    """The value of a space that is stored like this."""
    if isinstance(space, Mapping):
        return value
    return next(to_plain(choice) for choice in space if encode(choice) == value)


def open_storage(path: Path) -> "RDBStorage":
    """The studies' SQLite file, in write-ahead mode: a killed process loses nothing, and a write costs little."""
    import optuna
    from sqlalchemy import event

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    storage.engine.dispose()

    @event.listens_for(storage.engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    return storage


def close_storage(storage: "RDBStorage") -> None:
    """Close it, and merge the write-ahead file into it."""
    storage.remove_session()
    storage.engine.dispose()
