"""Features in three clusters, heads fitted to them, and checks of these heads."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.heads._fitted import FittedHead
from tests.support.datasets import CLASSES, context

K, C = len(CLASSES), 5
PLAIN: Mapping[str, Any] = {"center": False, "l2": False}
BACKBONE = Backbone(nn.Identity(), 16, 4)
COMPARE = context().labels.logits


def maps(n: int = 2, h: int = 4, w: int = 5) -> torch.Tensor:
    """Feature maps of `BACKBONE`."""
    return torch.randn((n, 16, h, w), generator=torch.Generator().manual_seed(0))


def blobs(per_class: int = 8, seed: int = 0, spread: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features [n C] around one center for each class, and labels [n]."""
    generator = torch.Generator().manual_seed(seed)
    centers = 2 * torch.randn((K, C), generator=torch.Generator().manual_seed(9))
    labels = torch.arange(K).repeat(per_class)
    return centers[labels] + spread * torch.randn((len(labels), C), generator=generator), labels


def build_fitted(name: str, options: Mapping[str, Any], *, channels: int = C) -> FittedHead:
    """A head that is not fitted yet."""
    backbone = Backbone(nn.Identity(), channels, 1)
    head = registry.build("heads", Part(name, options), context(), backbone=backbone)
    assert isinstance(head, FittedHead)
    return head


def fitted(name: str, options: Mapping[str, Any], *, per_class: int = 8, spread: float = 1.0) -> FittedHead:
    """A head fitted to blobs."""
    head = build_fitted(name, options)
    x, y = blobs(per_class, spread=spread)
    head.fit(x[:, None], y, seed=0)
    return head


def scores(head: FittedHead, x: torch.Tensor) -> np.ndarray:
    """Class scores before the temperature."""
    return (head.output(x).logits * head.temperature).numpy()


def assert_predicts_as(oracle: Any, name: str, options: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Fit a head and a scikit-learn model to the same features; scores of the head on others, and these features."""
    head = fitted(name, {**PLAIN, **options}, spread=2.0)
    x, y = blobs(spread=2.0)
    test, _ = blobs(60, seed=1, spread=2.0)
    oracle.fit(x.numpy(), y.numpy())
    np.testing.assert_array_equal(scores(head, test).argmax(axis=1), oracle.predict(test.numpy()))
    return scores(head, test), test.numpy()


def assert_refused(name: str, options: Mapping[str, Any]) -> None:
    """Expect an error that names the head."""
    with pytest.raises(RecipeError, match=f"heads/{name}: invalid option value"):
        build_fitted(name, options)
