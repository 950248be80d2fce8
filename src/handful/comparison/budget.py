"""What the tuning of a recipe may spend, and when there is nothing to tune."""

import re
from dataclasses import dataclass

from handful.comparison.result import TuningResult
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data import splits
from handful.errors import DataError, ProtocolError
from handful.recipes.load import with_values

FOLDS = 3  # fewer images of a class cannot be cut into these, and nothing is tuned


@dataclass(frozen=True)
class StudyBudget:
    """What one study may spend: trials, or seconds of training."""

    trials: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is none."""
        given = [v for v in (self.trials, self.seconds) if v is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ProtocolError(
                "a budget is a number of trials or a time, above 0",
                where=f"trials={self.trials}, seconds={self.seconds}",
                remedy="give one of them, e.g. --trials 20 or --budget 30m; --trials 1 takes each recipe as it is.",
            )


def read_budget(budget: str | None, trials: int | None) -> StudyBudget:
    """What `--budget` and `--trials` say: "90s", "30m" and "2h" are wall time; thirty minutes where both are silent.

    Raises:
        ProtocolError: both are given, or neither a time nor a number above 0.
    """
    if trials is not None:
        if budget is not None:
            raise ProtocolError(
                "a budget is either a time or a number of trials",
                where=f"--budget {budget} --trials {trials}",
                remedy="leave one of them out.",
            )
        return StudyBudget(trials=trials)
    text = "30m" if budget is None else budget.strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)", text)
    if found is None:
        raise ProtocolError(f"{text!r} is no time", where="--budget", remedy="write e.g. 90s, 30m or 2h.")
    return StudyBudget(seconds=float(found[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[found[2]])


def reason_not_tuned(recipe: Recipe, data: Dataset, allowance: StudyBudget) -> str | None:
    """Why there is nothing to tune, or None."""
    if not recipe.search:
        return "its own settings: it names no search space"
    if allowance.trials == 1:
        return "its own settings: one trial was asked for"
    least = int(data.counts.min())
    if least < FOLDS:
        few = "1 image of a class leaves" if least == 1 else f"{least} images of a class leave"
        return f"its own settings, found on other data: {few} nothing to tune on"
    try:
        splits.folds(data, FOLDS, 0)
    except DataError as error:
        return f"its own settings, found on other data: {error.what}"
    return None


def with_best_values(recipe: Recipe, study: TuningResult) -> Recipe:
    """The recipe with the settings that its study took."""
    return with_values(recipe, study.values) if study.values else recipe


def not_tuned(recipe: Recipe, *, per_class: int | None, draw: int, fold: int | None, why: str) -> TuningResult:
    """The record of a recipe that keeps its own settings."""
    return TuningResult(recipe.name, per_class, draw, fold, 0, 0, 0, 0, 0.0, {}, None, None, why)
