import pytest
import torch
import torch.nn.functional as F
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from handful.parts.heads import deeplab
from tests.parts.heads.fitted_heads import BACKBONE, COMPARE, maps
from tests.support.datasets import context


def test_deeplab_is_torchvisions_head_enlarged() -> None:
    head = deeplab.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, deeplab.DeepLab)
    theirs = DeepLabHead(16, 4).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), head.state_dict().values(), strict=True)))
    output = head(maps(), size=(15, 18), compare=COMPARE)
    expected = F.interpolate(theirs(maps()), (15, 18), mode="bilinear", align_corners=False)
    torch.testing.assert_close(output.pixels, expected)
    torch.testing.assert_close(output.logits, expected[:, 1:].mean(dim=(2, 3)))
    assert output.features.shape == (2, 256)


@pytest.mark.parametrize("rates", [(0, 1, 2), (1, 2, -3)])
def test_deeplab_refuses_rates_that_are_not_three_positive_numbers(rates: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="three positive numbers"):
        deeplab.build(context(), backbone=BACKBONE, rates=rates)
