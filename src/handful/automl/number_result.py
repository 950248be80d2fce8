"""The result of an automatic run on images with numbers, as plain values, and the sentences of its answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from handful.automl import closing
from handful.core.json_values import jsonable
from handful.core.result import Result
from handful.core.text import wrap
from handful.evaluation.numbers import NumberSummary
from handful.reports.text_tables import layout_table

FORMAT = 1  # of run.json; raised when a key changes its meaning
ScoredBy = Literal["cross-validation", "test images"]


@dataclass(frozen=True, eq=False)
class NumberRunResult:
    """The outcome of `handful.run` on images with numbers.

    Attributes:
        folder: what was written: `model/`, `report.html`, `CARD.md`, `run.json` and, with unlabelled images,
            `predictions.csv`.
        images: labelled images that were learned from.
        unlabelled: images without a number.
        doubts: what is doubtful about the data and what was done about it, in sentences.
        recipe: name of the selected recipe.
        description: what it is called in a sentence.
        scored_by: "cross-validation", on images that each fold left out; or "test images" of a test part.
        scores: every score of every quantity, of the selected recipe; errors are in the quantity's unit.
        optimism: what is to be added to the error, as a share of the median's, for having been the lowest of those
            tried; 0 on test images.
        tried: error of each recipe that was tried, as a share of that of the training images' median, mean over the
            quantities.
        not_tried: recipes for which no time was left.
        predicted: images without a number that were predicted.
        seconds: wall time of the run.
        budget: wall time that it was given.
        result: predictions behind the scores.
    """

    folder: Path
    images: int
    unlabelled: int
    doubts: tuple[str, ...]
    recipe: str
    description: str
    scored_by: ScoredBy
    scores: tuple[NumberSummary, ...]
    optimism: float
    tried: Mapping[str, float]
    not_tried: tuple[str, ...]
    predicted: int
    seconds: float
    budget: float
    result: Result = field(repr=False)

    def __str__(self) -> str:
        """The sentences that `handful run` ends with."""
        return format_number_run(self)


def as_values(result: NumberRunResult) -> dict[str, Any]:
    """The result as `run.json` holds it: plain values without predictions, null for NaN."""
    values = {k: v for k, v in vars(result).items() if k not in ("result", "folder")}
    values["scores"] = [asdict(row) for row in result.scores]
    plain: dict[str, Any] = jsonable({"format": FORMAT, "kind": "number", **values})
    return plain


def expected(result: NumberRunResult) -> list[str]:
    """What error is to be expected on new images, with the interval, in sentences."""
    where = "test images" if result.scored_by == "test images" else "images that were held out"
    sentences = []
    for name in result.result.classes:
        error, control, explained = (_score(result, name, metric) for metric in ("mae", "control_mae", "r2"))
        added = result.optimism * control.mean
        sentences.append(
            f"{name}: off by {error.mean + added:.3g} on average (95 % interval by a bootstrap over images "
            f"{error.low + added:.3g} to {error.high + added:.3g}) on {error.n_test} {where}; always saying the "
            f"median: {control.mean:.3g}. R2 {explained.mean:.2f}."
        )
    if result.scored_by == "cross-validation" and len(result.tried) > 1:
        some = result.optimism >= 0.0005
        share = f"{100 * result.optimism:.1f} % of the median's error is" if some else "Nothing has to be"
        sentences.append(f"{share} added for being the best of {len(result.tried)}.")
    return sentences


def method(result: NumberRunResult) -> str:
    """What was selected, and from which recipes."""
    others = ", ".join(f"{name} {100 * value:.0f} %" for name, value in result.tried.items() if name != result.recipe)
    text = f"Method: {result.description} ({result.recipe})"
    if others:
        own = f"{100 * result.tried[result.recipe]:.0f} %"
        text += f"; error as a share of the median's: {own}, the others: {others}."
    else:
        text += "."
    if result.not_tried:
        text += f" Not tried, as no time was left: {', '.join(result.not_tried)}."
    return text


def format_number_run(result: NumberRunResult, *, width: int = 80) -> str:
    """The answer in lines of at most `width` columns."""
    names = result.result.classes
    metrics = ("mae", "rmse", "r2", "spearman")
    cells = [tuple(f"{_score(result, name, metric).mean:.3g}" for metric in metrics) for name in names]
    table = layout_table([(name,) for name in names], "quantity", ("MAE", "RMSE", "R2", "Spearman"), cells, width)
    blocks = [wrap(sentence, width) for sentence in expected(result)]
    blocks += [table, wrap(method(result), width)]
    blocks.append(wrap(closing.written(result.folder), width))
    if result.predicted:
        blocks.append(wrap(closing.predicted(result.predicted, "number"), width))
    blocks.append(wrap(closing.took(result.seconds, result.budget), width))
    blocks.append(wrap(closing.following(result.folder, "number"), width))
    return "\n\n".join("\n".join(block) for block in blocks)


def _score(result: NumberRunResult, quantity: str, metric: str) -> NumberSummary:
    return next(row for row in result.scores if row.quantity == quantity and row.metric == metric)
