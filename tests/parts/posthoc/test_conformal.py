from dataclasses import replace

import numpy as np
import pytest
import torch
from crepes import ConformalClassifier

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.errors import ModelError, RecipeError, TrainingError, command_line
from handful.models.classifier import Classifier
from handful.models.network import Network
from handful.parts import registry
from handful.parts.posthoc._cross_conformal import CrossConformal, images_needed, most_coverage
from handful.parts.posthoc._folds import fold_networks
from handful.parts.posthoc.conformal import expected_size, wrap
from handful.parts.posthoc.tta import over_views
from handful.recipes.checks import check
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.parts.posthoc.mean_color_classifier import color_dataset, fit_mean_colors
from tests.support.datasets import CLASSES, context, recipe, squares


def given(data: Dataset) -> Context:
    return replace(context("linear"), task=Task(CLASSES, data.counts), fit=fit_mean_colors, data=data)


def with_sets(data: Dataset, **options: object) -> Classifier:
    part = Part("conformal", options)
    after = registry.build("posthoc", part, given(data))((fit_mean_colors(recipe(), data, 0),), data)
    assert isinstance(after, Classifier)
    return after


def test_a_p_value_counts_the_training_images_that_fit_as_badly() -> None:
    data, new = color_dataset(6, 0), color_dataset(3, 1)
    for by_class in (False, True):
        after = with_sets(data, by_class=by_class, coverage=0.8, folds=3)
        network = after.network
        assert isinstance(network, CrossConformal)
        parts = fold_networks(given(data), data, folds=3)
        found = after.p_values(new)
        for i, y in np.ndindex(found.shape):
            worse, compared = 0, 0
            for part in parts:
                score = -np.log(part.classifier.probabilities(new.select([i])))[0, y]
                for sample, row in zip(
                    part.held_out.samples, part.classifier.probabilities(part.held_out), strict=True
                ):
                    assert sample.label is not None
                    if not by_class or sample.label == y:
                        compared += 1
                        worse += -np.log(row[sample.label]) >= score
            assert found[i, y] == pytest.approx((worse + 1) / (compared + 1))


@pytest.mark.parametrize("by_class", [False, True])
def test_one_fold_is_the_split_conformal_of_crepes(by_class: bool) -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 40), rng.random(40).astype(np.float32)
    new = color_dataset(10, 5)
    base = fit_mean_colors(recipe(), color_dataset(8, 2), 0)
    network = wrap(base.network, folds=1, images=40, classes=3, by_class=by_class)
    network.labels.copy_(torch.from_numpy(labels))
    network.scores.copy_(torch.from_numpy(scores))
    network.folds[0].load_state_dict(base.network.state_dict())
    ours = replace(base, network=network).p_values(new)
    tested = -np.log(base.probabilities(new))
    for y in range(3):
        among = labels == y if by_class else np.ones(40, dtype=bool)
        crepes = ConformalClassifier().fit(scores[among])
        np.testing.assert_allclose(ours[:, y], crepes.predict_p(tested, smoothing=False)[:, y], rtol=1e-6)


@pytest.mark.parametrize("by_class", [False, True])
def test_coverage_over_many_draws_of_exchangeable_images(by_class: bool) -> None:
    share, size = [], []
    for draw in range(16):
        after = with_sets(color_dataset(10, draw, noise=0.25), by_class=by_class)
        new = color_dataset(20, 1000 + draw, noise=0.25)
        sets = after.sets(new)
        share.append(sets[np.arange(len(new)), new.labels].mean())
        size.append(sets.mean())
    assert 0.88 <= np.mean(share) <= 0.95
    assert np.mean(size) < 0.75  # and not by giving all classes


def test_a_higher_coverage_takes_larger_sets() -> None:
    after, new = with_sets(color_dataset(10, 0, noise=0.25)), color_dataset(20, 1, noise=0.25)
    small, usual, large = (after.sets(new, coverage=c) for c in (0.6, None, 0.95))
    assert (small <= usual).all()
    assert (usual <= large).all()
    assert small.sum() < usual.sum() < large.sum()


def test_by_class_where_each_class_has_enough() -> None:
    assert with_sets(color_dataset(18, 0)).card["calibration"]["coverage_by_class"] is True
    assert with_sets(color_dataset(17, 0)).card["calibration"]["coverage_by_class"] is False


@pytest.mark.parametrize("by_class", [False, True])
def test_the_expected_size_is_that_of_a_loop(by_class: bool) -> None:
    parts = fold_networks(given(data := color_dataset(7, 3, noise=0.3)), data, folds=3)
    labels = np.concatenate([p.held_out.labels for p in parts])
    logits = np.concatenate([p.logits for p in parts]).astype(np.float64)
    scores = np.log(np.exp(logits).sum(axis=1, keepdims=True)) - logits
    size = 0
    for i, y in np.ndindex(scores.shape):
        others = [j for j in range(len(labels)) if j != i and (not by_class or labels[j] == y)]
        worse = sum(scores[j, labels[j]] >= scores[i, y] - 1e-6 for j in others)
        size += (worse + 1) / (len(others) + 1) > 0.2 + 1e-9
    assert expected_size(parts, 0.8, by_class=by_class) == pytest.approx(size / len(labels))


def test_frequencies_make_up_for_classes_that_were_drawn_evenly() -> None:
    share: dict[bool, list[float]] = {True: [], False: []}
    often = np.array([0.8, 0.1, 0.1])
    for draw in range(16):
        data = color_dataset(12, draw, noise=0.3)
        new = color_dataset(60, 1000 + draw, noise=0.3)
        keep = [i for i, s in enumerate(new.samples) if s.label == 0 or i % 8 == 0]
        new = new.select(keep)
        for known in share:
            after = with_sets(data, coverage=0.8, **({"frequencies": tuple(often)} if known else {}))
            sets = after.sets(new)
            share[known].append(float(sets[np.arange(len(new)), new.labels].mean()))
    assert 0.76 <= np.mean(share[True]) <= 0.88


