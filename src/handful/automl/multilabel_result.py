"""The result of an automatic run on images with several labels, as plain values, and the sentences of its answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from handful.automl import closing
from handful.core.json_values import jsonable
from handful.core.result import Result
from handful.core.text import wrap
from handful.evaluation.multilabel import MultilabelClassScore, MultilabelSummary
from handful.reports.text_tables import format_interval, layout_table, percent

FORMAT = 1  # of run.json; raised when a key changes its meaning
ScoredBy = Literal["cross-validation", "test images"]


@dataclass(frozen=True, eq=False)
class MultilabelRunResult:
    """The outcome of `run_multilabel`.

    Attributes:
        folder: what was written: `model/`, `report.html`, `CARD.md`, `run.json` and, with unlabelled images,
            `predictions.csv`.
        images: labelled images that were learned from.
        unlabelled: images without a label.
        doubts: what is doubtful about the data and what was done about it, in sentences.
        recipe: name of the selected recipe.
        description: what it is called in a sentence.
        scored_by: "cross-validation", on images that each fold left out; or "test images" of a test part.
        mean_ap: mean average precision of the selected recipe.
        macro_f1: macro F1 at thresholds that were chosen without the scored images.
        optimism: what is to be taken off `mean_ap` for having been the best of those tried; 0 on test images.
        classes: scores of each class.
        thresholds: of the saved model.
        tried: mean AP of each recipe that was tried.
        not_tried: recipes for which no time was left.
        predicted: number of unlabelled images by predicted class.
        seconds: wall time of the run.
        budget: wall time that it was given.
        result: predictions behind the score.
    """

    folder: Path
    images: int
    unlabelled: int
    doubts: tuple[str, ...]
    recipe: str
    description: str
    scored_by: ScoredBy
    mean_ap: MultilabelSummary
    macro_f1: MultilabelSummary
    optimism: float
    classes: tuple[MultilabelClassScore, ...]
    thresholds: Mapping[str, float]
    tried: Mapping[str, float]
    not_tried: tuple[str, ...]
    predicted: Mapping[str, int]
    seconds: float
    budget: float
    result: Result = field(repr=False)

    def __str__(self) -> str:
        """The sentences that `handful run` ends with."""
        return format_multilabel_run(self)


def as_values(result: MultilabelRunResult) -> dict[str, Any]:
    """The result as `run.json` holds it: plain values without predictions, null for NaN."""
    values = {k: v for k, v in vars(result).items() if k not in ("result", "folder")}
    values["mean_ap"], values["macro_f1"] = asdict(result.mean_ap), asdict(result.macro_f1)
    values["classes"] = [asdict(row) for row in result.classes]
    plain: dict[str, Any] = jsonable({"format": FORMAT, "kind": "multilabel", **values})
    return plain


def expected(result: MultilabelRunResult) -> list[str]:
    """What is to be expected on new images, with the interval, in sentences."""
    s, off = result.mean_ap, result.optimism
    where = "its test images" if result.scored_by == "test images" else "images that were held out"
    sentences = [
        f"Mean AP {percent(max(0.0, s.mean - off))} % (95 % interval by a bootstrap over images "
        f"{format_interval(max(0.0, s.image_low - off), max(0.0, s.image_high - off))}), macro F1 "
        f"{percent(result.macro_f1.mean)} %, on {where}."
    ]
    if result.scored_by == "cross-validation" and len(result.tried) > 1:
        taken = f"{100 * off:.1f} points of mean AP are taken off" if off >= 0.0005 else "nothing has to be taken off"
        sentences.append(f"{taken[0].upper()}{taken[1:]} for being the best of {len(result.tried)}.")
    return sentences


def method(result: MultilabelRunResult) -> str:
    """What was selected, and from which recipes."""
    others = ", ".join(f"{name} {percent(value)}" for name, value in result.tried.items() if name != result.recipe)
    text = f"Method: {result.description} ({result.recipe})"
    text += f"; the others in mean AP: {others}." if others else "."
    if result.not_tried:
        text += f" Not tried, as no time was left: {', '.join(result.not_tried)}."
    return text


def format_multilabel_run(result: MultilabelRunResult, *, width: int = 80) -> str:
    """The answer in lines of at most `width` columns."""
    rows = sorted(result.classes, key=lambda row: row.average_precision)
    cells = [(str(r.present), percent(r.average_precision), percent(r.recall), percent(r.precision)) for r in rows]
    table = layout_table([(r.name,) for r in rows], "class", ("images", "AP", "recall", "precision"), cells, width)
    note = (
        "In percent; images: those scored that show the class. Recall and precision are at thresholds that were chosen"
    )
    blocks = [wrap(" ".join(expected(result)), width), table, wrap(f"{note} without the scored images.", width)]
    blocks.append(wrap(method(result), width))
    blocks.append(wrap(closing.written(result.folder), width))
    if result.predicted:
        blocks.append(wrap(closing.predicted(result.unlabelled, "label"), width))
    blocks.append(wrap(closing.took(result.seconds, result.budget), width))
    blocks.append(wrap(closing.following(result.folder, "multilabel"), width))
    return "\n\n".join("\n".join(block) for block in blocks)
