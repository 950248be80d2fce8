from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.hierarchy import Hierarchy
from handful.errors import OutputError
from handful.reports.dendrogram import dendrogram_figure, leaf_order, node_heights, tree_lines
from handful.reports.plots import save_figure

TREE = Hierarchy((5, 4, 6, 4, 5, 6, -1), ("ant", "cat", "car", "dog", "cat + dog", "animal", "all"))


def test_lines_show_who_is_below_whom() -> None:
    assert tree_lines(TREE) == ["all", "├ car", "└ animal", "  ├ ant", "  └ cat + dog"]
    assert tree_lines(TREE, width=8) == ["all", "├ car", "└ animal", "  ├ ant", "  └ cat…"]


def test_groups_with_a_name_of_their_own_list_their_classes() -> None:
    assert tree_lines(Hierarchy((2, 2, -1), ("cat", "dog", "pets"))) == ["pets", "├ cat", "└ dog"]


def test_the_picture_lists_classes_in_the_trees_order_without_crossing_lines() -> None:
    assert leaf_order(TREE) == [2, 0, 1, 3]
    assert node_heights(TREE) == [0, 0, 0, 0, 1, 2, 3]
    axes = dendrogram_figure(TREE).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["car", "ant", "cat", "dog"]
    lines = [line.get_xydata() for line in axes.lines]
    spans = [np.asarray(xy)[:, 1].tolist() for xy in lines if len(set(np.asarray(xy)[:, 0])) == 1]
    assert sorted(spans) == [[0.0, 1.75], [1.0, 2.5], [2.0, 3.0]]


def test_is_written_as_png_or_svg_only(tmp_path: Path) -> None:
    save_figure(dendrogram_figure(TREE), tmp_path / "tree.png")
    with Picture.open(tmp_path / "tree.png") as picture:
        assert picture.size[0] == 1024
    save_figure(dendrogram_figure(TREE), tmp_path / "tree.svg")
    assert "animal" not in (tmp_path / "tree.svg").read_text()
    assert "dog" in (tmp_path / "tree.svg").read_text()
    with pytest.raises(OutputError, match="PNG or SVG"):
        save_figure(dendrogram_figure(TREE), tmp_path / "tree.pdf")
