import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.parts.heads import segmentation
from tests.parts.heads.fitted_heads import BACKBONE, COMPARE, maps
from tests.support.datasets import context


def test_segmentation_is_norm_relu_transposed_convolution() -> None:
    head = segmentation.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, segmentation.Segmentation)
    assert isinstance(head.up, nn.ConvTranspose2d)
    output = head(maps(), size=(15, 18), compare=COMPARE)
    scores = head.up(F.relu(head.norm(maps())))
    assert scores.shape == (2, 4, 16, 20)
    torch.testing.assert_close(output.pixels, scores[..., :15, :18])
    torch.testing.assert_close(output.logits, scores[:, 1:, :15, :18].mean(dim=(2, 3)))


def test_bilinear_is_a_convolution_and_interpolation() -> None:
    layer = segmentation.upsample(16, 4, 4, "bilinear")
    assert isinstance(layer, nn.Sequential)
    torch.testing.assert_close(
        layer(maps()), F.interpolate(layer[0](maps()), (16, 20), mode="bilinear", align_corners=False)
    )


@pytest.mark.parametrize("stride", [2, 4, 7, 8, 14, 16, 32])
def test_upsample_covers_every_pixel(stride: int) -> None:
    layer = segmentation.upsample(1, 1, stride)
    assert isinstance(layer, nn.ConvTranspose2d)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    ones = layer(torch.ones(1, 1, 3, 3))
    assert min(ones.shape[-2:]) >= 3 * stride
    assert ones.min() > 0
    middle = ones[..., stride : 2 * stride, stride : 2 * stride]
    assert (middle == 4).all()  # four taps each, so no seams between blocks
