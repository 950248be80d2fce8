from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone, LabelEmbedding
from handful.errors import RecipeError
from handful.parts.heads import similarity
from handful.parts.heads._fitted import FittedHead
from tests.support.datasets import context

VECTORS = torch.randn((3, 4), generator=torch.Generator().manual_seed(0))


def given(temperature: float = 0.1) -> Context:
    return replace(context(), labels=LabelEmbedding(VECTORS, similarity="cosine", temperature=temperature))


def test_logits_are_cosines_with_the_class_vectors_over_the_labels_temperature() -> None:
    head = similarity.build(given(), backbone=Backbone(nn.Identity(), 4, 1))
    assert isinstance(head, FittedHead)
    x = torch.randn((5, 4), generator=torch.Generator().manual_seed(1))
    expected = F.cosine_similarity(x[:, None], VECTORS[None], dim=2) / 0.1
    torch.testing.assert_close(head.output(x).logits, expected)
    head.fit(x[:3, None], torch.arange(3), seed=0)  # one image of each class: the temperature stays
    torch.testing.assert_close(head.output(x).logits, expected)


def test_with_two_images_of_each_class_only_the_temperature_is_fitted() -> None:
    head = similarity.build(given(), backbone=Backbone(nn.Identity(), 4, 1))
    assert isinstance(head, FittedHead)
    x = VECTORS.repeat(4, 1) + 0.1 * torch.randn((12, 4), generator=torch.Generator().manual_seed(2))
    before = head.output(x).logits
    head.fit(x[:, None], torch.arange(12) % 3, seed=0)
    ratio = before / head.output(x).logits
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))
    assert float(ratio[0, 0]) != pytest.approx(1, rel=0.01)


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(RecipeError, match="image vectors have 5 numbers and class vectors 4"):
        similarity.build(given(), backbone=Backbone(nn.Identity(), 5, 1))
