"""What every posthoc part keeps to. A new file is tested from its first run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.estimator import HandfulClassifier
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.prepare.propagate_masks import propagate
from handful.reports.gallery import show_examples
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES, context, recipe, squares

ELSEWHERE = {"zero_shot_prior"}  # needs a backbone that knows ImageNet's classes: see test_zero_shot_prior
ELSEWHERE |= set(registry.names_with("posthoc", "needs_multilabel"))  # refuse the squares: see test_multilabel
NAMES = [name for name in registry.names("posthoc") if name not in ELSEWHERE]
VARIANTS: list[tuple[str, Mapping[str, Any]]] = [(name, {}) for name in NAMES] + [
    ("tta", {"views": "flip"}),
    ("tta", {"views": "five_crop", "crop": 0.7}),
    ("ensemble", {"members": 2, "weights": (3, 1)}),
    ("class_means", {"metric": "cosine", "temperature": 0.1}),
    ("conformal", {"by_class": True, "coverage": 0.7}),
    ("out_of_distribution", {"score": "energy"}),
    ("out_of_distribution", {"score": "nearest_neighbour"}),
]
FEW = {"out_of_distribution": {"false_rejection": 0.1}}  # options that ten training images support
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))
SEEN: list[int] = []


def fake_fit(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
    SEEN.append(seed)
    return untrained("segmentation", seed=seed)


def kind(name: str) -> str:
    return "linear" if registry.has_trait("posthoc", Part(name), "needs_linear") else "segmentation"


def trained_kind(name: str) -> str:
    return "segmentation" if registry.has_trait("posthoc", Part(name), "needs_pixels") else "linear"


def given(kind: str = "segmentation") -> Context:
    return replace(context(kind), fit=fake_fit, task=Task(CLASSES, np.array([4, 4, 4])))


def applied(name: str, options: Mapping[str, Any], before: Classifier) -> Classifier:
    part = Part(name, {**FEW.get(name, {}), **options})
    after = registry.build("posthoc", part, given(kind(name)))((before,), squares())
    assert isinstance(after, Classifier)
    return after


@every
def test_probabilities_and_maps_are_some(name: str, options: Mapping[str, Any]) -> None:
    data = squares(2, seed=3)
    after = applied(name, options, untrained(kind(name)))
    probabilities = after.probabilities(data)
    assert probabilities.shape == (6, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert after.probabilities(Dataset((), CLASSES)).shape == (0, 3)
    if kind(name) == "linear":
        return
    maps = np.stack(list(after.maps(data)))
    assert maps.shape == (6, 4, *after.size)
    np.testing.assert_allclose(maps.sum(axis=1), 1, atol=1e-5)
    assert after.own_size(maps[0].argmax(axis=0) > 0, (12, 12)).shape == (12, 12)


@every
def test_what_was_there_before_is_not_changed(name: str, options: Mapping[str, Any]) -> None:
    before, data = untrained(kind(name)), squares(2, seed=3)
    first = before.probabilities(data)
    after = applied(name, options, before)
    again = after.probabilities(data)
    np.testing.assert_array_equal(after.probabilities(data), again)  # predicting changes nothing
    np.testing.assert_array_equal(before.probabilities(data), first)
    assert before.size == (12, 12)


@every
def test_saved_and_loaded_it_predicts_the_same(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    data = squares(2, seed=3)
    after = applied(name, options, untrained(kind(name)))
    loaded = load_classifier(save_classifier(after, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(data), after.probabilities(data))
    if kind(name) != "linear":
        np.testing.assert_array_equal(next(loaded.maps(data)), next(after.maps(data)))
    assert loaded.size == after.size
    assert loaded.recipe == after.recipe


@every
def test_pictures_and_propagated_masks_come_at_the_images_own_size(name: str, options: Mapping[str, Any]) -> None:
    if kind(name) == "linear":
        pytest.skip("this part declares that it needs a head that does not segment")
    data = squares(2, seed=3, size=17)
    after = applied(name, options, untrained(kind(name)))
    assert all(shown.overlay.startswith("data:image/png") for shown in show_examples(data, after))
    masked, report = propagate(data, after, keep=())
    assert len(report.propagated) + len(report.dropped) == 6
    assert all(s.mask is None or s.mask.shape == (17, 17) for s in masked.samples)


@pytest.mark.parametrize("name", NAMES)
def test_through_scikit_learn(name: str) -> None:
    data = squares(3)
    images = np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in data.samples])
    if trained_kind(name) == "segmentation":
        pytest.skip("this part declares that it needs a head that segments, which learns from masks")
    plan = replace(recipe("linear", "steps=2"), posthoc=(Part(name, FEW.get(name, {})),))
    estimator = HandfulClassifier(plan, random_state=0, device="cpu").fit(images, data.labels)
    np.testing.assert_allclose(estimator.predict_proba(images).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_as_part_of_a_recipe(name: str, tmp_path: Path) -> None:
    part = Part(name, FEW.get(name, {}))
    plan = replace(recipe(trained_kind(name)), posthoc=(part,))
    uneven = squares().select(range(2, 12))  # parts for long tails change nothing where classes are alike
    classifier = train(plan, uneven, progress=False)
    plain = train(replace(plan, posthoc=()), uneven, progress=False)
    data = squares(2, seed=3)
    same = np.array_equal(classifier.probabilities(data), plain.probabilities(data))
    assert same == registry.has_trait("posthoc", part, "keeps_probabilities")
    assert classifier.recipe == plan
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))


@pytest.mark.parametrize(("name", "option"), [(n, o) for n in registry.names("posthoc") for o in ("nonsense",)])
def test_unknown_options(name: str, option: str) -> None:
    with pytest.raises(RecipeError, match="unknown option 'nonsense'"):
        registry.build("posthoc", Part(name, {option: 1}), given())
