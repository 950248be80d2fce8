"""Tuning budgets, and the reasons not to tune a recipe on some data."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data import splits
from handful.errors import DataError, ProtocolError, by_interface, option

if TYPE_CHECKING:
    from handful.comparison.result import TuningResult

FOLDS = 3  # fewer images of a class cannot be cut into these, and nothing is tuned


@dataclass(frozen=True)
class StudyBudget:
    """Budget of one tuning study: a number of trials, or seconds of training."""

    trials: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse a budget that is not one number above 0."""
        given = [v for v in (self.trials, self.seconds) if v is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ProtocolError(
                "a budget is a positive number of trials or a positive duration",
                where=", ".join(option(name, value) for name, value in vars(self).items() if value is not None) or None,
                remedy=f"give one of them, e.g. {option('trials', 20)} or {_thirty_minutes()}; "
                f"{option('trials', 1)} uses each recipe as it is.",
            )


def _thirty_minutes() -> str:
    return by_interface(command="--budget 30m", python="seconds=1800")


def read_budget(budget: str | None, trials: int | None) -> StudyBudget:
    """The budget that `--budget` and `--trials` give: "90s", "30m" and "2h" are wall time; by default 30 minutes.

    Raises:
        ProtocolError: both are given, or a value that is neither a duration nor a number above 0.
    """
    if trials is not None:
        if budget is not None:
            raise ProtocolError(
                "a budget is either a duration or a number of trials",
                where=f"{option('budget', budget)}, {option('trials', trials)}",
                remedy="leave one of them out.",
            )
        return StudyBudget(trials=trials)
    text = "30m" if budget is None else budget.strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)", text)
    if match is None or not float(match[1]):
        raise ProtocolError(
            f"{text!r} is not a {'duration' if match is None else 'positive duration'}",
            where=option("budget", None),
            remedy="write e.g. 90s, 30m or 2h.",
        )
    return StudyBudget(seconds=float(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[match[2]])


def reason_not_tuned(recipe: Recipe, data: Dataset, budget: StudyBudget) -> str | None:
    """The reason this recipe is not tuned on this data; None if it is."""
    if not recipe.search:
        return "the recipe's settings (no search space)"
    if budget.trials == 1:
        return "the recipe's settings (a budget of one trial)"
    smallest = int(data.counts.min())
    if smallest < FOLDS:
        count = "1 image" if smallest == 1 else f"{smallest} images"
        return f"the recipe's settings, chosen on other data (a class with {count} is too small to tune on)"
    try:
        splits.folds(data, FOLDS, 0)
    except DataError as error:
        return f"the recipe's settings, chosen on other data ({error.what})"
    return None


def with_best_values(recipe: Recipe, study: "TuningResult") -> Recipe:
    """The recipe with the best settings of its study."""
    from handful.recipes.load import with_values  # imports PyTorch, and `read_budget` is the first thing of a command

    return with_values(recipe, study.values) if study.values else recipe


def not_tuned(recipe: Recipe, *, per_class: int | None, draw: int, fold: int | None, why: str) -> "TuningResult":
    """The tuning result of a recipe that is not tuned."""
    from handful.comparison.result import TuningResult

    return TuningResult(recipe.name, per_class, draw, fold, 0, 0, 0, 0, 0.0, {}, None, None, why)
