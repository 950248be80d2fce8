"""Pseudo-labels: which images get one, who teaches, and that nobody takes them for labels that were given."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses._priors import ShiftedCrossEntropy
from handful.parts.prepare.pseudo_label import surest
from handful.parts.registry import trains_unlabelled, uses_unlabelled
from handful.recipes.load import load_recipe
from handful.training.assembly import assemble
from handful.training.setup import prepare_run
from handful.training.train import train
from tests.support import datasets

PART = Part("pseudo_label", {"recipe": "logistic-pixels"})


@dataclass
class Teacher:
    """Hands out these probabilities, and remembers what it was trained on."""

    rows: Float[np.ndarray, "n k"]
    calls: list[tuple[Recipe, Dataset, int]]

    def __call__(self, recipe: Recipe, data: Dataset, seed: int) -> "Teacher":
        self.calls.append((recipe, data, seed))
        return self

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        assert all(s.label is None for s in data.samples)
        return self.rows


def half_labelled() -> Dataset:
    """A labelled square of each class, and three of each without a label."""
    labelled = datasets.squares(1)
    return replace(labelled, samples=(*labelled.samples, *datasets.squares(3, seed=1).without_labels().samples))


def test_of_each_class_the_surest_and_no_more_than_its_share() -> None:
    rows = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55], [0.95, 0.05]])
    assert surest(rows, 2 / 3).tolist() == [0, -1, -1, -1, 1, 0]
    assert surest(rows, 0.01).tolist() == [-1, -1, -1, -1, 1, 0]  # at least one
    assert surest(rows, 1.0).tolist() == [0, -1, 0, -1, 1, 0]


def test_soft_pseudo_labels_are_the_probabilities_of_the_teacher() -> None:
    data, plan = half_labelled(), datasets.recipe("linear")
    rows = np.random.default_rng(0).dirichlet(np.ones(3), size=9).astype(np.float32)
    given = replace(datasets.context(), fit=Teacher(rows, []), named=load_recipe, recipe=plan)
    options = {**PART.options, "share": 1.0, "per_class": "predicted", "soft": True}
    prepared = registry.build("prepare", Part("pseudo_label", options), given)(data)
    guessed = prepared.samples[3:]
    assert [s.label for s in guessed] == rows.argmax(axis=1).tolist()
    assert np.array_equal([s.probabilities for s in guessed], rows)
    assert all(s.probabilities is None for s in prepared.samples[:3])


def test_an_image_with_candidates_is_labelled_with_one_of_these_or_keeps_them() -> None:
    data, plan = half_labelled(), datasets.recipe("linear")
    among = np.array([False, True, True])
    samples = tuple(replace(s, candidates=among) if i in (3, 4) else s for i, s in enumerate(data.samples))
    rows = np.full((9, 3), [0.6, 0.3, 0.1], dtype=np.float32)
    rows[1] = [0.2, 0.41, 0.39]
    given = replace(datasets.context(), fit=Teacher(rows, []), named=load_recipe, recipe=plan)
    options = {**PART.options, "share": 1 / 3, "soft": True}
    prepared = registry.build("prepare", Part("pseudo_label", options), given)(replace(data, samples=samples))
    first, second = prepared.samples[3:5]
    assert (first.label, first.candidates) == (1, None)
    np.testing.assert_allclose(first.probabilities, [0, 0.75, 0.25], atol=1e-6)
    assert second.label is None
    assert second.candidates is among
    assert [s.label for s in prepared.samples[5:]].count(0) == 1


def test_soft_pseudo_labels_need_a_loss_that_learns_probabilities() -> None:
    plan = load_recipe("logistic-pixels", overrides=("head.name=knn",))
    given = replace(datasets.context(), recipe=plan)
    with pytest.raises(RecipeError, match="heads/knn learns one label"):
        registry.build("prepare", Part("pseudo_label", {**PART.options, "soft": True}), given)


def test_of_each_class_as_many_as_are_predicted() -> None:
    rows = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55], [0.95, 0.05]])
    assert surest(rows, 1.0, "predicted").tolist() == [0, 0, 0, 0, 1, 0]
    assert surest(rows, 0.5, "predicted").tolist() == [0, -1, 0, -1, 1, 0]


def test_losses_count_the_labels_that_they_learn() -> None:
    """Balanced softmax takes the prior of the images that it trains on; the model keeps the counts that were given."""
    rows = np.zeros((9, 3))
    rows[:, 2] = 1.0
    part = Part("pseudo_label", {"recipe": "logistic-pixels", "share": 1.0, "per_class": "predicted"})
    recipe = replace(datasets.recipe("linear", 'stages.0.losses=[{name="balanced_softmax"}]'), prepare=(part,))
    setup = prepare_run(recipe, half_labelled(), seed=0, device="cpu", fit=Teacher(rows, []))
    ((loss,),) = assemble(setup).losses
    assert isinstance(loss, ShiftedCrossEntropy)
    assert loss.shift.exp().round().tolist() == [1, 1, 10]
    assert setup.context.task.counts.tolist() == [1, 1, 1]


def test_images_without_a_label_get_the_teachers_and_the_others_keep_theirs() -> None:
    given, calls = half_labelled(), list[tuple[Recipe, Dataset, int]]()
    rows = np.full((9, 3), 0.1)
    rows[:, 2] = np.linspace(0.5, 0.9, 9)
    context = replace(datasets.context(seed=4), fit=Teacher(rows, calls))
    got = registry.build("prepare", PART, context)(given)
    ((taught, seen, seed),) = calls
    assert (taught.name, seed) == ("logistic-pixels", 4)
    assert seen is given
    bare = [i for i, s in enumerate(given.samples) if s.label is None]
    assert [got.samples[i].label for i in bare] == [None] * 7 + [2, 2]
    assert all(new is old for new, old in zip(got.samples, given.samples, strict=True) if old.label is not None)


def test_without_unlabelled_images_nothing_is_trained() -> None:
    data = datasets.squares(2)
    assert registry.build("prepare", PART, datasets.context())(data) is data


def test_a_teacher_that_asks_for_pseudo_labels_itself_is_trained_without() -> None:
    calls = list[tuple[Recipe, Dataset, int]]()
    context = replace(datasets.context(), fit=Teacher(np.full((9, 3), 1 / 3), calls))
    registry.build("prepare", Part("pseudo_label", {"recipe": "self-training"}), context)(half_labelled())
    assert calls[0][0].prepare == ()


@pytest.mark.parametrize("share", [0, -0.5, 1.1, True, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises((RecipeError, ValueError), match="share"):
        registry.build("prepare", Part("pseudo_label", {"share": share}), datasets.context())


def test_the_card_and_what_follows_training_know_only_the_labels_that_were_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Dataset] = []
    build: Callable[..., object] = registry.build

    def spy(folder: str, part: Part, *more: object, **options: object) -> object:
        if folder != "posthoc":
            return build(folder, part, *more, **options)

        def after(models: tuple[object, ...], data: Dataset) -> object:
            seen.append(data)
            return models[0]

        return after

    monkeypatch.setattr(registry, "build", spy)
    recipe = replace(datasets.recipe("linear"), prepare=(PART,), posthoc=(Part("temperature"),))
    model = train(recipe, half_labelled(), progress=False)
    (judged,) = seen
    assert [s.label for s in judged.samples] == [0, 1, 2]
    # Half of nine: two of each class, where so many are taken for it.
    assert model.card["train_images"] == 3
    assert 3 <= model.card["unlabelled_images"] <= 6
    assert model.card["images_per_class"] == dict.fromkeys(datasets.CLASSES, 1)
    assert model.counts.tolist() == [1, 1, 1]


def test_such_a_recipe_is_given_unlabelled_images_but_trains_on_none_that_stay_so() -> None:
    recipe = replace(datasets.recipe("linear"), prepare=(PART,))
    assert uses_unlabelled(recipe)
    assert not trains_unlabelled(recipe)
    assert not uses_unlabelled(datasets.recipe("linear"))
