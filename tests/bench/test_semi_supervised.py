"""The rows of the table: what a method and its control share, and the pile with images of other classes."""

from dataclasses import replace

from bench.support.options import Options
from bench.tables.semi_supervised import embedded, random_weights, with_foreign

from tests.support.datasets import squares


def test_rows_from_random_weights_differ_in_what_they_learn_from_the_pile() -> None:
    control, teacher, *methods = random_weights(Options())
    assert [recipe.name for recipe in methods] == ["fixmatch-wrn", "uda-wrn", "uda-wrn, weak second view"]
    for recipe in methods:
        for field in ("augment", "batch_size", "backbone", "head", "ema", "image_size"):
            assert getattr(recipe, field) == getattr(control, field), field
        own, other = recipe.stages[0], control.stages[0]
        assert (own.steps, own.optimizer, own.schedule) == (other.steps, other.optimizer, other.schedule)
    assert methods[2].stages[0].views[0].augment == control.augment
    assert teacher.prepare[0].options["recipe"] == "classification-wrn"
    assert teacher.stages[0].steps == 2 * (control.stages[0].steps or 0)


def test_rows_on_the_embedded_network_begin_with_the_controls() -> None:
    assert [recipe.name for recipe in embedded(Options())] == ["pseudo-labels", "self-training", "fixmatch", "uda"]
    assert embedded(Options(quick=True))[2].stages[0].steps == 4


def test_half_of_the_pile_shows_other_classes() -> None:
    data, other = squares(4, split="train"), squares(6, seed=5, split="train")
    both = with_foreign(data, replace(other, classes=("x", "y", "z")))
    added = both.samples[len(data) :]
    assert len(added) == len(data)
    assert both.classes == data.classes
    assert all(sample.label is None and sample.split == "train" for sample in added)
    assert not {sample.id for sample in added} & set(data.ids)
