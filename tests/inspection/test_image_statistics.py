import imagehash
import numpy as np
from PIL import Image as Picture

from handful.inspection.image_statistics import FRAME, StatisticsCollector
from handful.inspection.perceptual_hash import close_pairs, perceptual_hash
from tests.inspection.smooth_images import smooth_image


def test_the_hash_is_that_of_another_library() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (20, 32, 32), dtype=np.uint8)
    theirs = [imagehash.phash(Picture.fromarray(g)).hash.ravel() for g in gray]
    np.testing.assert_array_equal(perceptual_hash(gray.astype(np.float32)), np.array(theirs))


def test_close_pairs_are_those_of_a_slow_search() -> None:
    bits = np.random.default_rng(1).random((50, 64)) < 0.5
    bits[7] = bits[3] ^ (np.arange(64) < 5)
    slow = [(i, j) for i in range(50) for j in range(i + 1, 50) if (bits[i] != bits[j]).sum() <= 20]
    assert [tuple(p) for p in close_pairs(bits, 20, chunk=16).tolist()] == slow
    assert (3, 7) in slow
    assert close_pairs(bits[:0], 20).shape == (0, 2)


def test_color_and_border_are_means_over_their_pixels() -> None:
    image = smooth_image(3, side=50)
    measuring = StatisticsCollector()
    measuring.add(image)
    found = measuring.result()
    frame = np.ones((50, 50), bool)
    width = round(FRAME * 50)
    frame[width:-width, width:-width] = False
    np.testing.assert_allclose(found.color[0], image.mean(axis=(1, 2)), atol=1e-9)
    np.testing.assert_allclose(found.border[0], image[:, frame].mean(axis=1), atol=1e-9)


def test_measures_of_extreme_pictures_are_finite_but_for_the_sharpness_of_blank_ones() -> None:
    measuring = StatisticsCollector()
    for shape in ((1, 1), (1, 300), (300, 2)):
        measuring.add(np.full((3, *shape), 9, np.uint8))
    found = measuring.result()
    assert len(found) == 3
    assert np.isnan(found.sharpness).all()
    np.testing.assert_allclose(found.border, 9)
    np.testing.assert_allclose(found.small, 9)
    assert len(StatisticsCollector().result()) == 0


def test_a_blurred_picture_is_less_sharp_at_any_size() -> None:
    import cv2

    measuring = StatisticsCollector()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for side in (64, 512):
        large = cv2.resize(noise, (side, side), interpolation=cv2.INTER_NEAREST)
        for picture_ in (large, cv2.GaussianBlur(large, (0, 0), side / 30)):
            measuring.add(np.ascontiguousarray(picture_.transpose(2, 0, 1)))
    sharp, blurred, large_sharp, large_blurred = measuring.result().sharpness
    assert blurred < sharp - 2
    assert large_blurred < large_sharp - 2
