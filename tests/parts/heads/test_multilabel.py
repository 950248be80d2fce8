"""Fitted heads on images with several labels, of which some entries are unknown."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.models.platt_scaling import fit_platt
from handful.parts import registry
from handful.parts.heads._fitted import FittedHead
from handful.parts.heads._held_out_scores import scores_by_fold
from handful.parts.heads._multilabel import number_of_folds, stratified_folds
from tests.support.datasets import context

HEADS = [
    name for name in registry.names_with("heads", "multilabel") if registry.has_trait("heads", Part(name), "fitted")
]
C, K = 6, 3


def data(n: int = 60, *, known: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features in which each class adds its own direction, and targets."""
    rng = np.random.default_rng(seed)
    shows = rng.random((n, K)) < (0.5, 0.4, 0.2)
    directions = np.random.default_rng(7).standard_normal((K, C)) * 2
    x = shows @ directions + rng.standard_normal((n, C))
    targets = shows.astype(np.float32)
    targets[rng.random((n, K)) >= known] = np.nan
    return torch.from_numpy(x).float(), torch.from_numpy(targets)


def built(name: str, **options: object) -> FittedHead:
    given = context()
    given = replace(given, task=replace(given.task, kind="multilabel"))
    head = registry.build("heads", Part(name, options), given, backbone=Backbone(nn.Identity(), C, 1))
    assert isinstance(head, FittedHead)
    head.set_multilabel()
    return head


def fitted(name: str, *, known: float = 1.0, n: int = 60, **options: object) -> FittedHead:
    head = built(name, **options)
    x, targets = data(n, known=known)
    head.fit(x[:, None], torch.zeros(n, dtype=torch.long), seed=0, targets=targets)
    return head


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("known", [1.0, 0.5])
def test_each_class_is_told_from_its_absence(name: str, known: float) -> None:
    head = fitted(name, known=known)
    x, targets = data(200, seed=1)
    logits = head.output(x).logits
    assert logits.isfinite().all()
    assert ((logits > 0) == (targets == 1)).float().mean() > 0.75


@pytest.mark.parametrize("name", [name for name in HEADS if name != "laso"])  # its networks learn all classes
def test_an_unknown_entry_changes_no_other_class(name: str) -> None:
    """Columns are fitted apart: without a temperature, hiding entries of class 0 leaves the scores of the others."""
    x, targets = data()
    hidden = targets.clone()
    hidden[:30, 0] = torch.nan
    scores = []
    for rows in (targets, hidden):
        learned = built(name).learn_multilabel(x.numpy(), rows.numpy(), strength=1.0)
        arrays = {key: torch.from_numpy(np.asarray(value, np.float32)) for key, value in learned.items()}
        scores.append(built(name).score(x, arrays))
    torch.testing.assert_close(scores[0][:, 1:], scores[1][:, 1:])
    assert not torch.allclose(scores[0][:, 0], scores[1][:, 0])


@pytest.mark.parametrize("name", HEADS)
def test_a_saved_head_gives_the_same_logits(name: str) -> None:
    head, other = fitted(name, known=0.7), built(name)
    other.load_state_dict(head.state_dict())
    x, _ = data(20, seed=2)
    assert torch.equal(head.output(x).logits, other.output(x).logits)


@pytest.mark.parametrize("name", HEADS)
def test_a_class_shown_by_one_image_can_be_fitted(name: str) -> None:
    x, targets = data(30)
    targets[:, 2] = 0
    targets[4, 2] = 1
    head = built(name)
    head.fit(x[:, None], torch.zeros(30, dtype=torch.long), seed=0, targets=targets)
    logits = head.output(x).logits
    assert logits.isfinite().all()
    assert float(head.temperature) == pytest.approx(head.start), "nothing can be held out"
    assert float(head.offset) == 0


def test_logistic_and_ridge_are_scikit_learns_for_each_class() -> None:
    x, targets = data(known=0.6)
    test, _ = data(20, seed=3)
    logistic = built("logistic", center=False, l2=False).learn_multilabel(x.numpy(), targets.numpy(), strength=0.3)
    ridge = built("ridge", center=False, l2=False).learn_multilabel(x.numpy(), targets.numpy(), strength=0.3)
    for c in range(K):
        known = ~targets[:, c].isnan()
        oracle = LogisticRegression(C=0.3, max_iter=1000).fit(x[known].numpy(), targets[known, c].numpy())
        wanted = oracle.decision_function(test.numpy())
        np.testing.assert_allclose(test.numpy() @ logistic["weight"][c] + logistic["bias"][c], wanted, atol=1e-3)
        regression = Ridge(alpha=0.3).fit(x[known].numpy(), 2 * targets[known, c].numpy() - 1)
        wanted = regression.predict(test.numpy())
        np.testing.assert_allclose(test.numpy() @ ridge["weight"][c] + ridge["bias"][c], wanted, atol=1e-4)


def test_more_features_than_images_give_the_same_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 50)).astype(np.float32)
    targets = (rng.random((20, K)) < 0.5).astype(np.float32)
    targets[rng.random((20, K)) < 0.3] = np.nan
    learned = built("logistic").learn_multilabel(x, targets, strength=1.0)
    for c in range(K):
        known = ~np.isnan(targets[:, c])
        oracle = LogisticRegression(C=1.0, max_iter=1000).fit(x[known], targets[known, c])
        np.testing.assert_allclose(
            x @ learned["weight"][c] + learned["bias"][c], oracle.decision_function(x), atol=1e-2
        )


def test_the_votes_of_neighbors_count_where_they_are_known() -> None:
    head = built("knn", neighbors=2, center=False, l2=False)
    keys = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1.0]])
    values = torch.tensor([[torch.nan, 1.0], [1.0, 0.0], [1.0, torch.nan]])
    shares = head.score(torch.tensor([[1.0, 0.0]]), {"keys": keys, "values": values}).sigmoid()
    assert shares[0, 0] > 0.99, "both neighbors of which the first class is known show it"
    assert 0.4 < shares[0, 1] < 0.6


def test_held_out_scores_come_from_fits_without_the_image() -> None:
    x, targets = data(24)
    seen: list[set[float]] = []

    def fit_and_score(train: np.ndarray, _: np.ndarray, test: np.ndarray) -> np.ndarray:
        assert not set(train[:, 0].tolist()) & set(test[:, 0].tolist())
        seen.append(set(test[:, 0].tolist()))
        return np.zeros((len(test), K))

    given = x.numpy()[:, None]
    fold = stratified_folds(targets.numpy(), 4, seed=0)
    scores_by_fold(fit_and_score, given, targets.numpy(), fold=fold, folds=4, classes=K, each=lambda: None)
    assert sorted(v for values in seen for v in values) == sorted(x[:, 0].tolist())


def test_platts_scaling_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal(20000)
    present = rng.random(20000) < 1 / (1 + np.exp(-(scores / 0.5 - 1)))
    temperature, offset, loss = fit_platt(scores, present, start=2.0)
    np.testing.assert_allclose((temperature, offset), (0.5, -1), atol=0.05)
    assert 0 < loss < np.log(2)


def test_folds_are_at_most_as_many_as_images_that_show_a_class_or_do_not() -> None:
    targets = np.array([[1, 1], [1, 0], [0, 1], [1, 1], [0, np.nan]], dtype=np.float32)
    assert number_of_folds(targets) == 1
    assert number_of_folds(np.concatenate([targets, targets])) == 2
