"""The honest score of a run, and how each class fares."""

from collections.abc import Sequence

import numpy as np

from handful.automl.result import ClassScore, HonestScore, LevelScore
from handful.automl.select import Selection
from handful.core.dataset import Dataset
from handful.core.result import Result, Run
from handful.evaluation.confusion import confusion_matrix, scored_images
from handful.evaluation.levels import at_level, summarise_levels
from handful.evaluation.metrics import recalls
from handful.evaluation.score_table import joined
from handful.evaluation.selection_bias import SelectedScore, selected_score
from handful.evaluation.statistics import summarise
from handful.models.classifier import Classifier
from handful.reports.card_scores import level_metric

WILSON = "Wilson interval of as many images, a group counting as one"  # what `selected_score` gives
NOTHING = HonestScore("nothing", *(np.nan,) * 6, images=0, repeats=0, folds=0)


def scored_run(classifier: Classifier, train: Dataset, test: Dataset, *, number: int, seconds: float) -> Run:
    """The classifier's predictions of test images, which it sees without labels, masks and groups."""
    probabilities = np.asarray(classifier.probabilities(test.without_labels()), np.float32)
    labelled = [s.id for s in train.samples if s.label is not None]
    return Run(
        draw=number,
        fold=None,
        seed=number,
        train_ids=tuple(labelled),
        ids=test.ids,
        labels=test.labels,
        probabilities=probabilities,
        seconds=seconds,
        counts=train.counts,
    )


def cross_validated_score(result: Result, selected: SelectedScore, *, tried: int) -> HonestScore:
    """The score of a selection by cross-validation.

    Args:
        result: of the selected recipe.
        selected: its corrected score.
        tried: number of recipes that it was selected from.
    """
    folds = {run.fold for run in result.runs}
    balanced, chance, images = _further(result)
    balanced = max(0.0, balanced - selected.optimism)
    worst = selected.worst if selected.draws > 1 else np.nan
    accuracy = (selected.mean, selected.low, selected.high, worst)
    counts = (images, selected.draws, len(folds), tried)
    return HonestScore("cross-validation", *accuracy, balanced, chance, *counts, selected.optimism)


def held_out_score(result: Result, data: Dataset, *, drawn: bool = False) -> HonestScore:
    """The score of one classifier on test images, or of the draws."""
    draws = len(result.runs)
    balanced, chance, images = _further(result)
    if draws == 1:
        own = selected_score([result], "accuracy", groups=data.groups)
        return HonestScore(
            "draws" if drawn else "test images", own.mean, own.low, own.high, np.nan, balanced, chance, images, 1, 0
        )
    (row,) = summarise(result)
    return HonestScore("draws", row.mean, row.low, row.high, row.worst, balanced, chance, images, draws, 0)


def class_scores(result: Result | None, data: Dataset) -> tuple[ClassScore, ...]:
    """Each class of the training images, with its recall in `result`."""
    counts = data.counts
    if result is None:
        rest = (0, np.nan, "", np.nan)
        return tuple(ClassScore(name, int(n), *rest) for name, n in zip(data.classes, counts, strict=True))
    shares = confusion_matrix(result)
    scored = scored_images(result)
    rows = []
    for c, name in enumerate(data.classes):
        others = np.where(np.arange(len(counts)) == c, -1.0, shares[c])
        other = int(others.argmax())
        mistaken = float(others[other])
        rows.append(
            ClassScore(
                name,
                int(counts[c]),
                scored[name],
                float(shares[c, c]) if scored[name] else np.nan,
                data.classes[other] if mistaken > 0 else "",
                max(0.0, mistaken),
            )
        )
    return tuple(rows)


def level_scores(
    result: Result | None, score: HonestScore, selection: Selection, data: Dataset
) -> tuple[LevelScore, ...]:
    """The score of the groups at each level of the class tree, measured as that of the classes; () without a tree.

    Args:
        result: the predictions behind the score of the classes; None: nothing was scored.
        score: that score.
        selection: what it is corrected for, where it is of the cross-validation.
        data: has the groups of images.
    """
    if result is None:
        return ()
    if len(result.runs) > 1 and score.scored_by == "draws":
        return tuple(LevelScore(r.level, r.groups, r.mean, r.low, r.high, r.worst) for r in summarise_levels(result))
    of_all = selection.results if score.scored_by == "cross-validation" else (result,)
    rows = []
    for number, level in enumerate(result.levels, start=1):
        own = selected_score(
            of_all,
            "accuracy",
            select_by=selection.metric,
            groups=data.groups,
            scored=[at_level(r, level) for r in of_all],
        )
        worst = own.worst if own.draws > 1 else np.nan
        rows.append(LevelScore(number, tuple(sorted(set(level))), own.mean, own.low, own.high, worst))
    return tuple(rows)


def without_optimism(
    entries: dict[str, object], selected: SelectedScore | None, tried: int, levels: Sequence[LevelScore] = ()
) -> dict[str, object]:
    """A card's entries (`reports.card_scores`), the accuracy corrected for the selection, the others left out.

    Args:
        entries: of the card.
        selected: the corrected accuracy; None: the entries stay as they are.
        tried: number of recipes that were selected from.
        levels: corrected accuracies of groups.
    """
    if selected is None:
        return entries
    scores = dict(entries["scores"])  # type: ignore[call-overload]
    corrected = {"mean": selected.mean, "low": selected.low, "high": selected.high, "worst": selected.worst}
    scores["rows"] = [{"metric": "accuracy", **corrected}]
    for row in levels:
        worst = row.accuracy if np.isnan(row.worst) else row.worst
        corrected = {"mean": row.accuracy, "low": row.low, "high": row.high, "worst": worst}
        scores["rows"].append({"metric": level_metric(row.level, len(row.groups)), **corrected})
    scores["design"] = WILSON + (f"; corrected for the selection of the best of {tried} recipes" if tried > 1 else "")
    return {**entries, "scores": scores}


def _further(result: Result) -> tuple[float, float, int]:
    """Mean recall of the classes, share of the most frequent class, and number of different images scored."""
    labels, predictions = joined(result.runs)
    k = len(result.classes)
    images = len({i for run in result.runs for i in run.ids})
    return float(np.nanmean(recalls(labels, predictions, k))), float(np.bincount(labels).max() / len(labels)), images
