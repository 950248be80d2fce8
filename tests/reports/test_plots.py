import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from PIL import Image

from handful.comparison.figures import difference_figure
from handful.comparison.ranking import all_pairs
from handful.errors import OutputError
from handful.evaluation.annotation_cost import PAPER, CostPoint
from handful.evaluation.score_table import score_table
from handful.evaluation.statistics import summarise
from handful.reports.plots import as_svg, cost_figure, save_figure, sweep_figure
from tests.support.results import cost_curve, random_result


def test_sweep_shows_every_mean_interval_and_worst_draw() -> None:
    rows = summarise([random_result(n, 0.7, per_class=m, seed=m) for n in ("a", "$b$ <&>") for m in (1, 5, 25)])
    axes = sweep_figure(rows).axes[0]
    heights = [float(y) for line in axes.lines for y in np.asarray(line.get_ydata())]
    for row in rows:
        assert any(abs(y - 100 * row.mean) < 1e-6 for y in heights)
        assert any(abs(y - 100 * row.worst) < 1e-6 for y in heights)
    bars = [s for bars in axes.collections if isinstance(bars, LineCollection) for s in bars.get_segments()]
    assert {(round(b[0][1], 3), round(b[1][1], 3)) for b in bars} == {
        (round(100 * r.low, 3), round(100 * r.high, 3)) for r in rows
    }


def test_differences_show_every_interval_and_which_are_separable() -> None:
    pairs = all_pairs(score_table([random_result("a", 0.9), random_result("b", 0.88, seed=1), random_result("c", 0.4)]))
    axes = difference_figure(pairs).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    spans = [np.asarray(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 2 and line not in dots]
    for pair, dot, found in zip(pairs, dots, spans, strict=True):
        assert np.asarray(dot.get_xdata())[0] == pytest.approx(100 * pair.comparison.mean)
        assert found == pytest.approx([100 * pair.comparison.low, 100 * pair.comparison.high])
        assert (dot.get_markerfacecolor() != "white") == pair.separable
    assert {p.separable for p in pairs} == {True, False}
    svg = as_svg(difference_figure(pairs), salt="x")
    assert "#ffffff" not in svg
    assert "a \u2212 b" in svg


@pytest.mark.parametrize(("low", "high"), [(2.0, 700.0), (124.0, 350.0), (0.002, 0.05), (3.0, 5.0)])
def test_times_close_together_still_have_ticks(low: float, high: float) -> None:
    points = [CostPoint(n, 5, 10, 0, seconds / 3600, 0.5, 0.4, 0.6) for n, seconds in (("a", low), ("b", high))]
    axes = cost_figure(points, time="training").axes[0]
    left, right = axes.get_xlim()
    assert sum(left <= tick <= right for tick in axes.get_xticks()) >= 2


def test_labels_of_times_do_not_touch() -> None:
    points = [CostPoint(n, 5, 10, 0, minutes / 60, 0.5, 0.4, 0.6) for n, minutes in (("a", 2.1), ("b", 19.8))]
    figure = cost_figure(points, time="annotation time")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    shown = [t for t, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True) if left <= at <= right]
    boxes = [label.get_window_extent() for label in shown]
    assert len(boxes) >= 3
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def circles(figure: Figure) -> list[PathCollection]:
    return [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]


def test_circle_area_follows_the_compute() -> None:
    points = cost_curve("a", {1: 0.2, 10: 0.6}, PAPER["cifar10"])
    counted = [type(p)(**{**vars(p), "flops": f}) for p, f in zip(points, (1e12, 2e12), strict=True)]
    assert circles(cost_figure(points)) == []
    (found,) = circles(cost_figure(counted))
    sizes = found.get_sizes()
    assert sizes[1] == pytest.approx(2 * sizes[0])


def test_inline_is_xml_that_takes_the_pages_colours() -> None:
    svg = as_svg(sweep_figure(summarise([random_result("<&>", 0.7, per_class=m) for m in (1, 5)])), salt="x")
    ElementTree.fromstring(svg)
    assert "var(--series-0)" in svg
    assert "var(--ink)" in svg
    assert "#0066a6" not in svg
    assert "<image" not in svg
    assert "<metadata" not in svg


def test_saved_as_png_or_svg_and_never_over_another(tmp_path: Path) -> None:
    figure = cost_figure(cost_curve("a", {1: 0.2, 10: 0.6}, PAPER["cifar10"]))
    save_figure(figure, tmp_path / "new" / "a.png")
    assert Image.open(tmp_path / "new" / "a.png").width > 600
    save_figure(figure, tmp_path / "a.svg")
    ElementTree.parse(tmp_path / "a.svg")
    with pytest.raises(OutputError, match="already"):
        save_figure(figure, tmp_path / "a.svg")
    with pytest.raises(OutputError, match="PNG or SVG"):
        save_figure(figure, tmp_path / "a.pdf")


def test_costs_are_drawn_against_the_metric_of_their_scores() -> None:
    point = CostPoint("a", 5, 10, 0, 0.1, 0.5, 0.4, 0.6, metric="mean_average_precision")
    assert cost_figure([point]).axes[0].get_ylabel() == "mean AP, %"
    assert cost_figure([replace(point, metric="accuracy")]).axes[0].get_ylabel() == "accuracy, %"
