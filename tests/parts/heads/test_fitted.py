"""What the fitted heads share: selection of a strength and a temperature."""

import numpy as np
import pytest
import torch

from handful.models.temperature_scaling import fit_temperature
from handful.parts.heads._fitted import RANGE
from handful.parts.heads._held_out_scores import folds_by_class, scores_by_fold
from tests.parts.heads.fitted_heads import PLAIN, C, K, build_fitted, fitted


def test_one_image_of_each_class_takes_the_defaults_and_more_are_cross_fitted() -> None:
    alone = fitted("logistic", {}, per_class=1)
    assert float(alone.strength) == 1.0
    assert float(alone.temperature) == pytest.approx(alone.start)
    assert float(fitted("logistic", {}, per_class=4).temperature) != pytest.approx(alone.start)


def test_the_strength_with_the_least_loss_on_held_out_images_is_chosen() -> None:
    """With pure noise as features, the strongest penalty predicts held-out images best."""
    head = build_fitted("ridge", PLAIN)
    x = torch.randn((60, 1, C), generator=torch.Generator().manual_seed(3))
    head.fit(x, torch.arange(60) % K, seed=0)
    losses, y = {}, np.arange(60) % K
    fold, folds = folds_by_class(y, 0)
    for strength in head.strengths:
        run = head._fit_and_score(strength)
        held = scores_by_fold(run, x.numpy(), y, fold=fold, folds=folds, classes=K, each=lambda: None)
        losses[strength] = fit_temperature(held, y, bounds=(head.start / RANGE, head.start * RANGE))[1]
    assert float(head.strength) == pytest.approx(min(losses, key=lambda s: losses[s]))
