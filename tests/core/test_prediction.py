"""Images in one forward pass."""

import pytest

from handful.core.prediction import predict_batch_size


@pytest.mark.parametrize(
    ("size", "images"),
    [((28, 28), 256), ((128, 128), 256), ((256, 256), 64), ((224, 224), 83), ((2048, 2048), 1), ((5000, 4000), 1)],
)
def test_four_million_pixels_and_at_most_256_images(size: tuple[int, int], images: int) -> None:
    assert predict_batch_size(size) == images
    assert predict_batch_size(size[::-1]) == images
    assert images == 1 or images * size[0] * size[1] <= 2**22


def test_no_more_images_than_there_are_and_never_none() -> None:
    assert predict_batch_size((28, 28), most=5) == 5
    assert predict_batch_size((512, 512), most=5) == 5
    assert predict_batch_size((4096, 4096), most=5) == 1
    assert predict_batch_size((28, 28), most=0) == 1
