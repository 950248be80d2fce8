from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf

from handful.core.context import Task
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from handful.errors import ModelError, RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.posthoc.out_of_distribution import Score, fit_detector
from handful.saving.classifier import load_classifier, save_classifier
from tests.parts.posthoc.mean_color_classifier import color_dataset, fit_mean_colors
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES, context, recipe, squares

SCORES: tuple[Score, ...] = ("mahalanobis", "nearest_neighbour", "energy")


def applied(data: Dataset, **options: object) -> Classifier:
    given = replace(context("linear"), task=Task(CLASSES, data.counts), fit=fit_mean_colors, data=data)
    after = registry.build("posthoc", Part("out_of_distribution", options), given)(
        (fit_mean_colors(recipe(), data, 0),), data
    )
    assert isinstance(after, Classifier)
    return after


def strange() -> Dataset:
    """Black, white and grey images, and noise: no class of `colours` has these."""
    rng = np.random.default_rng(0)
    plain = [np.full((3, 2, 2), value, dtype=np.uint8) for value in (0, 255)]
    noise = [rng.integers(200, 256, (3, 2, 2), dtype=np.uint8) for _ in range(6)]
    return Dataset(tuple(Sample(str(i), image) for i, image in enumerate(plain + noise)), CLASSES)


@pytest.mark.parametrize(("n", "c"), [(40, 5), (12, 30)])
def test_mahalanobis_is_that_of_the_whole_shrunk_matrix(n: int, c: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    features = (rng.normal(0, 1, (n, c)) @ rng.normal(0, 1, (c, c)) + 3 * labels[:, None]).astype(np.float32)
    new = (rng.normal(0, 3, (7, c))).astype(np.float32)
    of_length_1 = features / np.linalg.norm(features, axis=1, keepdims=True)
    means = np.stack([of_length_1[labels == k].mean(axis=0) for k in range(3)])
    precision = np.linalg.inv(ledoit_wolf((of_length_1 - means[labels]).astype(np.float64), assume_centered=True)[0])
    wanted = [min((x - m) @ precision @ (x - m) for m in means) for x in new / np.linalg.norm(new, axis=1)[:, None]]
    found = fit_detector("mahalanobis", features, labels, 3)(torch.from_numpy(new), torch.zeros(7, 3))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-3)


def test_nearest_neighbour_and_energy_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    features, new = (rng.normal(0, 1, (m, 6)).astype(np.float32) for m in (9, 4))
    logits = rng.normal(0, 3, (4, 3)).astype(np.float32)
    found = fit_detector("nearest_neighbour", features, np.arange(9) % 3, 3)
    own = [min(np.linalg.norm(x / np.linalg.norm(x) - f / np.linalg.norm(f)) for f in features) for x in new]
    np.testing.assert_allclose(found(torch.from_numpy(new), torch.from_numpy(logits)).numpy(), own, rtol=1e-4)
    energy = fit_detector("energy", features, np.arange(9) % 3, 3)
    wanted = [-np.log(sum(np.exp(v) for v in row)) for row in logits]
    np.testing.assert_allclose(energy(torch.from_numpy(new), torch.from_numpy(logits)).numpy(), wanted, rtol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_strange_images_are_rejected_and_about_the_share_asked_for_of_the_others(score: Score) -> None:
    shares, found = [], []
    for draw in range(12):
        after = applied(color_dataset(10, draw, noise=0.05), score=score, false_rejection=0.1)
        shares.append(after.rejected(color_dataset(20, 100 + draw, noise=0.05)).mean())
        found.append(after.rejected(strange()).mean())
    assert 0.04 <= np.mean(shares) <= 0.17
    assert np.mean(found) > 0.9


def test_typicality_is_a_share_of_the_held_out_images() -> None:
    after = applied(color_dataset(10, 0, noise=0.03))
    typicality = after.typicality(color_dataset(10, 1, noise=0.03))
    np.testing.assert_allclose(typicality * 31, np.round(typicality * 31), atol=1e-4)
    assert typicality.min() > 0
    assert after.typicality(strange()).max() == pytest.approx(1 / 31)
    assert after.typicality(Dataset((), CLASSES)).shape == (0,)


@pytest.mark.parametrize("score", SCORES)
def test_saved_and_loaded(score: Score, tmp_path: object) -> None:
    small = untrained("linear")
    given = replace(context("linear"), task=Task(CLASSES, np.array([4, 4, 4])), fit=lambda *_: small)
    part = Part("out_of_distribution", {"score": score, "false_rejection": 0.2})
    after = registry.build("posthoc", part, given)((small,), squares())
    loaded = load_classifier(save_classifier(after, f"{tmp_path}/model"))
    new = squares(3, seed=5)
    np.testing.assert_array_equal(loaded.typicality(new), after.typicality(new))
    assert loaded.false_rejection == 0.2


def test_too_few_images_are_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(TrainingError, match=r"share of 0.05 needs 19 training images, .*there are 12") as e:
        applied(color_dataset(4, 0))
    assert "false_rejection = 0.077 or more" in str(e.value)
    with pytest.raises(TrainingError, match="cannot be left out"):
        applied(color_dataset(10, 0).select([0, *range(10, 30)]))


def test_off_unless_asked_for() -> None:
    plain = fit_mean_colors(recipe(), color_dataset(4, 0), 0)
    assert plain.false_rejection == 0.0
    with pytest.raises(ModelError, match="no posthoc part 'out_of_distribution'"):
        plain.rejected(strange())


def test_the_energy_is_read_from_the_networks_own_logits() -> None:
    parts = (Part("temperature"), Part("out_of_distribution", {"score": "energy"}))
    plan = replace(recipe("linear"), posthoc=parts)
    given = replace(context("linear"), recipe=plan, task=Task(CLASSES, np.array([10, 10, 10])))
    with pytest.raises(RecipeError, match="own logits"):
        registry.build("posthoc", parts[1], given)
