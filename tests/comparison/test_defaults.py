from dataclasses import replace

from handful.comparison.defaults import default_folds, default_protocol
from handful.core.dataset import Sample
from handful.evaluation.protocol import Protocol
from tests.support.datasets import numbered_squares, squares


def test_folds_by_default_only_where_there_is_no_test_part() -> None:
    assert default_folds(squares(9)) == 5
    assert default_folds(squares(3)) == 3
    grouped = squares(8)
    samples = tuple(replace(s, group=f"p{i % 3}{s.label}") for i, s in enumerate(grouped.samples))
    assert default_folds(replace(grouped, samples=samples)) == 3
    test: Sample = replace(grouped.samples[0], split="test")
    assert default_folds(replace(grouped, samples=(*grouped.samples[1:], test))) is None


def test_folds_of_numbers_are_as_many_as_images_with_a_number_allow() -> None:
    assert default_folds(numbered_squares(24)) == 5
    assert default_folds(numbered_squares(4)) == 4


def test_one_draw_with_folds_and_five_without() -> None:
    assert default_protocol(squares(9)) == Protocol((0,), folds=5)
    assert default_protocol(squares(9), per_class=(1, 5)) == Protocol((0, 1, 2, 3, 4))
    assert default_protocol(squares(9), per_class=(1,), folds=2, first_draw=3) == Protocol((3,), folds=2)
    assert default_protocol(squares(9), draws=2, score_on="rest") == Protocol((0, 1), folds=5, score_on="rest")


def test_the_val_split_is_scored_without_folds() -> None:
    assert default_protocol(squares(9), score_on="val") == Protocol((0, 1, 2, 3, 4), score_on="val")
