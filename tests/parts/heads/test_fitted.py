"""Fitted heads against scikit-learn, and against what their papers write down."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.heads._cross_fit import best_temperature, held_out
from handful.parts.heads._fitted import FittedHead
from handful.parts.heads.pseudo_labels import pseudo_labels
from tests.support.datasets import CLASSES, context

K, C = len(CLASSES), 5
PLAIN: Mapping[str, Any] = {"center": False, "l2": False}


def blobs(per_class: int = 8, seed: int = 0, spread: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn((K, C), generator=torch.Generator().manual_seed(9))
    labels = torch.arange(K).repeat(per_class)
    return centres[labels] + spread * torch.randn((len(labels), C), generator=generator), labels


def fitted(name: str, options: Mapping[str, Any], *, per_class: int = 8, spread: float = 1.0) -> FittedHead:
    backbone = Backbone(torch.nn.Identity(), C, 1)
    head = registry.build("heads", Part(name, options), context(), backbone=backbone)
    assert isinstance(head, FittedHead)
    x, y = blobs(per_class, spread=spread)
    head.fit(x[:, None], y, seed=0)
    return head


def scores(head: FittedHead, x: torch.Tensor) -> np.ndarray:
    return (head.output(x).logits * head.temperature).numpy()


@pytest.mark.parametrize(
    ("name", "options", "oracle"),
    [
        ("nearest_centroid", {}, NearestCentroid()),
        ("logistic", {"C": 0.5}, LogisticRegression(C=0.5, tol=1e-6)),
        ("ridge", {"penalty": 3.0}, RidgeClassifier(alpha=3.0)),
        ("knn", {"neighbors": 1}, KNeighborsClassifier(1, metric="cosine")),
        ("lda", {"shrinkage": 0.0}, LinearDiscriminantAnalysis(solver="lsqr")),
    ],
)
def test_predictions_are_those_of_scikit_learn(name: str, options: dict[str, Any], oracle: Any) -> None:
    head = fitted(name, {**PLAIN, **options}, spread=2.0)
    x, y = blobs(spread=2.0)
    test, _ = blobs(60, seed=1, spread=2.0)
    oracle.fit(x.numpy(), y.numpy())
    np.testing.assert_array_equal(scores(head, test).argmax(axis=1), oracle.predict(test.numpy()))
    if name in ("logistic", "ridge"):
        np.testing.assert_allclose(scores(head, test), oracle.decision_function(test.numpy()), atol=0.02)
    if name == "lda":
        expected = oracle.predict_log_proba(test.numpy())
        found = torch.from_numpy(scores(head, test)).log_softmax(dim=1).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("few", [True, False])
def test_logistic_regression_in_the_span_of_few_images_is_the_same(few: bool) -> None:
    x = torch.randn((6, 40), generator=torch.Generator().manual_seed(0)).repeat(1 if few else 10, 1)
    y = torch.arange(len(x)) % K
    head = registry.build(
        "heads", Part("logistic", {**PLAIN, "C": 1.0}), context(), backbone=Backbone(torch.nn.Identity(), 40, 1)
    )
    head.fit(x[:, None], y, seed=0)
    oracle = LogisticRegression(C=1.0, tol=1e-6).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(head.weight.numpy(), oracle.coef_, atol=3e-3)


def test_tip_adapter_is_the_papers_equation() -> None:
    head = fitted("tip_adapter", {**PLAIN, "alpha": 2.0, "beta": 3.0, "scale": 7.0}, per_class=2)
    (x, y), (test, _) = blobs(2), blobs(1, seed=1)
    unit = torch.nn.functional.normalize
    for i, f in enumerate(unit(test)):
        expected = [7 * float(f @ unit(x[y == k].mean(dim=0), dim=0)) for k in range(K)]
        for key, label in zip(unit(x), y, strict=True):
            expected[int(label)] += 2 * float(torch.exp(-3 * (1 - f @ key)))
        np.testing.assert_allclose(scores(head, test)[i], expected, rtol=1e-4)


def test_nearest_neighbours_vote_by_their_cosine() -> None:
    head = fitted("knn", {**PLAIN, "neighbors": 3, "sharpness": 0.2}, per_class=3)
    (x, y), (test, _) = blobs(3), blobs(1, seed=1)
    cosines = torch.nn.functional.normalize(test[:1]) @ torch.nn.functional.normalize(x).T
    votes = np.zeros(K)
    for i in cosines[0].argsort(descending=True)[:3]:
        votes[int(y[i])] += np.exp(float(cosines[0, i]) / 0.2)
    np.testing.assert_allclose(scores(head, test)[0], np.log(votes / votes.sum() + 1e-3 / K), rtol=1e-3)


def test_labels_spread_along_a_chain_that_its_ends_name() -> None:
    angles = torch.linspace(0, 1.2, 30)
    near = torch.stack([angles.cos(), angles.sin(), torch.zeros(30)], dim=1)
    far = torch.stack([torch.zeros(30), angles.sin() + 0.3, angles.cos()], dim=1)  # another chain, elsewhere
    third = torch.tensor([[-1.0, 0, 0], [-1, 0.1, 0]])
    x, y = torch.cat([near, far, third]), torch.full((62,), -1)
    y[0], y[59], y[60] = 0, 1, 2
    options = {**PLAIN, "neighbors": 3, "spread": 0.9, "power": 1.0}
    backbone = Backbone(torch.nn.Identity(), 3, 1)
    head = registry.build("heads", Part("label_propagation", options), context(), backbone=backbone)
    head.fit(x[:, None], y, seed=0)
    assert (head.output(near[:28]).logits.argmax(dim=1) == 0).all()
    assert (head.output(far[2:]).logits.argmax(dim=1) == 1).all()


def test_pseudo_labels_are_the_papers_and_count_as_many_as_there_are_labels() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]])
    guesses, counts = pseudo_labels(shares, np.array([2, -1, -1, -1, -1]))
    assert guesses.tolist() == [2, 0, 1, 2, 0]
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    expected = np.array([1 / 2, (1 - entropy / np.log(3)) / 2, 1, 1 / 2, 0])  # classes 0, 1, 2 have 2, 1, 2 images
    np.testing.assert_allclose(counts, expected / expected.sum(), atol=1e-9)


def test_regression_on_pseudo_labels_finds_clusters_that_one_label_each_cannot() -> None:
    x, y = blobs(40, spread=0.7)
    few = torch.full_like(y, -1)
    few[[0, 1, 2]] = y[[0, 1, 2]]
    backbone = Backbone(torch.nn.Identity(), C, 1)
    test, wanted = blobs(60, seed=1, spread=0.7)
    right = {}
    for name in ("pseudo_labels", "label_propagation", "logistic"):
        head = registry.build("heads", Part(name, {}), context(), backbone=backbone)
        assert isinstance(head, FittedHead)
        known = few >= 0 if name == "logistic" else slice(None)
        head.fit(x[known][:, None], few[known], seed=0)
        right[name] = float((head.output(test).logits.argmax(dim=1) == wanted).float().mean())
    assert right["pseudo_labels"] > right["logistic"] + 0.05
    assert right["pseudo_labels"] >= right["label_propagation"] - 0.02


def test_a_power_raises_features_before_anything_else() -> None:
    x, y = blobs()
    options = {"C": 1.0}
    plain = fitted("logistic", options)
    raised = fitted("logistic", {**options, "tukey": 0.5})
    roots = registry.build("heads", Part("logistic", options), context(), backbone=Backbone(torch.nn.Identity(), C, 1))
    roots.fit((x.sign() * x.abs().sqrt())[:, None], y, seed=0)
    of_raised, of_roots, of_plain = (head.state_dict()["weight"].numpy() for head in (raised, roots, plain))
    np.testing.assert_allclose(of_raised, of_roots, atol=1e-6)
    assert not np.allclose(of_raised, of_plain, atol=1e-2)
    torch.testing.assert_close(raised.output(x).features, x)  # what others read stays as it is


def test_one_image_of_each_class_takes_the_defaults_and_more_are_cross_fitted() -> None:
    alone = fitted("logistic", {}, per_class=1)
    assert float(alone.strength) == 1.0
    assert float(alone.temperature) == pytest.approx(alone.start)
    assert float(fitted("logistic", {}, per_class=4).temperature) != pytest.approx(alone.start)


def test_the_strength_that_held_out_images_want_is_chosen() -> None:
    """With pure noise as features, the strongest penalty predicts held-out images best."""
    head = registry.build("heads", Part("ridge", PLAIN), context(), backbone=Backbone(torch.nn.Identity(), C, 1))
    x = torch.randn((60, 1, C), generator=torch.Generator().manual_seed(3))
    head.fit(x, torch.arange(60) % K, seed=0)
    losses = {}
    for strength in head.strengths:
        held = held_out(head._fit_and_score(strength), x.numpy(), np.arange(60) % K, classes=K, seed=0)
        losses[strength] = best_temperature(held, np.arange(60) % K, start=head.start)[1]
    assert float(head.strength) == pytest.approx(min(losses, key=lambda s: losses[s]))


def test_no_image_is_scored_by_a_fit_that_saw_it_in_any_view() -> None:
    x = np.arange(12, dtype=np.float32).reshape(12, 1, 1) + np.array([0, 0.25, 0.5], np.float32)[None, :, None]
    y = np.array([0, 1, -1] * 4)
    seen: list[int] = []

    def spy(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        assert not set(np.floor(train[:, 0])) & set(test[:, 0])
        assert {2, 5, 8, 11} <= set(np.floor(train[:, 0]).astype(int))
        assert len(train) == 3 * len(set(np.floor(train[:, 0])))
        seen.extend(test[:, 0].astype(int).tolist())
        return np.zeros((len(test), 2))

    held_out(spy, x, y, classes=2, seed=0)
    assert sorted(seen) == [0, 1, 3, 4, 6, 7, 9, 10]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_temperature_undoes_a_scale(scale: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 4)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in p])
    temperature, loss = best_temperature(logits * scale, labels, start=1.0)
    assert temperature == pytest.approx(scale, rel=0.1)
    assert loss < np.log(4)


def test_all_right_does_not_mean_certain() -> None:
    temperature, _ = best_temperature(np.eye(3) * 10, np.arange(3), start=1.0)
    p = np.exp(10 / temperature) / (np.exp(10 / temperature) + 2)
    assert p == pytest.approx(4 / 5, abs=0.01)  # (n + 1) / (n + 2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("logistic", {"C": -1}), ("logistic", {"C": "best"}), ("ridge", {"penalty": 0}), ("lda", {"shrinkage": 2}),
        ("lda", {"shrinkage": "much"}), ("knn", {"neighbors": 0}), ("knn", {"neighbors": 1.5}),
        ("knn", {"sharpness": 0}), ("tip_adapter", {"beta": -1}), ("tip_adapter", {"alpha": True}),
        ("label_propagation", {"spread": 1}), ("label_propagation", {"neighbors": 0.5}),
        ("pseudo_labels", {"C": 0}), ("pseudo_labels", {"mix": -1}), ("nearest_centroid", {"tukey": 0}),
        ("logistic", {"tukey": "root"}),
    ],
)  # fmt: skip
def test_options_out_of_range(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="invalid option value"):
        registry.build("heads", Part(name, options), context(), backbone=Backbone(torch.nn.Identity(), C, 1))
