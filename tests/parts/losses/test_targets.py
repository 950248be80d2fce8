import pytest
import torch

from handful.parts.losses import cross_entropy, positive_class
from handful.parts.losses._targets import smooth
from tests.parts.losses.examples import MIXED, ONE_HOT, example, smoothed
from tests.support.datasets import context


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
def test_smoothing_keeps_each_rows_sum(kind: str) -> None:
    _, batch = example(kind)
    found = smooth(batch.targets, 0.2)
    torch.testing.assert_close(found, torch.tensor(smoothed(batch.targets, 0.2)))
    torch.testing.assert_close(found.sum(dim=1), batch.targets.sum(dim=1))


@pytest.mark.parametrize("wrong", [-0.1, 1.0])
def test_smoothing_must_be_a_share(wrong: float) -> None:
    for module in (cross_entropy, positive_class):
        with pytest.raises(ValueError, match="smoothing must be in"):
            module.build(context(), smoothing=wrong)
