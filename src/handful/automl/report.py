"""HTML page of an automatic run: the answer, the images behind it, then the statistics."""

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from handful.automl.result import RunResult
from handful.automl.text import answer, commands, confusions, exact, how_scored, left_out, method, missed, took
from handful.core.dataset import Dataset
from handful.core.files import refuse_existing
from handful.core.result import Result
from handful.data.images import pixels
from handful.evaluation.confusion import largest_confusions
from handful.reports.gallery import as_data_url
from handful.reports.html import MOST_CONFUSIONS, confusion_table, duration, recalls, reproduction, write_page
from handful.reports.plots import as_svg
from handful.reports.reliability_diagram import reliability_figure

MOST_AT_TOP = 6  # classes whose confusion matrix stands beside the answer
MOST_CLASSES = 20  # classes with a strip of images
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
        "title": "How good is it?",
        "run": result,
        "answer": answer(result.score),
        "missed": missed(result),
        "exact": exact(result),
        "how": how_scored(result) if scored else "",
        "confuses": confusions(result.classes),
        "method": method(result),
        "left_out": left_out(result),
        "took": took(result),
        "next": commands(result),
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
    for c, class_name in enumerate(result.classes[:MOST_CLASSES]):
        names = sorted((n for n in labels if labels[n] == c and n in of_id), key=lambda n: (mean[n][c], n))
        wrong = [n for n in names if mean[n].argmax() != c]
        right = [n for n in names if mean[n].argmax() == c]
        few_wrong = wrong[: max(IN_STRIP // 2, IN_STRIP - len(right))]
        shown = few_wrong + right[: IN_STRIP - len(few_wrong)]
        images = [
            {
                "url": as_data_url(pixels(of_id[n])),
                "id": n,
                "predicted": result.classes[int(mean[n].argmax())],
                "right": mean[n].argmax() == c,
                "probability": float(mean[n].max()),
            }
            for n in shown
        ]
        if images:
            strips.append({"name": class_name, "wrong": len(wrong), "scored": len(names), "images": images})
    return strips
