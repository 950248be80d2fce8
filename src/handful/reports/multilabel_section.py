"""What reports show of images with several labels: scores of each class, and labels that are missed or false."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.data.images import pixels
from handful.evaluation.multilabel import class_scores
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.reports.gallery import as_data_url

MOST_PICTURES = 12
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class LabelMistake:
    """A class that an image shows and that is missed, or that it does not show and that is predicted.

    Attributes:
        id: of the image.
        name: of the class.
        wrong: number of draws in which it is a mistake.
        scored: number of draws that scored the image.
        probability: of the class, mean over the draws.
    """

    id: str
    name: str
    wrong: int
    scored: int
    probability: float


def label_mistakes(result: Result, kind: Literal["missed", "false"], most: int = MOST_PICTURES) -> list[LabelMistake]:
    """The mistakes of most draws, the surest first: the least probable missed classes, the most probable false ones."""
    rows: dict[tuple[str, int], list[tuple[bool, float]]] = {}
    for run in result.runs:
        assert run.targets is not None, "multilabel runs keep their targets"
        thresholds = np.full(len(result.classes), DEFAULT_THRESHOLD) if run.thresholds is None else run.thresholds
        predicted = run.probabilities >= thresholds
        truth = run.targets == (1 if kind == "missed" else 0)
        wrong = truth & (predicted != (kind == "missed"))
        for i, c in np.argwhere(truth):
            rows.setdefault((run.ids[i], int(c)), []).append((bool(wrong[i, c]), float(run.probabilities[i, c])))
    mistakes = [
        LabelMistake(name, result.classes[c], sum(w for w, _ in seen), len(seen), float(np.mean([p for _, p in seen])))
        for (name, c), seen in rows.items()
        if any(w for w, _ in seen)
    ]
    sign = 1 if kind == "missed" else -1
    mistakes.sort(key=lambda m: (-m.wrong / m.scored, sign * m.probability, m.id, m.name))
    return mistakes[:most]


def multilabel_section(result: Result, data: Dataset | None) -> dict[str, Any] | None:
    """The values of the section; None for images with one label."""
    if not is_multilabel(result):
        return None
    thresholds = [run.thresholds for run in result.runs if run.thresholds is not None]
    each = np.mean(thresholds, axis=0) if thresholds else np.full(len(result.classes), DEFAULT_THRESHOLD)
    rows = [{**vars(row), "threshold": float(value)} for row, value in zip(class_scores(result), each, strict=True)]
    rows.sort(key=lambda row: (np.isnan(row["average_precision"]), row["average_precision"]))
    chosen = bool(thresholds) and not all((row == DEFAULT_THRESHOLD).all() for row in thresholds)
    return {
        "recipe": result.recipe.name,
        "rows": rows,
        "chosen": chosen,
        "missed": _pictures(label_mistakes(result, "missed"), data),
        "false": _pictures(label_mistakes(result, "false"), data),
    }


def _pictures(mistakes: Sequence[LabelMistake], data: Dataset | None) -> list[dict[str, Any]]:
    """The mistakes with their images, and the classes that are known to be there; without data, none."""
    of_id = {} if data is None else {s.id: s for s in data.samples}
    shown = []
    for mistake in mistakes:
        sample = of_id.get(mistake.id)
        if data is None or sample is None or sample.target is None:
            continue
        present = [name for name, value in zip(data.classes, sample.target, strict=True) if value == 1]
        shown.append({**vars(mistake), "image": as_data_url(pixels(sample)), "labels": ", ".join(present) or "none"})
    return shown
