"""HTML page of an automatic run: the answer, the images behind it, then the statistics."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from handful.automl import closing
from handful.automl.next_steps import has_arrays, next_steps
from handful.automl.result import RunResult
from handful.automl.text import (
    answer,
    confusions,
    exact,
    how_scored,
    left_out,
    level_sentence,
    missed,
    normal_class,
    not_tried,
    selected,
)
from handful.core.dataset import Dataset, Sample
from handful.core.files import refuse_existing
from handful.core.result import Result
from handful.data.images import pixels
from handful.evaluation.confusion import largest_confusions
from handful.reports.gallery import as_data_url
from handful.reports.html import MOST_CONFUSIONS, confusion_table, duration, recalls, reproduction, write_page
from handful.reports.plots import as_svg
from handful.reports.reliability_diagram import reliability_figure
from handful.saving.model_card import read_card
from handful.saving.pretraining import describe_pretraining

MOST_AT_TOP = 6  # classes whose confusion matrix stands beside the answer
MOST_CLASSES = 20  # classes with a strip of images
LARGE, MEDIUM = 640, 384  # pixels of an image when it is enlarged; the second with many classes
WIDE = 1.4  # width / height from which on images have wider columns
IN_STRIP = 8  # images of a class; mistakes fill half of it at most


def write_report(
    result: RunResult, path: Path, *, data: Dataset, command: str | None = None, overwrite: bool = False
) -> Path:
    """Write a run as one HTML file that needs no network and no other file, and return its path.

    Args:
        result: of `run`.
        path: the file; its folder is made.
        data: shows the images.
        command: to repeat it; by default this process's, where that is `handful`.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
    """
    refuse_existing(path, overwrite=overwrite)
    scored = result.result
    matrix = None if scored is None else confusion_table(scored)
    values: dict[str, Any] = {
        "title": f"{result.data}: how good is it?" if result.data else "How good is it?",
        "date": _day(result.date),
        "run": result,
        "answer": answer(result.score),
        "missed": missed(result),
        "exact": exact(result),
        "groups": [(level_sentence(level), level.groups) for level in result.levels],
        "how": how_scored(result) if scored else "",
        "confuses": confusions(result),
        "method": selected(result),
        "not_tried": not_tried(result),
        "pretraining": "" if scored is None else describe_pretraining(scored.recipe.backbone),
        "found": f"{result.images} image{'' if result.images == 1 else 's'} of {len(result.classes)} classes",
        "left_out": left_out(result),
        "took": closing.took(result.seconds, result.budget),
        "normal_class": normal_class(result),
        "probability": _probability(result.folder),
        "repeats": scored is not None and len({run.draw for run in scored.runs}) > 1,
        "next": next_steps(result.folder, arrays=has_arrays(data)),
        "doubtful": _doubtful(result, data),
        "strips": [] if scored is None else _strips(scored, data),
        "matrix": matrix,
        "small_matrix": matrix if matrix is not None and len(matrix) <= MOST_AT_TOP else None,
        "reliability": None if scored is None else Markup(as_svg(reliability_figure(scored), salt="reliability")),
        "confusions": [] if scored is None else largest_confusions(scored, MOST_CONFUSIONS),
        "recalls": [] if scored is None else recalls(scored),
        "repeat": [] if scored is None else reproduction([scored], data, command),
        "duration": duration,
    }
    return write_page(path, "run.html.j2", values)


def _probability(folder: Path) -> str:
    """What the percentages under the images are, as the model's card says."""
    card = read_card(folder)
    calibration = {} if card is None else card[0].get("calibration", {})
    calibrated = (
        "it is calibrated" if "temperature" in calibration else "it is not calibrated, so a high one is no promise"
    )
    rejects = (
        "Images unlike the training images are rejected."
        if "false_rejection" in calibration
        else "Nothing is rejected: an image of no class is given one all the same."
    )
    return f"The percentage is the probability of the class that was predicted; {calibrated}. {rejects}"


def _file(sample: Sample) -> str:
    """The name of an image's file, or where it is in an array."""
    if isinstance(sample.image, Path):
        return sample.id.rsplit("/", 1)[-1]
    return f"[{int(sample.id)}]" if sample.id.isdigit() else sample.id


def _day(date_: str) -> str:
    return f"{(day := date.fromisoformat(date_)).day} {day:%B} {day.year}" if date_ else ""


def _doubtful(result: RunResult, data: Dataset) -> list[dict[str, Any]]:
    """Images whose labels may be wrong, the surest first."""
    of_id = {s.id: s for s in data.samples}
    return [
        {"url": as_data_url(pixels(of_id[d.image]), MEDIUM), "file": _file(of_id[d.image]), **vars(d)}
        for d in result.doubtful_labels[:IN_STRIP]
        if d.image in of_id
    ]


def _strips(result: Result, data: Dataset) -> list[dict[str, Any]]:
    """Scored images of each class, wrong ones first: at most half of a strip is of one kind if there are others."""
    of_id = {s.id: s for s in data.samples}
    probabilities: dict[str, list[np.ndarray]] = {}
    labels: dict[str, int] = {}
    for run in result.runs:
        for name, label, row in zip(run.ids, run.labels, run.probabilities, strict=True):
            probabilities.setdefault(name, []).append(row)
            labels[name] = int(label)
    mean = {name: np.mean(rows, axis=0) for name, rows in probabilities.items()}
    strips = []
    side = LARGE if len(result.classes) <= MOST_AT_TOP else MEDIUM
    for c, class_name in enumerate(result.classes[:MOST_CLASSES]):
        names = sorted((n for n in labels if labels[n] == c and n in of_id), key=lambda n: (mean[n][c], n))
        wrong = [n for n in names if mean[n].argmax() != c]
        right = [n for n in names if mean[n].argmax() == c]
        few_wrong = wrong[: max(IN_STRIP // 2, IN_STRIP - len(right))]
        shown = few_wrong + right[: IN_STRIP - len(few_wrong)]
        images = [
            {
                "url": as_data_url(pixels(of_id[n]), side),
                "id": n,
                "file": _file(of_id[n]),
                "predicted": result.classes[int(mean[n].argmax())],
                "right": mean[n].argmax() == c,
                "probability": float(mean[n].max()),
            }
            for n in shown
        ]
        if images:
            shapes = [pixels(of_id[n]).shape for n in shown]
            wide = float(np.median([w / h for _, h, w in shapes])) > WIDE
            strip = {"name": class_name, "wrong": len(wrong), "scored": len(names), "images": images, "wide": wide}
            strips.append(strip)
    return strips
