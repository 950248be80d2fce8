"""Similarity of class vectors: the cosine matrix, its closest pairs, and a heat map."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from handful.reports.plots import FAINT, INK, STYLE

NUMBERED = 15  # with more classes the cells are too small for numbers
Matrix = Float[np.ndarray, "k k"]


def cosine_matrix(vectors: Float[np.ndarray, "k d"]) -> Matrix:
    """Cosine of every pair of rows, [k k]. No row may be zero."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray((unit @ unit.T).clip(-1, 1))


def closest_pairs(matrix: Matrix) -> list[tuple[int, int, float]]:
    """All pairs of different classes with their similarity, the most similar first."""
    first, second = np.triu_indices(len(matrix), k=1)
    order = np.argsort(-matrix[first, second], kind="stable")
    return [(int(first[i]), int(second[i]), float(matrix[first[i], second[i]])) for i in order]


def similar_order(matrix: Matrix) -> list[int]:
    """Order of the classes that puts similar ones together: the leaves of average-linkage clustering."""
    if len(matrix) < 3:
        return list(range(len(matrix)))
    distance = 1 - (matrix + matrix.T) / 2
    np.fill_diagonal(distance, 0)
    merged = linkage(squareform(distance.clip(0), checks=False), "average", optimal_ordering=True)
    return [int(i) for i in leaves_list(merged)]


@mpl.rc_context(STYLE)
def similarity_figure(matrix: Matrix, classes: Sequence[str]) -> Figure:
    """Heat map of the matrix, darker for more similar classes, similar classes next to each other, the diagonal blank.

    The color scale runs from the least to the most similar pair.
    """
    order = similar_order(matrix)
    shown = matrix[np.ix_(order, order)].astype(float)
    np.fill_diagonal(shown, np.nan)
    names = [classes[i] for i in order]
    side = max(3.2, (0.17 if len(names) <= 50 else 0.12) * len(names) + 0.6)
    margin = 0.085 * max(map(len, names))
    figure = Figure(figsize=(side + margin + 0.9, side + margin), layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(shown, cmap="Blues", interpolation="nearest")
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=90)
    axes.set_yticks(ticks, names)
    axes.tick_params(colors=INK, length=0, labelsize=9 if len(names) <= 50 else 6)
    for line in axes.spines.values():
        line.set_color(FAINT)
    if len(names) <= NUMBERED:
        middle = (np.nanmin(shown) + np.nanmax(shown)) / 2
        for i in ticks:
            for j in ticks:
                if i != j:
                    color = "white" if shown[i, j] > middle + (np.nanmax(shown) - middle) / 3 else INK
                    text = f"{shown[i, j]:.2f}".replace("0.", ".", 1)
                    axes.text(j, i, text, ha="center", va="center", fontsize=7, color=color)
    bar = figure.colorbar(picture, ax=axes, shrink=0.6, aspect=30, label="cosine")
    bar.outline.set_edgecolor(FAINT)
    bar.ax.tick_params(colors=INK, labelsize=9)
    return figure
