import pytest
import torch
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._part import is_gray
from tests.parts.augment.conftest import make_batch, seeded


def test_gray_images_have_torchvisions_luma(context: Context) -> None:
    batch = make_batch(5, 9, 11)
    result = registry.build("augment", Part("grayscale", {"probability": 1.0}), context)(batch, seeded(0))
    expected = V.rgb_to_grayscale(batch.images, num_output_channels=3)
    torch.testing.assert_close(result.images, expected, atol=1e-3, rtol=0)
    assert torch.equal(result.pixel_labels, batch.pixel_labels)


def test_so_many_images_become_gray_and_the_others_stay(context: Context) -> None:
    batch = make_batch(400, 4, 5)
    result = registry.build("augment", Part("grayscale", {"probability": 0.25}), context)(batch, seeded(0))
    gray = is_gray(result.images).flatten()
    assert gray.float().mean().item() == pytest.approx(0.25, abs=0.08)
    assert torch.equal(result.images[~gray], batch.images[~gray])


@pytest.mark.parametrize("probability", [-0.1, 1.5])
def test_a_probability_is_a_number_from_0_to_1(context: Context, probability: float) -> None:
    with pytest.raises(Exception, match="probability must be a number between 0 and 1"):
        registry.build("augment", Part("grayscale", {"probability": probability}), context)
