"""A hierarchy to look at: as text, and as a picture."""

import matplotlib as mpl
from matplotlib.figure import Figure

from handful.core.hierarchy import Hierarchy
from handful.reports.plots import FAINT, INK, STYLE

ROW = 0.2  # inches of height per class


def leaf_order(hierarchy: Hierarchy) -> list[int]:
    """The classes from top to bottom as the tree lists them."""
    found: list[int] = []
    waiting = [hierarchy.root]
    while waiting:
        node = waiting.pop()
        if node < hierarchy.leaves:
            found.append(node)
        waiting.extend(reversed(hierarchy.children(node)))
    return found


def tree_lines(hierarchy: Hierarchy, *, width: int | None = None) -> list[str]:
    """One line per node, two columns per level; a group that is named after its two or three classes is one line.

    Lines that are longer than `width` end in an ellipsis.
    """
    lines: list[str] = []
    waiting = [(hierarchy.root, "", "")]
    while waiting:
        node, first, rest = waiting.pop()
        lines.append(first + hierarchy.names[node])
        children = hierarchy.children(node)
        if hierarchy.names[node].split(" + ") == [hierarchy.names[child] for child in children]:
            continue
        for i, child in reversed(list(enumerate(children))):
            last = i == len(children) - 1
            waiting.append((child, rest + ("└ " if last else "├ "), rest + ("  " if last else "│ ")))
    return [s if width is None or len(s) <= width else s[: width - 1] + "…" for s in lines]


def heights(hierarchy: Hierarchy) -> list[int]:
    """Of each node, the most joins on a way down to a class; a class has 0."""
    found = [0] * len(hierarchy.parents)
    for leaf in range(hierarchy.leaves):
        for i, node in enumerate(hierarchy.path(leaf)):
            found[node] = max(found[node], i)
    return found


@mpl.rc_context(STYLE)
def dendrogram_figure(hierarchy: Hierarchy) -> Figure:
    """Classes on the right, the root on the left; a join's place counts the joins below it, not a distance."""
    order, height = leaf_order(hierarchy), heights(hierarchy)
    place = {node: float(i) for i, node in enumerate(order)}
    for node in sorted(range(hierarchy.leaves, len(height)), key=lambda n: height[n]):
        below = [place[child] for child in hierarchy.children(node)]
        place[node] = (min(below) + max(below)) / 2
    figure = Figure(figsize=(6.4, 0.6 + ROW * len(order)), layout="constrained")
    axes = figure.add_subplot()
    for node in range(hierarchy.leaves, len(height)):
        children = hierarchy.children(node)
        ends = [place[child] for child in children]
        axes.plot([-height[node]] * 2, [min(ends), max(ends)], color=INK, linewidth=1)
        for child in children:
            axes.plot([-height[node], -height[child]], [place[child]] * 2, color=INK, linewidth=1)
    axes.set_yticks(range(len(order)), [hierarchy.names[node] for node in order])
    axes.yaxis.tick_right()
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(-max(height) - 0.3, 0)
    axes.set_xticks([])
    axes.tick_params(colors=INK, length=0, labelsize=9)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.spines["right"].set_color(FAINT)
    return figure
