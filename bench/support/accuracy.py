"""Accuracy tables: recipes on identical draws, logged run by run so that the same command resumes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression

from bench.support.options import Options
from bench.support.record import RESULTS
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.result import Result
from handful.data.in_memory import load_tensors
from handful.data.unlabelled import Unlabelled
from handful.evaluation.evaluate import Protocol, ScoreOn, sweep
from handful.evaluation.executor import Trainer
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.statistics import headline_metric, summarise
from handful.recipes.load import load_recipe
from handful.recipes.renamed import current_name
from handful.reports.text_tables import format_comparisons, format_table

PREDICTIONS = Path(__file__).parents[1] / "predictions"


class RawPixels:
    """Logistic regression on raw pixels in [0, 1]: the control that any method has to beat first."""

    name = "bench.accuracy.RawPixels"  # the word that logs hold

    def __init__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> None:  # noqa: ARG002
        self.size = recipe.image_size or (28, 28)
        tensors = load_tensors(data, size=self.size, resize=recipe.resize, masks=False)
        x = tensors.images[:, 0].flatten(1).numpy() / 255
        self.model = LogisticRegression(max_iter=2000, random_state=seed).fit(x, tensors.labels.numpy())

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each sample."""
        tensors = load_tensors(data, size=self.size, masks=False)
        probabilities: Float[np.ndarray, "n k"] = self.model.predict_proba(
            tensors.images[:, 0].flatten(1).numpy() / 255
        )
        return probabilities


def plain_recipe(name: str, size: tuple[int, int]) -> Recipe:
    """The recipe under which a control that is no network is logged."""
    base = load_recipe("classification-wrn")
    return replace(base, name=name, augment=(), image_size=size, backbone=Part("wide_resnet", {"depth": 10}))


def recipes(
    names: Sequence[str], options: Options, overrides: Mapping[str, Sequence[str]] | None = None
) -> list[Recipe]:
    """Recipes by name; `quick` trains a few steps only, to see that a table runs."""
    quick = ("steps=4",) if options.quick else ()
    return [load_recipe(name, overrides=(*(overrides or {}).get(name, ()), *quick)) for name in names]


def run_sweep(
    table: str,
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    *,
    per_class: Sequence[int],
    draws: Sequence[int] | None = None,
    long_tail: float | None = None,
    unlabelled: Unlabelled = "none",
    transductive: bool = False,
    score_on: ScoreOn = "test",
    trainer: Trainer | None = None,
) -> list[Result]:
    """Every recipe at every number of images per class (of the largest class of a long tail) on the same draws."""
    chosen = tuple(draws if draws is not None else range(options.draws))
    protocol = Protocol(
        draws=chosen, long_tail=long_tail, unlabelled=unlabelled, transductive=transductive, score_on=score_on
    )
    return _sweep(table, wanted, data, options, per_class, protocol, trainer)


def run_folds(
    table: str,
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    *,
    folds: int,
    trainer: Trainer | None = None,
) -> list[Result]:
    """Every recipe under the same repeated cross-validation."""
    protocol = Protocol(draws=tuple(range(options.draws)), folds=folds)
    return _sweep(table, wanted, data, options, (None,), protocol, trainer)


def _sweep(
    table: str,
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    per_class: Sequence[int | None],
    protocol: Protocol,
    trainer: Trainer | None,
) -> list[Result]:
    log = None if options.quick else RESULTS / f"{table}.jsonl"
    return sweep(
        wanted,
        data,
        per_class=per_class,
        protocol=protocol,
        jobs=options.jobs,
        log=log,
        predictions=PREDICTIONS / table,
        trainer=trainer,
    )


def show(results: Sequence[Result], *, control: str) -> None:
    """Print the scores, and every recipe's paired difference to the control's."""
    metric, control = headline_metric(results), current_name(control)
    print(format_table(summarise(results, metric), width=100))
    base = {r.runs[0].per_class: r for r in results if r.recipe.name == control}
    pairs = [(r, base[r.runs[0].per_class]) for r in results if r.recipe.name != control]
    if pairs and all(len(r.runs) > 1 for r in results):
        print()
        print(format_comparisons([paired_difference(a, b, metric) for a, b in pairs], width=100))
