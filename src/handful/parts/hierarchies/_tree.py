"""Build a `Hierarchy` over the classes from a tree of named nodes, or by agglomerative clustering of vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.cluster.hierarchy import linkage

from handful.core.hierarchy import Hierarchy, Tree
from handful.core.text import listed
from handful.data.class_tree import leaves
from handful.errors import DataError, nearest

LINKAGES = ("average", "complete", "single", "ward")
METRICS = ("cosine", "euclidean")


def check_clustering(method: str, metric: str) -> None:
    """Check the options of `cluster`.

    Raises:
        ValueError: the linkage or metric is unknown, or Ward's linkage with another metric than "euclidean".
    """
    if method not in LINKAGES or metric not in METRICS:
        raise ValueError(f"linkage must be one of {', '.join(LINKAGES)}, metric one of {', '.join(METRICS)}")
    if method == "ward" and metric != "euclidean":
        raise ValueError("linkage 'ward' needs metric 'euclidean'")


def cluster(vectors: Float[np.ndarray, "k d"], classes: Sequence[str], *, method: str, metric: str) -> Hierarchy:
    """The binary tree of agglomerative clustering.

    Args:
        vectors: one row per class.
        classes: class names.
        method: linkage, one of `LINKAGES`.
        metric: one of `METRICS`.

    Raises:
        DataError: there is a single class.
    """
    check_classes(classes)
    untyped: Any = linkage  # its stubs declare methods and metrics as literals
    merges = untyped(np.asarray(vectors, dtype=np.float64), method=method, metric=metric)
    members = [[name] for name in classes]
    parents = [-1] * (2 * len(classes) - 1)
    for left, right in merges[:, :2].astype(int):
        parents[left] = parents[right] = len(members)
        members.append(members[left] + members[right])
    return Hierarchy(tuple(parents), tuple(map(_cluster_name, members)))


def normalize_rows(vectors: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k d"]:
    """Rows scaled to length 1; rows of zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny))


def to_hierarchy(tree: Tree, classes: Sequence[str], *, where: object, prune: bool = False) -> Hierarchy:
    """The hierarchy of a tree whose leaves are the classes, each once, in any order.

    A node with one child is replaced by the child.

    Args:
        tree: the root.
        classes: the task's class names.
        where: the location that errors name.
        prune: remove leaves that are not classes, and nodes that are then empty; else they are an error.

    Raises:
        DataError: a single class; classes that are missing, are there twice, or have children; leaves that are not
            classes.
    """
    check_classes(classes)
    names_of_leaves = leaves(tree)
    duplicates = sorted({name for name in names_of_leaves if name in classes and names_of_leaves.count(name) > 1})
    if duplicates:
        raise DataError(f"classes are listed twice: {_listed(duplicates)}", where=where, remedy="list each once.")
    inner = sorted(_inner_nodes(tree) & set(classes) - set(names_of_leaves))
    if inner:
        raise DataError(
            f"classes have other classes below them: {_listed(inner)}",
            where=where,
            remedy="a class is a leaf: rename the group, and put the class in it.",
        )
    unknown = sorted(set(names_of_leaves) - set(classes))
    missing = [name for name in classes if name not in names_of_leaves]
    if missing:
        raise DataError(
            f"classes are missing from the hierarchy: {_listed(missing)}",
            where=where,
            remedy=nearest(missing[0], tuple(unknown)) if unknown else "add them.",
        )
    if unknown and not prune:
        raise DataError(
            f"names that are not classes: {_listed(unknown)}",
            where=where,
            remedy="remove them, or set prune = true.",
        )
    pruned = _prune(tree, frozenset(classes))
    assert pruned is not None
    parents, names = [-1] * len(classes), list(classes)
    _number_nodes(pruned, -1, parents, names, {name: i for i, name in enumerate(classes)})
    return Hierarchy(tuple(parents), tuple(names))


def check_classes(classes: Sequence[str]) -> None:
    """Refuse a single class, over which there is no tree.

    Raises:
        DataError: there are fewer than two classes.
    """
    if len(classes) < 2:
        raise DataError("a hierarchy needs two classes", where=tuple(classes), remedy="add images of another class.")


def _inner_nodes(tree: Tree) -> set[str]:
    return {tree.name}.union(*map(_inner_nodes, tree.children)) if tree.children else set()


def _prune(tree: Tree, classes: frozenset[str]) -> Tree | None:
    """The tree with classes as its leaves, without nodes that have a single child; None if it has no class."""
    if not tree.children:
        return tree if tree.name in classes else None
    children = tuple(pruned for child in tree.children if (pruned := _prune(child, classes)) is not None)
    if len(children) < 2:
        return children[0] if children else None
    return Tree(tree.name, children)


def _number_nodes(tree: Tree, parent: int, parents: list[int], names: list[str], index: dict[str, int]) -> None:
    if not tree.children:
        parents[index[tree.name]] = parent
        return
    index_of_node = len(parents)
    parents.append(parent)
    names.append(tree.name)
    for child in tree.children:
        _number_nodes(child, index_of_node, parents, names, index)


def _cluster_name(names: list[str]) -> str:
    """The members of a cluster; of more than three the first, the last and their number."""
    return " + ".join(names) if len(names) < 4 else f"{names[0]} ... {names[-1]} ({len(names)})"


def _listed(names: Sequence[str]) -> str:
    return listed([repr(name) for name in names], 9)
