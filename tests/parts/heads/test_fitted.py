"""What the fitted heads share: selection of a strength and a temperature."""

import numpy as np
import pytest
import torch

from handful.models.temperature_scaling import fit_temperature
from handful.parts.heads._fitted import RANGE
from handful.parts.heads._held_out_scores import held_out_scores
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
    losses = {}
    for strength in head.strengths:
        held = held_out_scores(
            head._fit_and_score(strength), x.numpy(), np.arange(60) % K, classes=K, seed=0, each=lambda: None
        )
        losses[strength] = fit_temperature(held, np.arange(60) % K, bounds=(head.start / RANGE, head.start * RANGE))[1]
    assert float(head.strength) == pytest.approx(min(losses, key=lambda s: losses[s]))
