"""Scores of results that come from identical draws: per run, per draw, and per image, each computed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.design import Design, by_draw, design, overlap
from handful.evaluation.metrics import SCORES, AnyMetric, recalls
from handful.evaluation.multilabel_metrics import (
    MULTILABEL_SCORES,
    class_average_precision,
    is_multilabel,
    resampled_class_scores,
    scored_of,
)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of one or several results, a row each (r); made by `score_table`.

    Columns are runs (j), draws (d) or scored images (n). Runs and draws are in the order of the first result, images
    in the order of their ids. All scores are shares, 0 to 1.

    Attributes:
        results: the results, in the order of the rows.
        metric: what `run_scores` and `draw_scores` are.
        run_scores: score of each run.
        draw_scores: score of each draw; its folds are scored together, since each image is held out once.
    """

    results: tuple[Result, ...]
    metric: AnyMetric
    run_scores: Float[np.ndarray, "r j"]
    draw_scores: Float[np.ndarray, "r d"]

    def select(self, rows: Sequence[int]) -> "ScoreTable":
        """These rows, in this order."""
        at = list(rows)
        return replace(
            self,
            results=tuple(self.results[i] for i in at),
            run_scores=self.run_scores[at],
            draw_scores=self.draw_scores[at],
        )

    def row(self, recipe: str) -> int | None:
        """The row of the result of this recipe, or None."""
        return next((i for i, result in enumerate(self.results) if result.recipe.name == recipe), None)

    @property
    def means(self) -> Float[np.ndarray, " r"]:
        """Mean score over the draws."""
        return np.array([np.mean(row) for row in self.draw_scores])

    def differences(self, a: int, b: int) -> Float[np.ndarray, " j"]:
        """Row `a` minus row `b`, run by run, in order of draws and folds."""
        order = sorted(range(len(self.results[0].runs)), key=lambda i: _key(self.results[0].runs[i]))
        return np.asarray((self.run_scores[a] - self.run_scores[b])[order])

    def image_differences(self, a: int, b: int) -> Float[np.ndarray, "j n"]:
        """Row `a` minus row `b` by image: 1 where only `a` is right, -1 where only `b` is; NaN: not scored."""
        return np.asarray(self.correct[a] - self.correct[b])

    def by_draw(self, of_runs: Float[np.ndarray, "j n"]) -> Float[np.ndarray, "d n"]:
        """Values by run and image as values by draw and image: the folds of a draw score different images."""
        draws = {draw: d for d, draw in enumerate(by_draw(self.results[0]))}
        table = np.full((len(draws), of_runs.shape[1]), np.nan)
        for run, row in zip(self.results[0].runs, of_runs, strict=True):
            scored = ~np.isnan(row)
            table[draws[run.draw], scored] = row[scored]
        return table

    @cached_property
    def design(self) -> Design:
        """What the runs repeat."""
        return design(self.results[0])

    @cached_property
    def overlap(self) -> float:
        """The correction of intervals for runs that share images, as of `design.overlap`."""
        return overlap(self.results[0])

    @cached_property
    def labels(self) -> Int[np.ndarray, " n"]:
        """Class of each image that a run scored."""
        return np.array([label for _, label in sorted(self._label_of.items())], dtype=np.int64)

    def images_of(self, c: int) -> int:
        """Number of scored images of a class; of several labels per image, of those that show it."""
        first = self.results[0]
        if is_multilabel(first):
            runs = ((run.ids, run.targets[:, c]) for run in first.runs if run.targets is not None)
            return len({i for ids, targets in runs for i, target in zip(ids, targets, strict=True) if target == 1})
        return int((self.labels == c).sum())

    @cached_property
    def correct(self) -> Float[np.ndarray, "r j n"]:
        """Whether a run predicted an image right: 1 or 0, and NaN where it did not score the image."""
        column = {i: c for c, i in enumerate(sorted(self._label_of))}
        correct = np.full((*self.run_scores.shape, len(column)), np.nan)
        for r, result in enumerate(self.results):
            for j, run in enumerate(_aligned(result, self.results[0])):
                correct[r, j, [column[i] for i in run.ids]] = run.predictions == run.labels
        return correct

    @cached_property
    def average_precisions(self) -> Float[np.ndarray, "r j k"]:
        """AP of each class in each run, of images with several labels; NaN where it is not defined."""
        return np.array(
            [
                [class_average_precision(scored_of([run]))[0] for run in _aligned(result, self.results[0])]
                for result in self.results
            ]
        )

    @cached_property
    def resampled(self) -> Float[np.ndarray, "r b k"]:
        """AP of each class under resamples of draws and scored images, which are the same in all rows."""
        draws = [by_draw(replace(r, runs=tuple(_aligned(r, self.results[0])))).values() for r in self.results]
        return np.array([resampled_class_scores([scored_of(runs) for runs in of_draws]) for of_draws in draws])

    @cached_property
    def recalls(self) -> Float[np.ndarray, "r j k"]:
        """Recall of each class in each run; NaN for a class without scored images."""
        k = len(self.results[0].classes)
        return np.array(
            [
                [recalls(run.labels, run.predictions, k) for run in _aligned(result, self.results[0])]
                for result in self.results
            ]
        )

    @cached_property
    def _label_of(self) -> dict[str, int]:
        return {i: int(label) for run in self.results[0].runs for i, label in zip(run.ids, run.labels, strict=True)}


