import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset, Sample
from handful.core.pixel_range import PixelRange
from handful.data import image_cache
from handful.data.image_cache import cache_images, store_decoded, working_image
from handful.data.images import pixels
from handful.data.in_memory import chunks, fit_size, load_tensors
from handful.data.resampling import Resize
from tests.data.noise_images import save_noise_image

SIZES: list[tuple[tuple[int, int], Resize]] = [((16, 16), "squash"), ((12, 20), "pad"), ((20, 12), "crop")]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Files and arrays, one of each of 16 bits."""
    rng = np.random.default_rng(0)
    for i, (name, size) in enumerate({"a.png": (30, 40), "b.png": (16, 16), "c.jpg": (24, 50)}.items()):
        save_noise_image(tmp_path / name, i, size)
    deep = rng.integers(0, 4096, (1, 21, 33), dtype=np.uint16)
    samples = (
        *(Sample(name, tmp_path / name, i % 2) for i, name in enumerate(("a.png", "b.png", "c.jpg"))),
        Sample("d", rng.integers(0, 256, (3, 18, 18), dtype=np.uint8), 0),
        Sample("e", rng.integers(0, 256, (3, 16, 16), dtype=np.uint8), 1),
        Sample("f", deep, 0, pixel_range=PixelRange.of_bits(12)),
    )
    return Dataset(samples, ("x", "y"))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the samples that were decoded."""
    names: list[str] = []

    def count(sample: Sample) -> np.ndarray:
        names.append(sample.id)
        return pixels(sample)

    monkeypatch.setattr(image_cache, "pixels", count)
    return names


@pytest.mark.parametrize(("size", "resize"), SIZES)
def test_pixels_are_those_without_a_cache_to_the_last_bit(data: Dataset, size: tuple[int, int], resize: Resize) -> None:
    plain = load_tensors(data, size=size, resize=resize)
    for sizes in ((), SIZES):
        with cache_images(sizes):
            for _ in range(2):
                assert torch.equal(load_tensors(data, size=size, resize=resize).images, plain.images)
                parts = list(chunks(data.samples, size=size, resize=resize, length=4))
                assert torch.equal(torch.cat(parts), plain.images)
    for sample in data.samples:
        assert np.array_equal(working_image(sample, size, resize).image, fit_size(pixels(sample), size, resize))


def test_an_image_is_decoded_once_for_all_the_sizes_that_are_named(data: Dataset, decoded: list[str]) -> None:
    files = data.select([0, 1, 2])
    with cache_images(SIZES):
        for size, resize in SIZES * 2:
            load_tensors(files, size=size, resize=resize)
    assert decoded == list(files.ids)


def test_an_image_that_was_decoded_for_another_reason_is_not_decoded_again(data: Dataset, decoded: list[str]) -> None:
    with cache_images(SIZES):
        store_decoded(data.samples[0], pixels(data.samples[0]))
        assert working_image(data.samples[0], (16, 16), "squash").decoded_size == (30, 40)
    assert not decoded


def test_a_file_that_changed_is_decoded_again(data: Dataset) -> None:
    sample = data.samples[0]
    assert isinstance(sample.image, Path)
    with cache_images():
        before = working_image(sample, (16, 16), "squash").image
        save_noise_image(sample.image, 5, (30, 40))
        os.utime(sample.image, ns=(1, 1))
        after = working_image(sample, (16, 16), "squash").image
    assert not np.array_equal(before, after)
    assert np.array_equal(after, fit_size(pixels(sample), (16, 16), "squash"))


def test_a_deep_image_of_another_range_is_another_image(data: Dataset) -> None:
    sample = data.samples[5]
    brighter = replace(sample, pixel_range=PixelRange.of_bits(11))
    with cache_images():
        first = working_image(sample, (16, 16), "squash").image
        assert not np.array_equal(first, working_image(brighter, (16, 16), "squash").image)


def test_what_exceeds_the_limit_is_decoded_each_time(data: Dataset, decoded: list[str]) -> None:
    files = data.select([0, 1, 2])
    with cache_images(limit=2 * 3 * 16 * 16):
        for _ in range(2):
            load_tensors(files, size=(16, 16))
    assert decoded == ["a.png", "b.png", "c.jpg", "c.jpg"]


def test_a_cache_ends_with_the_outermost_block(data: Dataset, decoded: list[str]) -> None:
    sample = data.samples[0]
    with cache_images():
        with cache_images():
            working_image(sample, (16, 16), "squash")
        working_image(sample, (16, 16), "squash")
    assert decoded == ["a.png"]
    working_image(sample, (16, 16), "squash")
    assert decoded == ["a.png", "a.png"]
