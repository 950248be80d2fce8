from dataclasses import replace

import pytest

from handful.core.recipe import Part
from handful.errors import ProtocolError
from handful.evaluation.annotation_cost import (
    PAPER,
    AnnotationTimes,
    CostPoint,
    break_even,
    break_evens,
    cost_points,
    masks_drawn,
)
from handful.reports.text_tables import format_cost
from tests.support.datasets import recipe
from tests.support.results import cost_curve, random_result

# Table II of the paper, CIFAR-10, ResNet-101.
CLASSIFICATION = {1: 18.85, 5: 20.67, 10: 26.01, 25: 27.12, 50: 37.37, 100: 42.16, 500: 69.75, 1000: 76.4, 5000: 93.55}
CVS = {1: 39.31, 5: 67.24, 10: 73.94, 25: 80.95, 50: 86.43, 100: 90.1}


def shares(scores: dict[int, float]) -> dict[int, float]:
    return {m: s / 100 for m, s in scores.items()}


def point(recipe: str, hours: float, mean: float, masks: int = 0) -> CostPoint:
    return CostPoint(recipe, 1, 1, masks, hours, mean)


def test_hours_of_the_paper() -> None:
    """10 classes, 100 each: 0.97 h of labels, 8.2 h of masks on top."""
    assert PAPER["cifar10"].hours(1000) == pytest.approx(0.9722, abs=1e-4)
    assert PAPER["cifar10"].hours(1000, 1000) == pytest.approx((3.5 + 29.52) / 3.6)
    assert PAPER["cifar100"].hours(100, 0) == pytest.approx(850 / 3600)


def test_the_papers_figure() -> None:
    """Figure 4: every CvS point is above classification at the same hours, so there is no break-even in range."""
    times = PAPER["cifar10"]
    points = cost_curve("classification", shares(CLASSIFICATION), times)
    points += cost_curve("cvs", shares(CVS), times, masked=True)
    (found,) = break_evens(points)
    assert found.hours is None
    assert "ahead of classification from the first hours" in found.says
    assert "none in range" in found.says


def test_break_even_by_hand() -> None:
    """Lines over log hours: plain 0.5 throughout, masked 0.4 at 1 h and 0.8 at 100 h meet a quarter of the way."""
    points = [point("plain", 0.1, 0.5), point("plain", 1000, 0.5), point("m", 1, 0.4, 1), point("m", 100, 0.8, 1)]
    found = break_even(points, "m", "plain")
    assert found.hours == pytest.approx(100**0.25)
    assert found.score == pytest.approx(0.5)
    assert found.says == "m overtakes plain at 3.16 h of annotation, at 50.0 %"


@pytest.mark.parametrize(
    ("masked", "says"),
    [
        ([(1, 0.2), (100, 0.4)], "never overtakes"),
        ([(1, 0.6), (100, 0.7)], "ahead of plain from the first hours they share (1 h to 100 h): none"),
        ([(1, 0.6), (100, 0.4)], "though not beyond"),
        ([(1, 0.4), (10, 0.6), (100, 0.4)], "falls behind again"),
        ([(5000, 0.4), (6000, 0.6)], "no hours in common"),
        ([(1, 0.5), (100, 0.5)], "never overtakes"),
    ],
)
def test_other_answers(masked: list[tuple[float, float]], says: str) -> None:
    points = [point("plain", 0.1, 0.5), point("plain", 1000, 0.5), *(point("m", h, s, 1) for h, s in masked)]
    assert says in break_even(points, "m", "plain").says


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ProtocolError, match="evaluate it first"):
        break_even([point("a", 1, 0.5)], "a", "b")
    with pytest.raises(ProtocolError, match="positive"):
        AnnotationTimes(0, 10)


def test_who_needs_masks() -> None:
    cvs = recipe("segmentation")
    assert masks_drawn(recipe("linear"), 5) == 0
    assert masks_drawn(cvs, 5) == 5
    assert masks_drawn(cvs, None) is None
    assert masks_drawn(replace(cvs, prepare=(Part("binarize"),)), 5) == 0
    spread = replace(cvs, prepare=(Part("propagate_masks", {"per_class": 10}),))
    assert [masks_drawn(spread, m) for m in (5, 50, None)] == [5, 10, 10]


def test_points_of_results() -> None:
    plain, cvs = random_result("plain", 0.8), random_result("cvs", 0.9)
    plain = replace(plain, recipe=replace(recipe("linear"), name="plain"))
    points = cost_points([plain, cvs], AnnotationTimes(10, 20), flops={"cvs": 1e6})
    assert [p.masks for p in points] == [0, 6]  # six training images in each run, all masked
    assert [p.hours for p in points] == pytest.approx([60 / 3600, 180 / 3600])
    assert points[0].flops is None
    assert points[1].flops == 12 * 6 * 3 * 1e6  # 12 steps of 6 images
    assert points[1].draws == 5
    assert cost_points([cvs], AnnotationTimes(10, 20), masks_per_class={"cvs": 1})[0].masks == 3


@pytest.mark.parametrize("width", [80, 60])
def test_the_table_fits(width: int) -> None:
    results = [
        random_result(n, 0.8, per_class=m) for n in ("cvs_wide_resnet_equalised", "classification") for m in (1, 5)
    ]
    plain = [replace(r, recipe=replace(recipe("linear"), name="classification")) for r in results[2:]]
    table = format_cost(
        cost_points([*results[:2], *plain], PAPER["cifar10"], flops={"classification": 1e9}), width=width
    )
    assert all(len(line) <= width for line in table.splitlines())
    assert "cvs_wide_resnet_equalised" in table
    assert "worst" in table
    assert "draws" in table
