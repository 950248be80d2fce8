from pathlib import Path

import numpy as np
import pytest

from handful.reports.evaluation_report import write_report
from handful.reports.reliability_diagram import MOST_RECIPES, calibration_section, reliability_figure
from tests.support.html import Page
from tests.support.results import random_result


def test_the_diagram_has_the_diagonal_the_bins_and_both_axes_whole() -> None:
    figure = reliability_figure(random_result("a", 0.7))
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim() == (0, 101)
    diagonal, curve = axes.lines[0], axes.lines[1]
    np.testing.assert_allclose(np.asarray(diagonal.get_data()), [[0, 100], [0, 100]])
    confidence, right = np.asarray(curve.get_data(), dtype=float)
    assert confidence.tolist() == pytest.approx([90])  # of all the made runs
    assert 60 < right[0] < 80


def test_the_section_has_the_focus_first_and_only_its_number_of_images() -> None:
    few = random_result("few", 0.5, per_class=1)
    many = [random_result(f"r{i}", 0.6 + i / 50, seed=i) for i in range(6)]
    found = calibration_section([few, *many], many[3])
    names = [name for name, _ in found["groups"]]
    assert names[0] == "r3"
    assert len(names) == MOST_RECIPES
    assert "few" not in names
    assert found["error"].recipe == "r3"


def test_a_report_has_the_section(tmp_path: Path) -> None:
    page = Page(write_report([random_result("a", 0.7)], tmp_path / "r.html"))
    assert "<h2>Calibration</h2>" in page.source
    assert "Calibration: the confidence of a is off by " in page.text
    assert "expected calibration error, %" in page.text