def test_weights_by_hand() -> None:
    data, new = color_dataset(6, 0), color_dataset(2, 1)
    after = with_sets(data, coverage=0.7, folds=3, frequencies=(2, 1, 1))
    parts = fold_networks(given(data), data, folds=3)
    weights, found = {0: 1.5, 1: 0.75, 2: 0.75}, after.p_values(new)
    for i, y in np.ndindex(found.shape):
        worse = 0.0
        for part in parts:
            score = -np.log(part.classifier.probabilities(new.select([i])))[0, y]
            for sample, row in zip(part.held_out.samples, part.classifier.probabilities(part.held_out), strict=True):
                assert sample.label is not None
                worse += weights[sample.label] * (-np.log(row[sample.label]) >= score)
        assert found[i, y] == pytest.approx((worse + weights[y]) / (18 + weights[y]))
    with pytest.raises(TrainingError, match="needs 14 training images in all, and there are 12"):
        with_sets(color_dataset(4, 0), frequencies=(2, 1, 1))
    for wrong in ((1, 1), (1, 0, 1)):
        with pytest.raises(RecipeError, match="do not fit 3 classes"):
            with_sets(data, coverage=0.7, frequencies=wrong)


def test_numbers_of_images() -> None:
    assert [images_needed(c) for c in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    assert [most_coverage(n) for n in (1, 9, 12, 19)] == [0.5, 0.9, 0.923, 0.95]
    for n in range(1, 200):
        assert images_needed(most_coverage(n)) <= n


def test_too_few_images_are_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(TrainingError, match="needs 99 training images in all, and there are 12") as error:
        with_sets(color_dataset(4, 0), coverage=0.99)
    assert "label 87 more" in str(error.value)
    assert "coverage of 0.923 or less" in str(error.value)
    with pytest.raises(TrainingError, match="needs 9 training images of each class, and there are 4"):
        with_sets(color_dataset(4, 0), by_class=True)
    with pytest.raises(TrainingError, match="class 'blue' has one training image"):
        with_sets(color_dataset(4, 0).select([0, *range(4, 12)]))
    after = with_sets(color_dataset(4, 0))
    with pytest.raises(ModelError, match="need 19 training images, and there were 12"):
        after.sets(color_dataset(2, 1), coverage=0.95)
    with pytest.raises(ModelError, match=r"coverage is 1\.0"):
        after.sets(color_dataset(2, 1), coverage=1.0)


def test_a_model_without_sets_says_so() -> None:
    with pytest.raises(ModelError, match="no posthoc part 'conformal'"):
        fit_mean_colors(recipe(), color_dataset(2, 0), 0).sets(color_dataset(2, 1))
    with command_line(), pytest.raises(ModelError, match="train it by `handful fit` with --coverage SHARE"):
        fit_mean_colors(recipe(), color_dataset(2, 0), 0).sets(color_dataset(2, 1))


def test_nothing_may_change_the_network_behind_it() -> None:
    with pytest.raises(RecipeError, match="posthoc/tta would change what posthoc/conformal is fitted to"):
        check(replace(recipe(), posthoc=(Part("conformal"), Part("tta"))))
    with pytest.raises(RecipeError, match="fitted to one network"):
        check(replace(recipe(), posthoc=(Part("ensemble"), Part("conformal"))))
    with pytest.raises(RecipeError, match="twice"):
        check(replace(recipe(), posthoc=(Part("conformal"), Part("conformal"))))
    with pytest.raises(ModelError, match="without views"):
        over_views(with_sets(color_dataset(4, 0)))


def test_a_frozen_backbone_is_kept_once(tmp_path: object) -> None:
    plan = recipe("linear", "steps=2", "posthoc=[{name='temperature',folds=2},{name='conformal',folds=2}]")
    stage = replace(plan.stages[0], trainable=("head",))
    data, new = squares(4), squares(2, seed=3)
    shared = train(replace(plan, stages=(stage,)), data, progress=False)
    whole = train(plan, data, progress=False)
    assert isinstance(shared.network, CrossConformal)
    assert isinstance(whole.network, CrossConformal)
    assert not any("backbone" in name for name in shared.network.folds.state_dict())
    assert any("backbone" in name for name in whole.network.folds.state_dict())
    for classifier in (shared, whole):
        loaded = load_classifier(save_classifier(classifier, f"{tmp_path}/{classifier is whole}"))
        np.testing.assert_array_equal(loaded.p_values(new), classifier.p_values(new))
        np.testing.assert_array_equal(loaded.sets(new), classifier.sets(new))
    base = shared.wrapped_by("temperature").network
    assert isinstance(base, Network)


def test_several_parts_share_the_folds_networks() -> None:
    seen: list[int] = []

    def counted(recipe_: object, data: Dataset, seed: int) -> Classifier:
        seen.append(len(data))
        return fit_mean_colors(recipe(), data, seed)

    data = color_dataset(10, 0)
    shared = replace(given(data), fit=counted)
    classifier = fit_mean_colors(recipe(), data, 0)
    for name in ("out_of_distribution", "temperature", "conformal"):
        classifier = registry.build("posthoc", Part(name), shared)((classifier,), data)
    assert len(seen) == 5
    assert classifier.sets(data).shape == (30, 3)
    assert classifier.rejected(data).mean() <= 0.1
