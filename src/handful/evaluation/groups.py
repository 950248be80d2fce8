"""Scores of groups: several views or frames of one object vote, and the group is what is right or wrong.

The class probabilities of a group's images are averaged; an image without a group is one of its own. Intervals then
count groups, as the images of a group are not independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from handful.core.dataset import Dataset
from handful.core.groups import group_index, group_means, refuse_without_groups
from handful.core.result import Result, Run
from handful.data.kind_checks import refuse_multilabel
from handful.errors import DataError
from handful.evaluation.intervals import bootstrap
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.score_table import score_table


def groups_of(scored: Sequence[Dataset]) -> dict[str, str]:
    """The group of each scored image that has one, by id.

    Args:
        scored: the images that each run scores.

    Raises:
        DataError: no image has a group, a group has images of several classes, or images have several labels.
    """
    for data in scored:
        refuse_multilabel(data, "scoring groups")
    refuse_without_groups(*scored)
    groups = {name: group for data in scored for name, group in data.groups.items()}
    labels: dict[str, int] = {}
    classes = scored[0].classes
    for sample in (sample for data in scored for sample in data.samples):
        if sample.group is None or sample.label is None:
            continue
        if labels.setdefault(sample.group, sample.label) != sample.label:
            raise DataError(
                f"group {sample.group!r} has images of several classes: {classes[labels[sample.group]]} and "
                f"{classes[sample.label]}",
                where=sample.id,
                remedy="give each object a group of its own: its images vote for one class.",
            )
    return groups


def per_group(result: Result, groups: Mapping[str, str]) -> Result:
    """The result with groups in the place of images: every metric of it counts groups.

    Prediction sets and rejections are of images, and left out.

    Args:
        result: of `evaluate`.
        groups: group of an image's id, of `groups_of`; an image that is not in it is a group of its own.

    Example:
        >>> from handful import Protocol, evaluate, load_data, load_recipe
        >>> from handful.evaluation.groups import per_group
        >>> digits = load_data("digits").select(range(100))
        >>> protocol = Protocol(draws=(0,), per_class=5)
        >>> result = evaluate(load_recipe("logistic-pixels"), digits, protocol=protocol, progress=False)
        >>> pairs = {i: f"{label}" for i, label in zip(result.runs[0].ids, result.runs[0].labels)}
        >>> per_group(result, pairs).runs[0].probabilities.shape
        (10, 10)
    """
    return replace(result, runs=tuple(_merged(run, groups) for run in result.runs))


def _merged(run: Run, groups: Mapping[str, str]) -> Run:
    names, index = group_index([f"group {groups[i]}" if i in groups else i for i in run.ids])
    labels = np.zeros(len(names), dtype=run.labels.dtype)
    labels[index] = run.labels
    probabilities = group_means(run.probabilities, index, len(names))
    return replace(run, ids=names, labels=labels, probabilities=probabilities, sets=None, rejected=None)


def group_interval(result: Result, metric: AnyMetric, *, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean score by the bootstrap over draws and scored groups; NaN for macro F1.

    Args:
        result: of `per_group`; of images it is the interval over images.
        metric: which score.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    if metric not in ("accuracy", "balanced_accuracy"):  # not means over groups
        return np.nan, np.nan
    table = score_table([result], metric)
    units = [np.arange(len(table.labels))]
    if metric == "balanced_accuracy":
        units = [np.flatnonzero(table.labels == c) for c in np.unique(table.labels)]
    return bootstrap(table.by_draw(table.correct[0]), units, resamples, np.random.default_rng(seed))
