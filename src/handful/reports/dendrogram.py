"""Class hierarchies as text and as a dendrogram."""

import matplotlib as mpl
from matplotlib.figure import Figure

from handful.core.hierarchy import Hierarchy
from handful.reports.plots import FAINT, INK, STYLE

ROW = 0.2  # inches of height per class


def leaf_order(hierarchy: Hierarchy) -> list[int]:
    """Leaves in the order of a depth-first traversal."""
    order: list[int] = []
    stack = [hierarchy.root]
    while stack:
        node = stack.pop()
        if node < hierarchy.leaves:
            order.append(node)
        stack.extend(reversed(hierarchy.children(node)))
    return order


def tree_lines(hierarchy: Hierarchy, *, width: int | None = None) -> list[str]:
    """Lines of text, one per node, indented by two columns per level; a node named after its children is one line.

    Lines that are longer than `width` end in an ellipsis.
    """
    lines: list[str] = []
    stack = [(hierarchy.root, "", "")]
    while stack:
        node, first, rest = stack.pop()
        lines.append(first + hierarchy.names[node])
        children = hierarchy.children(node)
        if hierarchy.names[node].split(" + ") == [hierarchy.names[child] for child in children]:
            continue
        for i, child in reversed(list(enumerate(children))):
            last = i == len(children) - 1
            stack.append((child, rest + ("└ " if last else "├ "), rest + ("  " if last else "│ ")))
    return [s if width is None or len(s) <= width else s[: width - 1] + "…" for s in lines]


def node_heights(hierarchy: Hierarchy) -> list[int]:
    """Height of each node: the longest path down to a leaf, in edges; a leaf has 0."""
    height = [0] * len(hierarchy.parents)
    for leaf in range(hierarchy.leaves):
        for i, node in enumerate(hierarchy.path(leaf)):
            height[node] = max(height[node], i)
    return height


@mpl.rc_context(STYLE)
def dendrogram_figure(hierarchy: Hierarchy) -> Figure:
    """Dendrogram, classes on the right, root on the left; lengths count joins, they are not distances."""
    order, height = leaf_order(hierarchy), node_heights(hierarchy)
    position = {node: float(i) for i, node in enumerate(order)}
    for node in sorted(range(hierarchy.leaves, len(height)), key=lambda n: height[n]):
        below = [position[child] for child in hierarchy.children(node)]
        position[node] = (min(below) + max(below)) / 2
    figure = Figure(figsize=(6.4, 0.6 + ROW * len(order)), layout="constrained")
    axes = figure.add_subplot()
    for node in range(hierarchy.leaves, len(height)):
        children = hierarchy.children(node)
        ends = [position[child] for child in children]
        axes.plot([-height[node]] * 2, [min(ends), max(ends)], color=INK, linewidth=1)
        for child in children:
            axes.plot([-height[node], -height[child]], [position[child]] * 2, color=INK, linewidth=1)
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
