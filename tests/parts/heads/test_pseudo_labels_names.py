import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import HandfulWarning, RecipeError
from handful.models.zero_shot import ClassNameScores
from handful.parts.heads.pseudo_labels_names import Names, PseudoLabelsFromNames
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.parts.heads.fitted_heads import C, K, assert_refused, blobs, build_fitted
from tests.support.datasets import recipe, squares
from tests.support.imagenet_names import fake_texts

CENTERS = 2 * torch.randn((K, C), generator=torch.Generator().manual_seed(9))  # of the blobs
OTHERS = (np.eye(C)[0] + 0.1 * np.random.default_rng(0).standard_normal((100, C))).astype(np.float32)


def build(named: torch.Tensor, **options: Any) -> PseudoLabelsFromNames:
    """The head, with features that are the vectors of images, as in an image-text model."""
    head = build_fitted("pseudo_labels_names", options)
    assert isinstance(head, PseudoLabelsFromNames)
    unit = torch.nn.functional.normalize(named, dim=1).numpy()
    others = OTHERS / np.linalg.norm(OTHERS, axis=1, keepdims=True)
    head.read = Names(ClassNameScores({"named": unit}), others, 14.0)
    return head


def one_label_each(per_class: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, y = blobs(per_class, spread=1.6)
    known = [int(torch.nonzero(y == c)[0]) for c in range(K)]
    few = torch.full_like(y, -1)
    few[known] = y[known]
    return x, y, few


def accuracy(head: Any) -> float:
    test, wanted = blobs(100, seed=1, spread=1.6)
    return float((head.output(test).logits.argmax(dim=1) == wanted).float().mean())


def test_names_that_fit_help_where_labels_are_few() -> None:
    x, _, few = one_label_each()
    head, without = build(CENTERS), build_fitted("pseudo_labels", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head.fit(x[:, None], few, seed=0)
    without.fit(x[:, None], few, seed=0)
    assert head.card["class_names"]["weight"] == pytest.approx(
        12 * K / (39 * K), abs=1e-4
    )  # of a label, for each unlabelled image
    assert accuracy(head) > accuracy(without) + 0.02


def test_with_more_labels_their_share_is_smaller_and_the_temperature_is_cross_fitted() -> None:
    x, y, _ = one_label_each()
    nine = torch.where(torch.arange(len(y)) < 9 * K, y, -1)
    head = build(CENTERS)
    head.fit(x[:, None], nine, seed=0)
    assert head.card["class_names"]["weight"] == pytest.approx(12 * K / (31 * K) / 3, abs=1e-4)
    assert float(head.temperature) != pytest.approx(head.start)
    assert accuracy(head) > 0.8


def test_the_regression_is_that_of_weighted_images() -> None:
    head, x, y = build(CENTERS), np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % K
    counts = np.random.default_rng(1).integers(1, 4, 30)
    weight, bias = head._regress(x.astype(np.float32), y, counts.astype(float))
    rows, labels = np.repeat(x, counts, axis=0), np.repeat(y, counts)  # an image of weight 3 is three images
    centered, targets = rows - rows.mean(axis=0), np.eye(K)[labels]
    penalty = 0.5 * len(rows) * float(rows.var(axis=0).mean()) * np.eye(4)
    solved = np.linalg.solve(centered.T @ centered + penalty, centered.T @ (targets - targets.mean(axis=0)))
    np.testing.assert_allclose(weight, 6 * solved.T, atol=1e-4)
    np.testing.assert_allclose(bias, 6 * (targets.mean(axis=0) - rows.mean(axis=0) @ solved), atol=1e-4)


@pytest.mark.parametrize("named", [CENTERS, CENTERS.roll(1, dims=0)])
@pytest.mark.filterwarnings("ignore:the class names say nothing")
def test_guesses_of_an_image_with_candidates_are_among_these(named: torch.Tensor) -> None:
    x, y, few = one_label_each()
    wrong = (y + torch.randint(1, K, y.shape, generator=torch.Generator().manual_seed(0))) % K
    among = (torch.eye(K)[y] + torch.eye(K)[wrong]) * (few < 0)[:, None]
    among[::2] = 0
    targets = torch.eye(K)[y] * (few >= 0)[:, None]
    head, without = build(named), build(named)
    head.fit_candidates(x[:, None], few, targets=targets, candidates=among, seed=0)
    some = among.any(dim=1)
    assert (head._buffer("values")[some][among[some] == 0] == 0).all()
    without.fit(x[:, None], few, seed=0)
    assert accuracy(head) > accuracy(without) - 0.01
    same = build(named)
    same.fit_candidates(x[:, None], few, targets=targets, candidates=torch.zeros_like(among), seed=0)
    np.testing.assert_allclose(same._buffer("values").numpy(), without._buffer("values").numpy(), atol=1e-3)


def test_names_that_say_nothing_change_no_number_and_are_said_so() -> None:
    x, _, few = one_label_each()
    head, without = build(CENTERS.roll(1, dims=0)), build_fitted("pseudo_labels", {})
    with pytest.warns(HandfulWarning, match="say nothing of these images"):
        head.fit(x[:, None], few, seed=0)
    without.fit(x[:, None], few, seed=0)
    assert head.card["class_names"]["weight"] == 0
    torch.testing.assert_close(head.output(x).logits, without.output(x).logits, rtol=0, atol=0)


@pytest.mark.parametrize("options", [{"rounds": 0}, {"rounds": 1.5}, {"prior": 0}, {"penalty": -1}, {"mix": -1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("pseudo_labels_names", options)


def partly_labelled(n: int) -> Dataset:
    """Squares, of which one of each class has its label."""
    data, seen = squares(n), set[int | None]()
    samples = []
    for sample in data.samples:
        samples.append(replace(sample, label=None) if sample.label in seen else sample)
        seen.add(sample.label)
    return replace(data, samples=tuple(samples))


def plan(**options: Any) -> Recipe:
    base = load_recipe("pseudo-labels-names", overrides=("image_size=[32,32]", "precision=fp32"))
    return replace(base, head=Part(base.head.name, {**base.head.options, **options}))


def test_a_saved_model_predicts_the_same_and_needs_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    monkeypatch.setattr("handful.models.name_weight.LEVEL", 1.0)  # these names fit nothing: take them all the same
    classifier = train(plan(neighbors=3), partly_labelled(6), progress=False)
    assert classifier.card["class_names"]["weight"] > 0
    monkeypatch.undo()
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    new = squares(2, seed=4)
    np.testing.assert_array_equal(loaded.probabilities(new), classifier.probabilities(new))


def test_without_names_that_fit_it_predicts_as_pseudo_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    monkeypatch.setattr("handful.models.name_weight.LEVEL", 0.0)
    without = load_recipe("pseudo-labels", overrides=("image_size=[32,32]", "precision=fp32"))
    data, new = partly_labelled(6), squares(2, seed=4)
    with pytest.warns(HandfulWarning, match="say nothing of these images"):
        classifier = train(plan(), data, progress=False)
    expected = train(without, data, progress=False)
    np.testing.assert_array_equal(classifier.probabilities(new), expected.probabilities(new))


def test_a_backbone_that_knows_no_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    other = replace(plan(), backbone=Part("pixels", {"size": 6}), image_size=recipe("linear").image_size)
    with pytest.raises(RecipeError, match="say nothing of class names"):
        train(other, partly_labelled(3), progress=False)
