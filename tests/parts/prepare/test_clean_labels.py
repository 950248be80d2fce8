"""Labels that look wrong: which are removed, by whom they are judged, and what a card says of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.prepare.clean_labels import suspects
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support import datasets

Prepare = Callable[[Dataset], Dataset]


@dataclass
class ColorJudge:
    """Predicts the color of the square, and remembers which images its models learned from and which they predict."""

    sure: float = 0.9
    trained: list[tuple[Recipe, tuple[str, ...]]] = field(default_factory=list)
    predicted: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, recipe: Recipe, data: Dataset, seed: int) -> "ColorJudge":
        self.trained.append((recipe, data.ids))
        return self

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        assert all(s.label is None for s in data.samples)
        self.predicted.append(data.ids)
        colors = np.array([2 - np.asarray(s.image).max(axis=(1, 2)).argmax() for s in data.samples])
        return np.where(np.eye(3)[colors] > 0, self.sure, (1 - self.sure) / 2)


def with_wrong(per_class: int = 6) -> tuple[Dataset, set[str]]:
    """Squares of which the first of each class bears the next class's label."""
    data = datasets.squares(per_class)
    wrong = {data.samples[c * per_class].id for c in range(3)}
    relabelled = (replace(s, label=((s.label or 0) + 1) % 3) if s.id in wrong else s for s in data.samples)
    return replace(data, samples=tuple(relabelled)), wrong


def part(judge: ColorJudge, **options: object) -> Prepare:
    context = replace(datasets.context(seed=4), fit=judge)
    built: Prepare = registry.build("prepare", Part("clean_labels", options), context)
    return built


def test_wrong_labels_are_removed_and_the_images_stay() -> None:
    given, wrong = with_wrong()
    got = part(ColorJudge())(given)
    assert got.ids == given.ids
    assert {s.id for s in got.samples if s.label is None} == wrong
    assert all(new is old for new, old in zip(got.samples, given.samples, strict=True) if new.id not in wrong)
    assert all(s.mask is None for s in got.samples if s.id in wrong)  # a mask says which class its pixels show


def test_every_label_is_judged_by_models_that_did_not_see_the_image() -> None:
    judge, (given, _) = ColorJudge(), with_wrong()
    unlabelled = datasets.squares(1, seed=1).without_labels().samples
    part(judge, folds=3)(replace(given, samples=(*given.samples, *unlabelled)))
    assert len(judge.trained) == 3
    assert sorted(i for ids in judge.predicted for i in ids) == sorted(given.ids)
    for (recipe, seen), scored in zip(judge.trained, judge.predicted, strict=True):
        assert not set(seen) & set(scored)
        assert (recipe.prepare, recipe.posthoc) == ((), ())
    assert {recipe.name for recipe, _ in judge.trained} == {f"tiny, fold {i} of 3" for i in (1, 2, 3)}


def test_images_of_a_group_are_on_one_side() -> None:
    judge, (given, _) = ColorJudge(), with_wrong(8)
    grouped = tuple(replace(s, group=f"{s.label}-{i // 2}") for i, s in enumerate(given.samples))
    group = {s.id: s.group for s in grouped}
    part(judge, folds=2)(replace(given, samples=grouped))
    for (_, seen), scored in zip(judge.trained, judge.predicted, strict=True):
        assert not {group[i] for i in seen} & {group[i] for i in scored}


def test_a_named_recipe_judges_in_its_place() -> None:
    judge, (given, _) = ColorJudge(), with_wrong()
    part(judge, recipe="logistic-pixels", folds=2)(given)
    assert [recipe.name for recipe, _ in judge.trained] == [f"logistic-pixels, fold {i} of 2" for i in (1, 2)]


def test_with_one_image_of_a_class_nothing_is_judged() -> None:
    judge, given = ColorJudge(), datasets.squares(1)
    assert part(judge)(given) is given
    assert judge.trained == []


def test_without_many_sure_contradictions_among_the_errors_all_labels_stay() -> None:
    labels = np.repeat(np.arange(3), 40)
    others = (labels + 1) % 3
    sure = np.eye(3)[labels] * 0.85 + 0.05
    hard = np.arange(120) % 4 == 1
    probabilities = np.where(hard[:, None], np.eye(3)[labels] * 0.35 + np.eye(3)[others] * 0.45 + 0.2 / 3, sure)
    contradicted = np.arange(120) % 20 == 0
    probabilities[contradicted] = np.eye(3)[others[contradicted]] * 0.85 + 0.05
    assert not suspects(labels, probabilities, least=0.5).any()  # 6 of 36 errors
    assert suspects(labels, probabilities, least=0.0).any()
    wrong = np.where(np.arange(120) % 5 == 0, others, labels)
    assert (suspects(wrong, sure, least=0.5) == (wrong != labels)).all()


def test_half_of_a_class_s_labels_stay() -> None:
    labels = np.repeat(np.arange(2), 10)
    probabilities = np.full((20, 2), (0.05, 0.95))
    probabilities[:3] = (0.95, 0.05)
    found = suspects(labels, probabilities, least=0.0)
    assert found[:10].sum() <= 5
    assert not found[10:].any()


@pytest.mark.parametrize(("option", "value"), [("folds", 1), ("folds", True), ("least", 1.0), ("least", -0.1)])
def test_an_option_out_of_range_is_refused(option: str, value: object) -> None:
    with pytest.raises((RecipeError, ValueError), match=option):
        part(ColorJudge(), **{option: value})


def test_the_card_counts_the_labels_that_were_removed() -> None:
    given, wrong = with_wrong(10)
    recipe = load_recipe("logistic-pixels", overrides=('prepare=[{name="clean_labels"}]', "image_size=[12,12]"))
    card = train(recipe, given, progress=False).card
    assert card["labels_removed"] == len(wrong)
    assert (card["train_images"], card["unlabelled_images"]) == (30 - len(wrong), 0)
    without = train(replace(recipe, prepare=()), given, progress=False).card
    assert "labels_removed" not in without
