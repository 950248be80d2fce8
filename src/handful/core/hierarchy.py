"""Class hierarchies: trees whose leaves are the classes, and trees of names."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool


@dataclass(frozen=True)
class Tree:
    """A named node and its children; a leaf has none."""

    name: str
    children: "tuple[Tree, ...]" = ()


@dataclass(frozen=True)
class Hierarchy:
    """A tree over the classes. Nodes 0 to k - 1 are the leaves, in the order of the task's classes.

    Attributes:
        parents: index of each node's parent, -1 for the root.
        names: name of each node.
    """

    parents: tuple[int, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.parents) == len(self.names)
        assert self.parents.count(-1) == 1
        inner = set(self.parents) - {-1}
        assert inner == set(range(self.leaves, len(self.parents))), "a leaf is a class, and a class is a leaf"
        assert all(self.path(i)[-1] == self.root for i in range(self.leaves))

    @property
    def leaves(self) -> int:
        """Number of leaves, k."""
        return len(self.parents) - len(set(self.parents) - {-1})

    @property
    def root(self) -> int:
        """The root's index."""
        return self.parents.index(-1)

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from this one to the root, both included."""
        nodes = [node]
        while (parent := self.parents[nodes[-1]]) != -1:
            nodes.append(parent)
            assert len(nodes) <= len(self.parents), "a tree has no cycle"
        return tuple(nodes)

    def children(self, node: int) -> tuple[int, ...]:
        """The nodes directly below this one, in the order of their indices."""
        return tuple(i for i, parent in enumerate(self.parents) if parent == node)

    def members(self) -> Bool[np.ndarray, "m k"]:
        """Which classes lie at or below each of the m nodes."""
        below = np.zeros((len(self.parents), self.leaves), dtype=bool)
        for leaf in range(self.leaves):
            below[list(self.path(leaf)), leaf] = True
        return below
