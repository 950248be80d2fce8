"""Crops: windows inside the image, of the sizes asked for; padded crops by whole pixels."""

import torch
import torch.nn.functional as F

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded


def ramps(n: int, h: int, w: int) -> Batch:
    """Red rises across and green down, from 0.25 to 0.75 (pixel centers), so a window can be read off."""
    across, down = (torch.arange(w) + 0.5) / w / 2 + 0.25, (torch.arange(h) + 0.5) / h / 2 + 0.25
    image = torch.stack((across.expand(h, w), down[:, None].expand(h, w), torch.zeros(h, w)))
    labels = torch.zeros(n, dtype=torch.int64)
    return Batch(image.repeat(n, 1, 1, 1), labels, torch.eye(1)[labels], torch.full((n, h, w), -1))


def test_windows(context: Context) -> None:
    options = {"scale": (0.25, 0.5), "ratio": (0.8, 1.25), "fill": "border"}
    crop = registry.build("augment", Part("crop", options), context)
    images = crop(ramps(400, 40, 60), seeded(0)).images
    # Away from the edges a ramp stays a ramp; its slope is the window's share of the side.
    width = (images[:, 0, 20, 45] - images[:, 0, 20, 14]) * 2 * 60 / 31
    height = (images[:, 1, 30, 30] - images[:, 1, 9, 30]) * 2 * 40 / 21
    area, ratio = width * height, width / height
    assert 0.249 < area.min() < 0.26
    assert 0.49 < area.max() < 0.501
    assert 0.799 < ratio.min() < 0.82
    assert 1.22 < ratio.max() < 1.251
    left = (images[:, 0, 20, 14] - 0.25) * 2 - width * 14.5 / 60
    assert left.min() > -1e-3
    assert (left + width).max() < 1 + 1e-3
    assert left.std() > 0.05


def test_padded_crop_is_a_whole_pixel_shift(context: Context) -> None:
    batch = make_batch(60, 16, 24)
    result = registry.build("augment", Part("crop", {"padding": 0.125}), context)(batch, seeded(0))
    padded = F.pad(batch.images, (3, 3, 2, 2))
    places = []
    for i in range(60):
        errors = {
            (y, x): (padded[i, :, y : y + 16, x : x + 24] - result.images[i]).abs().max().item()
            for y in range(5)
            for x in range(7)
        }
        place = min(errors, key=lambda p: errors[p])
        assert errors[place] < 1e-4
        places.append(place)
    assert {y for y, _ in places} == set(range(5))
    assert {x for _, x in places} == set(range(7))


def test_whole_image_is_left_alone(context: Context) -> None:
    batch = make_batch()
    options = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)}
    result = registry.build("augment", Part("crop", options), context)(batch, seeded(0))
    torch.testing.assert_close(result.images, batch.images, atol=1e-4, rtol=0)
    assert torch.equal(result.pixel_labels, batch.pixel_labels)
