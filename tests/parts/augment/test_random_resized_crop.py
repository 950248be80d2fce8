"""Random resized crop: a window is resampled as torchvision does; the fallback where none fits."""

import torch
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._boxes import inner_boxes
from tests.parts.augment.conftest import make_batch, seeded


def test_a_window_is_read_as_torchvision_reads_it(context: Context) -> None:
    batch = make_batch(20, 33, 46)
    boxes, found = inner_boxes(20, 33, 46, seeded(7), scale=(0.2, 0.6), ratio=(0.75, 4 / 3))
    assert found.all()
    options = {"scale": (0.2, 0.6)}
    result = registry.build("augment", Part("random_resized_crop", options), context)(batch, seeded(7))
    for i in range(20):
        top, left = int(boxes.top[i]), int(boxes.left[i])
        height, width = int(boxes.bottom[i]) - top, int(boxes.right[i]) - left
        expected = V.resized_crop(batch.images[i], top, left, height, width, [33, 46])
        error = (result.images[i] - expected).abs()
        edge = 33 // height + 1, 46 // width + 1  # there the neighbors outside the window show through
        assert error[:, edge[0] : -edge[0], edge[1] : -edge[1]].max() < 1e-3


def test_where_no_window_fits_the_largest_central_one_is_taken(context: Context) -> None:
    batch = make_batch(4, 8, 64)
    options = {"scale": (1.0, 1.0), "ratio": (0.75, 4 / 3)}
    result = registry.build("augment", Part("random_resized_crop", options), context)(batch, seeded(0))
    expected = V.resized_crop(batch.images, 0, (64 - 11) // 2, 8, 11, [8, 64])
    torch.testing.assert_close(result.images[..., 6:-6], expected[..., 6:-6], atol=1e-3, rtol=0)