def score_table(results: Sequence[Result], metric: AnyMetric = "accuracy") -> ScoreTable:
    """Score results that come from identical draws.

    Raises:
        ProtocolError: the runs of two results differ in draws, training images or scored images, or the metric is not
            one of images with as many labels.
    """
    first, score = results[0], _score_of(results[0], metric)
    for result in results[1:]:
        _refuse_unpaired(first, result)
    run_scores, draw_scores = [], []
    for result in results:
        runs = _aligned(result, first)
        run_scores.append([score([run]) for run in runs])
        draws = by_draw(replace(result, runs=tuple(runs))).values()
        draw_scores.append(run_scores[-1] if len(draws) == len(runs) else [score(folds) for folds in draws])
    return ScoreTable(tuple(results), metric, np.array(run_scores), np.array(draw_scores))


def _score_of(result: Result, metric: AnyMetric) -> Callable[[Sequence[Run]], float]:
    """The score of some runs taken together.

    Raises:
        ProtocolError: the metric is not one of images with as many labels.
    """
    if is_multilabel(result):
        if metric not in MULTILABEL_SCORES:
            raise ProtocolError(
                f"{metric} is a score of one label per image, and the images have several each",
                where=result.recipe.name,
                remedy=f"use summarise_multilabel, or choose from {', '.join(MULTILABEL_SCORES)}.",
            )
        of_several = MULTILABEL_SCORES[metric]
        return lambda runs: of_several(scored_of(runs))
    if metric not in SCORES:
        raise ProtocolError(
            f"{metric} is a score of several labels per image, and these images have one each",
            where=result.recipe.name,
            remedy=f"choose from {', '.join(SCORES)}.",
        )
    of_one, k = SCORES[metric], len(result.classes)
    return lambda runs: of_one(*joined(runs), k)


def joined(runs: Sequence[Run]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Labels and predictions of several runs, one after the other."""
    return np.concatenate([r.labels for r in runs]), np.concatenate([r.predictions for r in runs])


def pooled_accuracy(runs: Sequence[Run]) -> float:
    """Share of right predictions of several runs, each image counted as often as it was scored."""
    labels, predictions = joined(runs)
    return float(np.mean(labels == predictions))


def _key(run: Run) -> tuple[int, int]:
    return run.draw, -1 if run.fold is None else run.fold


def _aligned(result: Result, first: Result) -> list[Run]:
    """The runs of a result in the order in which the first result has the same draws and folds."""
    if result is first:
        return list(result.runs)
    order = sorted(range(len(first.runs)), key=lambda i: _key(first.runs[i]))
    runs = dict(zip(order, sorted(result.runs, key=_key), strict=True))
    return [runs[i] for i in range(len(runs))]


def _refuse_unpaired(a: Result, b: Result) -> None:
    runs_a, runs_b = sorted(a.runs, key=_key), sorted(b.runs, key=_key)
    paired = len(runs_a) == len(runs_b) and all(
        (x.draw, x.fold, set(x.train_ids), set(x.ids)) == (y.draw, y.fold, set(y.train_ids), set(y.ids))
        for x, y in zip(runs_a, runs_b, strict=True)
    )
    if not paired:
        raise ProtocolError(
            "these results do not come from the same draws, so their difference is not paired",
            where=f"{a.recipe.name} and {b.recipe.name}",
            remedy="evaluate both with the same data and protocol (sweep does).",
        )
