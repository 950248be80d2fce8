import math

import pytest
import torch
import torch.nn.functional as F
from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from torch import nn

from handful.parts.heads import linear
from tests.parts.heads.fitted_heads import BACKBONE, COMPARE, maps
from tests.support.datasets import context


def test_linear_is_norm_relu_pool_linear() -> None:
    head = linear.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, linear.Linear)
    assert isinstance(head.norm, nn.BatchNorm2d)
    output = head(maps(), size=(16, 20), compare=COMPARE)
    pooled = F.adaptive_avg_pool2d(F.relu(head.norm(maps())), 1).flatten(1)
    torch.testing.assert_close(output.features, pooled)
    torch.testing.assert_close(output.logits, head.linear(pooled))
    assert output.pixels is None
    plain = linear.build(context(), backbone=BACKBONE, norm="none").eval()
    torch.testing.assert_close(plain(maps(), size=(16, 20), compare=COMPARE).features, maps().mean(dim=(2, 3)))


def test_concatenated_pool_is_average_then_maximum_as_timms() -> None:
    head = linear.build(context(), backbone=BACKBONE, norm="none", pool="concat").eval()
    assert isinstance(head, linear.Linear)
    output = head(maps(), size=(16, 20), compare=COMPARE)
    torch.testing.assert_close(output.features, SelectAdaptivePool2d(pool_type="catavgmax", flatten=True)(maps()))
    assert head.linear.in_features == 2 * BACKBONE.channels
    torch.testing.assert_close(output.logits, head.linear(output.features))


def test_feature_norm_brings_pooled_features_to_one_scale_before_the_linear_layer() -> None:
    head = linear.build(context(), backbone=BACKBONE, norm="none", pool="dual", feature_norm="layer").eval()
    assert isinstance(head, linear.Linear)
    output = head(100 * maps(), size=(16, 20), compare=COMPARE)
    pooled = SelectAdaptivePool2d(pool_type="avgmax", flatten=True)(100 * maps())
    torch.testing.assert_close(output.features, F.layer_norm(pooled, pooled.shape[1:]))
    torch.testing.assert_close(output.logits, head.linear(output.features))
    with pytest.raises(ValueError, match="none or layer, not 'batch'"):
        linear.check_feature_norm("batch")


def test_dual_pool_is_the_mean_of_average_and_maximum_as_timms() -> None:
    head = linear.build(context(), backbone=BACKBONE, norm="none", pool="dual").eval()
    assert isinstance(head, linear.Linear)
    output = head(maps(), size=(16, 20), compare=COMPARE)
    torch.testing.assert_close(output.features, SelectAdaptivePool2d(pool_type="avgmax", flatten=True)(maps()))
    torch.testing.assert_close(output.logits, head.linear(output.features))
    with pytest.raises(ValueError, match="avg or dual, not 'max'"):
        linear.check_pool("max")


def test_nested_dropout_keeps_the_first_features_as_often_as_their_ranks_say() -> None:
    head = linear.build(context(), backbone=BACKBONE, norm="none", nested=1.5)
    assert isinstance(head, linear.Linear)
    features = BACKBONE.channels
    powers = [math.exp(-((k / 1.5) ** 2)) for k in range(1, features + 1)]
    expected = torch.tensor([sum(powers[j:]) / sum(powers) for j in range(features)])
    torch.testing.assert_close(linear.kept_probabilities(features, 1.5), expected)
    torch.manual_seed(0)
    batches = torch.stack([head._first_features(head.kept) > 0 for _ in range(2000)])  # type: ignore[arg-type]
    assert (head(maps() + 5, size=(16, 20), compare=COMPARE).features != 0).all(), "features that are dropped live"
    assert (batches[:, 1:] <= batches[:, :-1]).all()
    torch.testing.assert_close(batches.float().mean(dim=0), expected, atol=0.04, rtol=0)
    output = head.eval()(maps() + 5, size=(16, 20), compare=COMPARE)
    assert ((output.features != 0) == (expected >= 0.01)).all()
    torch.testing.assert_close(output.logits, head.linear(output.features))
    for value in (-1.0, 0.01, math.nan):
        with pytest.raises(ValueError, match="nested must be 0"):
            linear.build(context(), backbone=BACKBONE, nested=value)
