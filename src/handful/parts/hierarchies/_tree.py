"""Trees of named nodes, and clustered vectors, to a `Hierarchy` over the task's classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.cluster.hierarchy import linkage

from handful.core.hierarchy import Hierarchy
from handful.errors import DataError, nearest

LINKAGES = ("average", "complete", "single", "ward")
METRICS = ("cosine", "euclidean")


@dataclass(frozen=True)
class Tree:
    """A named node with what is below it; a leaf has nothing below."""

    name: str
    below: "tuple[Tree, ...]" = ()


def check_clustering(method: str, metric: str) -> None:
    """Refuse what `cluster` cannot do.

    Raises:
        ValueError: an unknown linkage or metric, or Ward's linkage with another metric than its own.
    """
    if method not in LINKAGES or metric not in METRICS:
        raise ValueError(f"linkage is one of {', '.join(LINKAGES)}, metric one of {', '.join(METRICS)}")
    if method == "ward" and metric != "euclidean":
        raise ValueError("linkage 'ward' goes with metric 'euclidean'")


def cluster(vectors: Float[np.ndarray, "k d"], classes: Sequence[str], *, method: str, metric: str) -> Hierarchy:
    """The binary tree of agglomerative clustering: the two nearest clusters are joined until one is left.

    Raises:
        DataError: there is but one class.
    """
    check_classes(classes)
    join: Any = linkage  # its stubs want the names of methods and metrics as literals
    merges = join(np.asarray(vectors, dtype=np.float64), method=method, metric=metric)
    members = [[name] for name in classes]
    parents = [-1] * (2 * len(classes) - 1)
    for left, right in merges[:, :2].astype(int):
        parents[left] = parents[right] = len(members)
        members.append(members[left] + members[right])
    return Hierarchy(tuple(parents), tuple(map(_joined, members)))


def unit(vectors: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k d"]:
    """Rows scaled to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))


def to_hierarchy(tree: Tree, classes: Sequence[str], *, where: object, prune: bool = False) -> Hierarchy:
    """A tree whose leaves are the classes, each once, in any order. A node with one child is replaced by the child.

    Args:
        tree: any root.
        classes: the task's class names.
        where: what an error names as its place.
        prune: leave out leaves that are no classes, and nodes that are then empty, instead of refusing them.

    Raises:
        DataError: one class only; classes that are missing, there twice, or have others below them; leaves that are no
            classes.
    """
    check_classes(classes)
    found = leaves(tree)
    twice = sorted({name for name in found if name in classes and found.count(name) > 1})
    if twice:
        raise DataError(f"classes are there twice: {_listed(twice)}", where=where, remedy="keep one place for each.")
    inside = sorted(_inner(tree) & set(classes) - set(found))
    if inside:
        raise DataError(
            f"classes have others below them: {_listed(inside)}",
            where=where,
            remedy="a class is a leaf: give the group above it another name, and put the class in it.",
        )
    unknown = sorted(set(found) - set(classes))
    missing = [name for name in classes if name not in found]
    if missing:
        raise DataError(
            f"classes are missing from the hierarchy: {_listed(missing)}",
            where=where,
            remedy=nearest(missing[0], tuple(unknown)) if unknown else "add them.",
        )
    if unknown and not prune:
        raise DataError(
            f"names that are no classes: {_listed(unknown)}",
            where=where,
            remedy="take them out, or set prune = true to leave them out.",
        )
    kept = _kept(tree, frozenset(classes))
    assert kept is not None
    parents, names = [-1] * len(classes), list(classes)
    _number(kept, -1, parents, names, {name: i for i, name in enumerate(classes)})
    return Hierarchy(tuple(parents), tuple(names))


def check_classes(classes: Sequence[str]) -> None:
    """A tree over one class says nothing.

    Raises:
        DataError: there is but one.
    """
    if len(classes) < 2:
        raise DataError("a hierarchy needs two classes", where=tuple(classes), remedy="add images of another class.")


def leaves(tree: Tree) -> list[str]:
    """Names of the leaves, from left to right."""
    return [name for child in tree.below for name in leaves(child)] if tree.below else [tree.name]


def _inner(tree: Tree) -> set[str]:
    return {tree.name}.union(*map(_inner, tree.below)) if tree.below else set()


def _kept(tree: Tree, classes: frozenset[str]) -> Tree | None:
    """The tree with classes only, and without nodes that have one child."""
    if not tree.below:
        return tree if tree.name in classes else None
    below = tuple(kept for child in tree.below if (kept := _kept(child, classes)) is not None)
    if len(below) < 2:
        return below[0] if below else None
    return Tree(tree.name, below)


def _number(tree: Tree, parent: int, parents: list[int], names: list[str], index: dict[str, int]) -> None:
    if not tree.below:
        parents[index[tree.name]] = parent
        return
    own = len(parents)
    parents.append(parent)
    names.append(tree.name)
    for child in tree.below:
        _number(child, own, parents, names, index)


def _joined(names: list[str]) -> str:
    """A cluster's name: its members, or where there are more than three the first and last and how many."""
    return " + ".join(names) if len(names) < 4 else f"{names[0]} ... {names[-1]} ({len(names)})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:9])) + (f" and {len(names) - 9} more" if len(names) > 9 else "")
