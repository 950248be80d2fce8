"""Accuracy at each level of a class tree: how often the predicted class lies in the group of the true one.

This is how classifiers with a class hierarchy are scored (e.g. Chang et al. 2021, "Your Flamingo is My Bird",
https://arxiv.org/abs/2011.09040). A class counts as its ancestor at the level, or as itself where its branch ends above
it. Of an image counts the group of its most probable class, which need not be the most probable group.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from handful.core.hierarchy import Tree
from handful.core.result import Result, Run
from handful.data.class_names import nfc
from handful.evaluation.design import smallest
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.statistics import ScoreSummary, summarise

Levels = tuple[tuple[str, ...], ...]
Path = tuple[str, ...]


@dataclass(frozen=True)
class LevelSummary(ScoreSummary):
    """A mean score of groups of classes, its interval and worst draw; `classes` is the number of groups.

    Attributes:
        level: of the tree, 1 being the coarsest that tells classes apart.
        groups: names of the groups, sorted.
    """

    level: int = 1
    groups: tuple[str, ...] = ()


def levels_of(tree: Tree | None, classes: Sequence[str]) -> Levels:
    """The group of each class at each level of a tree, coarsest first; () without a tree.

    Left out are levels at which all classes are in one group, or each is in a group of its own, or that group classes
    as the level above does, and levels at which a class lies in several groups.

    Args:
        tree: of groups and classes; a class that is not in it is a group of its own.
        classes: class names.

    Example:
        >>> from handful.core.hierarchy import Tree
        >>> from handful.evaluation.levels import levels_of
        >>> tree = Tree("all", (Tree("pet", (Tree("cat"), Tree("dog"))), Tree("car")))
        >>> levels_of(tree, ("car", "cat", "dog"))
        (('car', 'pet', 'pet'),)
    """
    if tree is None:
        return ()
    found: dict[str, list[Path]] = {name: [] for name in classes}
    for child in tree.children:
        _collect(child, (), found)
    paths = [found[name] or [(name,)] for name in classes]
    levels: list[list[Path]] = []
    for depth in range(1, max((len(path) for some in paths for path in some), default=0)):
        places = [{path[:depth] for path in some} for some in paths]
        if any(len(some) > 1 for some in places):
            continue
        level = [next(iter(some)) for some in places]
        if (len(set(levels[-1])) if levels else 1) < len(set(level)) < len(classes):
            levels.append(level)
    return tuple(_named(level) for level in levels)


def _collect(node: Tree, above: Path, found: dict[str, list[Path]]) -> None:
    """Add the path from below the root to each node that is a class."""
    path = (*above, nfc(node.name))
    if path[-1] in found:
        found[path[-1]].append(path)
    for child in node.children:
        _collect(child, path, found)


def _named(level: Sequence[Path]) -> tuple[str, ...]:
    """The name of the group of each class; its path where groups in several places have one name."""
    names = {path: path[-1] for path in level}
    if len(set(names.values())) < len(names):
        names = {path: "/".join(path) for path in level}
    return tuple(names[path] for path in level)


def at_level(result: Result, level: Sequence[str]) -> Result:
    """The result with groups in the place of classes: each image has the group of its class, and is predicted the group
    of its most probable class.

    Args:
        result: of images with one label each.
        level: the group of each class.
    """
    groups = sorted(set(level))
    of_class = np.array([groups.index(name) for name in level])
    return replace(
        result, classes=tuple(groups), runs=tuple(_grouped(r, of_class, len(groups)) for r in result.runs), levels=()
    )


def _grouped(run: Run, of_class: Int[np.ndarray, " k"], groups: int) -> Run:
    one_hot = np.eye(groups)
    member = one_hot[of_class].astype(np.int64)
    return replace(
        run,
        labels=of_class[run.labels],
        probabilities=one_hot[of_class[run.predictions]],
        counts=None if run.counts is None else run.counts @ member,
        pool=None if run.pool is None else run.pool @ member,
        sets=None,
        rejected=None,
    )


def summarise_levels(results: Result | Sequence[Result], metric: AnyMetric = "accuracy") -> list[LevelSummary]:
    """Mean score of groups, 95 % interval and worst draw of each result at each level of the tree; none without a tree.

    Intervals are those of `summarise`.

    Args:
        results: one result of `evaluate`, or several, on data that were read with a tree.
        metric: "accuracy", "balanced_accuracy" (mean recall over groups) or "macro_f1".

    Example:
        >>> from dataclasses import replace
        >>> from handful import Protocol, evaluate, load_data, load_recipe
        >>> from handful.core.hierarchy import Tree
        >>> from handful.evaluation.levels import summarise_levels
        >>> groups = [Tree(name, tuple(map(Tree, digits))) for name, digits in (("even", "02468"), ("odd", "13579"))]
        >>> digits = replace(load_data("digits").select(range(100)), tree=Tree("digit", tuple(groups)))
        >>> protocol = Protocol(draws=(0, 1), per_class=5)
        >>> result = evaluate(load_recipe("logistic-pixels"), digits, protocol=protocol, progress=False)
        >>> [(row.level, row.groups) for row in summarise_levels(result)]
        [(1, ('even', 'odd'))]
    """
    rows = []
    for result in [results] if isinstance(results, Result) else results:
        for number, level in enumerate(result.levels, start=1):
            grouped = at_level(result, level)
            summary = replace(summarise(grouped, metric)[0], smallest=smallest(result), thirds=())
            rows.append(LevelSummary(**vars(summary), level=number, groups=grouped.classes))
    return rows


def level_values(results: Result | Sequence[Result], metrics: Sequence[AnyMetric]) -> dict[str, Any]:
    """The summaries for each metric as plain values under the key "tree_levels"; {} without a tree."""
    rows = [asdict(row) for metric in metrics for row in summarise_levels(results, metric)]
    return {"tree_levels": rows} if rows else {}


def logged_levels(run: Run, levels: Levels) -> dict[str, Any]:
    """The accuracy of a run at each level, as a line of the log has it; {} without a tree."""
    scores = []
    for level in levels:
        groups = np.array(level)
        scores.append(float(np.mean(groups[run.labels] == groups[run.predictions])))
    return {"level_accuracy": scores} if scores else {}
