"""Scored images must not reach training by masks or models that have seen them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import fingerprint, image_digest
from handful.errors import HandfulWarning, ProtocolError
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.leaks import without_leaks
from handful.parts.losses.distillation import distilled
from handful.recipes.write import to_toml
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.datasets import recipe, squares

FOLDS = Protocol(draws=(0,), folds=2)


class Spy:
    """A trainer that remembers what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Recipe, Dataset]] = []

    def __call__(self, recipe: Recipe, data: Dataset, **_: Any) -> "Spy":
        self.calls.append((recipe, data))
        return self

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        return np.full((len(data), 3), 1 / 3)


def propagated(data: Dataset, drawn: int, *, saw: Dataset | None = None) -> Dataset:
    """The data, of which all but `drawn` images of each class have propagated masks."""
    first = [s.id for k in range(3) for s in [x for x in data.samples if x.label == k][:drawn]]
    samples = (s if s.id in first else replace(s, mask_source="propagated") for s in data.samples)
    seen = None if saw is None else frozenset(map(image_digest, saw.samples))
    return replace(data, samples=tuple(samples), segmenter_saw=seen)


def test_masks_of_a_model_that_saw_the_scored_images_are_made_again_in_each_split() -> None:
    spy, data = Spy(), propagated(squares(4), 2, saw=squares(4))
    with pytest.warns(HandfulWarning, match="6 images were propagated .* makes them again"):
        evaluate(recipe(), data, protocol=FOLDS, trainer=spy, progress=False)
    assert [r.prepare[0] for r, _ in spy.calls] == [Part("propagate_masks", {"renew": True})] * 2


def test_masks_of_an_unknown_model_are_made_again_too() -> None:
    data = squares(4)
    changed, _ = without_leaks(recipe(), propagated(data, 2), data)
    assert changed.prepare


def test_the_masks_of_one_split_are_predicted_by_a_network_of_that_split_alone() -> None:
    data = propagated(squares(4), 2, saw=squares(4))
    with pytest.warns(HandfulWarning, match="makes them again"):
        result = evaluate(recipe(), data, protocol=FOLDS, progress=False, device="cpu")
    assert len(result.runs) == 2


def test_masks_stay_where_their_model_saw_no_scored_image() -> None:
    train_part, test = squares(4), squares(4, seed=1, split="test")
    data = propagated(train_part, 2, saw=train_part)
    data = replace(data, samples=(*data.samples, *test.samples))
    spy = Spy()
    evaluate(recipe(), data, protocol=Protocol(draws=(0,), per_class=2), trainer=spy, progress=False)
    assert spy.calls[0][0].prepare == ()


def test_recipes_that_read_no_masks_or_propagate_them_themselves_are_left_alone() -> None:
    data = propagated(squares(4), 2)
    plain, own = recipe("linear"), replace(recipe(), prepare=(Part("propagate_masks", {"per_class": 1}),))
    assert without_leaks(plain, data, data) == (plain, data)
    assert without_leaks(own, data, data) == (own, data)


def test_masks_that_cannot_be_made_again_are_refused_before_training() -> None:
    spy = Spy()
    with pytest.raises(ProtocolError, match="fewer than two classes have others to make them again from"):
        evaluate(recipe(), propagated(squares(4), 0), protocol=FOLDS, trainer=spy, progress=False)
    assert spy.calls == []


def test_a_recipe_that_can_do_without_masks_loses_those_that_cannot_be_made_again() -> None:
    both = recipe("segmentation", 'stages.0.losses=[{name="pixel_cross_entropy"},{name="cross_entropy"}]')
    data = propagated(squares(4), 0)
    same, train_part = without_leaks(both, data, data)
    assert same is both
    assert all(s.mask is None and s.mask_source is None for s in train_part.samples)


@pytest.mark.parametrize(
    "part", ["stages.0.losses=[{name='distillation',recipe='%s'}]", "posthoc=[{name='ensemble',recipes=['%s']}]"]
)
def test_what_a_part_trains_does_not_get_leaking_masks_either(part: str, tmp_path: Path) -> None:
    path, data, spy = tmp_path / "segmenting.toml", propagated(squares(4), 2), Spy()
    path.write_text(to_toml(recipe()))
    plan = recipe("linear", part % path)
    same, train_part = without_leaks(plan, data, data)
    assert same is plan
    assert [s.mask_source for s in train_part.samples] == [
        None if s.mask_source == "propagated" else s.mask_source for s in data.samples
    ]
    with pytest.warns(HandfulWarning, match="6 images were propagated .*: training parts leave them out"):
        evaluate(plan, data, protocol=FOLDS, trainer=spy, progress=False)
    assert len(spy.calls) == 2
    with pytest.raises(ProtocolError, match="fewer than two classes have others") as caught:
        evaluate(plan, propagated(squares(4), 0), protocol=FOLDS, trainer=spy, progress=False)
    assert "which " in str(caught.value.where)
    assert len(spy.calls) == 2


def test_runs_with_leaking_masks_are_other_experiments_in_a_log() -> None:
    assert fingerprint(squares(2)) != fingerprint(propagated(squares(2), 1))


def test_a_teacher_that_saw_scored_images_is_refused(tmp_path: Path) -> None:
    data = squares(4)
    teacher = train(recipe("linear", "stages.0.steps=1"), data, device="cpu", progress=False)
    save_classifier(teacher, tmp_path / "teacher")
    student = distilled(recipe("linear"), tmp_path / "teacher")
    spy = Spy()
    with pytest.raises(ProtocolError, match="12 of the 12 scored images were training images of this model") as caught:
        evaluate(student, data, protocol=FOLDS, trainer=spy, progress=False)
    assert "losses/distillation" in str(caught.value.where)
    assert spy.calls == []
    other = replace(data, samples=(*data.samples, *squares(2, seed=1, split="test").samples))
    evaluate(student, other, protocol=Protocol(draws=(0,), per_class=2), trainer=spy, progress=False)
    assert len(spy.calls) == 1


def test_a_student_remembers_what_its_teacher_saw(tmp_path: Path) -> None:
    teacher = train(recipe("linear", "stages.0.steps=1"), squares(2), device="cpu", progress=False)
    save_classifier(teacher, tmp_path / "teacher")
    student = distilled(recipe("linear", "stages.0.steps=1"), tmp_path / "teacher")
    model = train(student, squares(2, seed=1), device="cpu", progress=False)
    save_classifier(model, tmp_path / "student")
    grandchild = distilled(recipe("linear"), tmp_path / "student")
    with pytest.raises(ProtocolError, match="6 of the 6 scored"):
        evaluate(grandchild, squares(2), protocol=FOLDS, trainer=Spy(), progress=False)


def test_a_model_that_does_not_say_what_it_saw_is_named(tmp_path: Path) -> None:
    weights = tmp_path / "backbone.pt"
    plan = recipe("linear", f"backbone.weights={weights}")
    with pytest.warns(HandfulWarning, match=r"backbones/wide_resnet: .*backbone.pt does not say which images"):
        evaluate(plan, squares(4), protocol=FOLDS, trainer=Spy(), progress=False)
