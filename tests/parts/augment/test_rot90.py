"""Quarter turns of images and pixel labels together."""

from collections import Counter

import pytest
import torch

from handful.core.context import Context
from tests.parts.augment._support import apply
from tests.parts.augment.conftest import make_batch


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_square_images_are_turned_to_the_pixel(context: Context, turns: int) -> None:
    batch = make_batch(4, 9, 9)
    result = apply(context, "rot90", batch, turns=turns)
    assert torch.equal(result.images, torch.rot90(batch.images, turns, dims=(-2, -1)))
    assert torch.equal(result.pixel_labels, torch.rot90(batch.pixel_labels, turns, dims=(-2, -1)))


def test_by_chance_each_number_of_turns_is_as_likely(context: Context) -> None:
    batch = make_batch(1, 5, 5).rows(torch.zeros(400, dtype=torch.int64))
    images = apply(context, "rot90", batch).images
    turned = [torch.rot90(batch.images[0], k, dims=(-2, -1)) for k in range(4)]
    counts = Counter(next(k for k in range(4) if torch.equal(image, turned[k])) for image in images)
    assert min(counts[k] for k in range(4)) > 60


def test_other_images_keep_their_height_and_width(context: Context) -> None:
    batch = make_batch(3, 8, 5)
    result = apply(context, "rot90", batch, turns=1)
    assert result.images.shape == batch.images.shape
    half = apply(context, "rot90", batch, turns=2)
    assert torch.equal(half.images, batch.images.flip((-2, -1)))


def test_more_turns_than_three_are_refused(context: Context) -> None:
    with pytest.raises(Exception, match="turns must be a whole number between 0 and 3"):
        apply(context, "rot90", make_batch(1, 4, 4), turns=4)
