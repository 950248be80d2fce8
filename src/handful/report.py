"""The report: one self-contained HTML file that opens with the answer and ends with how to repeat it."""

import re
import shlex
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from handful import gallery, reliability
from handful.classifier import Classifier
from handful.cost import CostPoint, Times, break_evens, flop_unit
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.errors import OutputError, ProtocolError
from handful.plots import cost_figure, inline, sweep_figure
from handful.recipes import fingerprint
from handful.repeats import smallest
from handful.results import commit, versions
from handful.scores import Metric
from handful.statistics import METRICS, Comparison, Summary, class_recalls, compare, headline, summarise
from handful.tables import NOTES, amount, percent, signed, span, span_of_images, verdict
from handful.types import Dataset, Result

MOST_IN_MATRIX = 20  # classes beyond which the largest confusions are listed instead


def write_report(
    results: Sequence[Result],
    path: Path,
    *,
    data: Dataset | None = None,
    classifier: Classifier | None = None,
    metric: Metric | None = None,
    cost: Sequence[CostPoint] = (),
    times: Times | None = None,
    title: str = "How far a handful of labels goes",
    note: str = "",
    command: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of one or more evaluations, and return its path.

    Args:
        results: of `evaluate` or `sweep`; those on identical draws are compared.
        path: the HTML file. It needs no network and no other file.
        data: shows the worst mistakes, and says which data was scored.
        classifier: shows example images with its predictions, and its maps where it segments.
        metric: what the answer and the curves are given in; None: accuracy, or balanced accuracy where a result's
            classes differ in their training images.
        cost: points of `cost.cost_points`, for the curve over annotation hours.
        times: what these points took a label and a mask to cost.
        title: heading.
        note: a sentence of the user's below the answer.
        command: to repeat it; by default this process's, where that is `handful`.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
        ProtocolError: there are no results.
    """
    if path.exists() and not overwrite:
        raise OutputError("there is a file already", where=path, remedy="choose another place, or overwrite.")
    if not results:
        raise ProtocolError("nothing to report", where=path, remedy="evaluate a recipe first.")
    metric = metric or headline(results)
    rows = summarise(results, metric)
    focus, row = _focus(results, rows)
    pairs, unpaired = _pairs(results, metric)
    page = _environment().get_template("report.html.j2")
    text = page.render(
        title=title,
        note=note,
        answer=_answer(
            row,
            [
                c
                for c in pairs
                if row.recipe in (c.a, c.b) and (c.per_class, c.smallest) == (row.per_class, row.smallest)
            ],
            rows,
        ),
        development=_development(results, data),
        metric=METRICS[metric],
        curve=_sweep_curve(rows),
        groups=_groups(rows),
        thirds=_groups([r for r in rows if r.thirds]),
        others=[(METRICS[m], _groups(summarise(results, m))) for m in METRICS if m != metric],
        designs=[NOTES[d] for d in dict.fromkeys(r.design for r in rows)],
        pairs=pairs,
        pair_names=list(dict.fromkeys((c.a, c.b) for c in pairs)),
        unpaired=unpaired,
        calibration=reliability.section(results, focus),
        cost=_cost(cost, times),
        focus=row,
        recalls=_recalls(focus),
        matrix=_matrix(focus),
        confusions=_confusions(focus),
        pictures=_pictures(focus, data, classifier),
        repeat=_repeat(results, data, command),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("handful"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        amount=amount, images=span_of_images, percent=percent, signed=_signed, verdict=verdict, sentence=_sentence
    )
    environment.globals.update(span=span)
    return environment


def _focus(results: Sequence[Result], rows: Sequence[Summary]) -> tuple[Result, Summary]:
    """The best recipe at the largest number of training images."""
    most = max(r.n_train for r in rows)
    best = max((i for i, r in enumerate(rows) if r.n_train == most), key=lambda i: rows[i].mean)
    return results[best], rows[best]


def _pairs(results: Sequence[Result], metric: Metric) -> tuple[list[Comparison], bool]:
    """All pairs at each number of images, or with more than three recipes each against the first."""
    groups: dict[tuple[int | None, int | None], list[Result]] = {}
    for result in results:
        groups.setdefault((result.runs[0].per_class, smallest(result)), []).append(result)
    found, unpaired = [], False
    for group in groups.values():
        few = len(group) <= 3
        for b, a in combinations(group, 2) if few else ((group[0], other) for other in group[1:]):
            try:
                found.append(compare(a, b, metric))
            except ProtocolError:
                unpaired = True
    return found, unpaired


def _answer(row: Summary, pairs: Sequence[Comparison], rows: Sequence[Summary]) -> list[str]:
    images = "all labelled images" if row.per_class is None else f"{row.per_class} labelled {_images(row)} per class"
    if row.smallest is not None:
        images = f"{row.per_class} labelled images of the largest class and {row.smallest} of the smallest"
    runs = (
        "one run" if row.design == "one run" else f"{row.runs} runs" if row.runs > row.draws else f"{row.draws} draws"
    )
    says = [
        f"With {images}, {row.recipe} reaches {percent(row.mean)}\u00a0% {METRICS[row.metric]} "
        f"({runs}, 95\u00a0% interval {span(row.low, row.high)}, worst draw {percent(row.worst)})."
    ]
    rivals = [r for r in rows if r.n_train == row.n_train and r.recipe != row.recipe]
    if rivals:
        rival = max(rivals, key=lambda r: r.mean).recipe
        for pair in pairs:
            if rival in (pair.a, pair.b):
                sign = 1 if pair.a == row.recipe else -1
                low, high = sorted((sign * pair.low, sign * pair.high))
                lead = f"{_signed(sign * pair.mean)} points ({_signed(low)} to {_signed(high)})"
                clear = pair.verdict != "not separable"
                says.append(
                    f"It is better than {rival}, the next best: {lead}."
                    if clear
                    else f"Its lead over {rival}, the next best, is not separable from chance: {lead}."
                )
    return says


def _images(row: Summary) -> str:
    return "image" if row.per_class == 1 else "images"


def _development(results: Sequence[Result], data: Dataset | None) -> bool:
    """Whether scores come from training images although the data has a test part."""
    if data is None:
        return False
    test = {s.id for s in data.samples if s.split == "test"}
    return bool(test) and not any(test & set(r.runs[0].ids) for r in results)


def _groups(rows: Sequence[Summary]) -> list[tuple[str, list[Summary]]]:
    names = dict.fromkeys(r.recipe for r in rows)
    return [(name, [r for r in rows if r.recipe == name]) for name in names]


def _sweep_curve(rows: Sequence[Summary]) -> Markup | None:
    if len({r.n_train for r in rows}) < 2:
        return None
    return Markup(inline(sweep_figure(rows), salt="sweep"))


def _cost(points: Sequence[CostPoint], times: Times | None) -> dict[str, Any] | None:
    if not points:
        return None
    return {
        "figure": Markup(inline(cost_figure(points), salt="cost")),
        "points": points,
        "says": [b.says + "." for b in break_evens(points)],
        "times": times,
        "unit": flop_unit(points),
        "compute": any(p.flops for p in points),
    }


def _recalls(result: Result) -> list[dict[str, Any]]:
    rows = class_recalls(result)
    if len(rows) > MOST_IN_MATRIX:
        rows.sort(key=lambda r: r.mean)
    return [vars(r) for r in rows]


def _counts(result: Result) -> np.ndarray:
    k = len(result.classes)
    counts = np.zeros((k, k), dtype=np.int64)
    for run in result.runs:
        np.add.at(counts, (run.labels, run.predictions), 1)
    return counts


def _matrix(result: Result) -> list[tuple[str, list[float]]] | None:
    """Rows: of the images of a class, the share predicted as each class; None with too many classes to read."""
    if len(result.classes) > MOST_IN_MATRIX:
        return None
    counts = _counts(result)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return list(zip(result.classes, shares.tolist(), strict=True))


def _confusions(result: Result, most: int = 10) -> list[tuple[str, str, float]]:
    """The largest shares off the diagonal."""
    counts = _counts(result)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:most]
    pairs = [np.unravel_index(i, shares.shape) for i in order]
    return [(result.classes[a], result.classes[b], float(shares[a, b])) for a, b in pairs if shares[a, b] > 0]


def _pictures(result: Result, data: Dataset | None, classifier: Classifier | None) -> dict[str, Any]:
    if data is None:
        return {"examples": [], "mistakes": [], "legend": [], "seed": None, "recipe": None}
    seed = None if classifier is None else classifier.card.get("seed")
    run = next((r for r in result.runs if r.seed == seed), result.runs[0])
    part = gallery.examples(data, run.ids)
    examples = [] if classifier is None else gallery.show_examples(part, classifier)
    mistakes = gallery.show_mistakes(gallery.worst_mistakes(result), data, classifier)
    segments = any(e.overlay for e in examples)
    return {
        "examples": examples,
        "mistakes": mistakes,
        "legend": gallery.legend(data.classes) if segments else [],
        "seed": seed,
        "recipe": None if classifier is None else classifier.recipe.name,
    }


def _repeat(results: Sequence[Result], data: Dataset | None, command: str | None) -> list[tuple[str, str]]:
    if command is None and Path(sys.argv[0]).name in ("handful", "__main__.py"):
        command = "handful " + shlex.join(sys.argv[1:])
    draws = sorted({r.draw for result in results for r in result.runs})
    folds = {r.fold for result in results for r in result.runs} - {None}
    rows = [("Command", command or "")]
    rows.append(("Draws", ", ".join(map(str, draws)) + (f"; {len(folds)} folds each" if folds else "")))
    if data is not None:
        parts = {p: sum(s.split == p for s in data.samples) for p in ("train", "val", "test", None)}
        held = ", ".join(f"{n} {p or 'without a split'}" for p, n in parts.items() if n)
        rows.append(("Data", f"{data_fingerprint(data)} ({len(data)} images: {held}; {len(data.classes)} classes)"))
    recipes = {result.recipe.name: fingerprint(result.recipe) for result in results}
    rows.append(("Recipes", ", ".join(f"{name} {mark}" for name, mark in recipes.items())))
    seconds = [r.seconds for result in results for r in result.runs]
    rows.append(("Training", f"{len(seconds)} runs, {_time(sum(seconds))} together, {_time(max(seconds))} the longest"))
    rows.append(("Source", commit()))
    rows.append(("Versions", ", ".join(f"{name} {version}" for name, version in versions().items())))
    return [(name, re.sub(r"\s+", " ", value)) for name, value in rows if value]


def _signed(value: float) -> str:
    return signed(value).replace("-", "\u2212")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _time(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.1f} s"
