import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.core.tensors import Backbone
from handful.parts.heads import projection
from handful.parts.heads.projection import Projection
from tests.support.datasets import context

BACKBONE = Backbone(nn.Identity(), 16, 4)


def test_pool_linear_relu_linear() -> None:
    head = projection.build(context(), backbone=BACKBONE, hidden=9, dropout=0.5).eval()
    assert isinstance(head, Projection)
    assert isinstance(head.norm, nn.BatchNorm2d)
    x = torch.randn((2, 16, 4, 5), generator=torch.Generator().manual_seed(0))
    output = head(x, size=(16, 20), compare=context().labels.logits)
    pooled = F.adaptive_avg_pool2d(F.relu(head.norm(x)), 1).flatten(1)
    torch.testing.assert_close(output.features, pooled)
    torch.testing.assert_close(output.embedding, head.last(F.relu(head.first(pooled))))
    assert head.first.out_features == 9
    assert head.last.out_features == context().labels.size


@pytest.mark.parametrize("hidden", [0, True])
def test_no_hidden_width_is_refused(hidden: int) -> None:
    with pytest.raises(ValueError, match="hidden must be a whole number"):
        projection.build(context(), backbone=BACKBONE, hidden=hidden)
