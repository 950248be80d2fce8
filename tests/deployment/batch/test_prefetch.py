import time
from pathlib import Path

import pytest

from handful.core.dataset import Image
from handful.deployment.batch import prefetch
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.image_locations import ImageLocation
from handful.deployment.batch.prefetch import ArchiveReader, prefetch_images
from tests.deployment.batch import gray_archives


def test_images_come_in_order_though_threads_end_in_another(tmp_path: Path) -> None:
    archive = find_archive(str(gray_archives.write_folder(tmp_path / "a", 12)))
    locations = list(archive.locations())

    def slow(image: Image) -> Image:
        time.sleep(0.01 * (12 - image[0, 0, 0]) / 12)
        return image

    found = list(prefetch_images(locations, ArchiveReader(archive.root), slow, threads=3, max_waiting=8))

    assert [r.location for r in found] == locations
    assert all(r.size == (6, 7) for r in found)


def test_an_image_that_cannot_be_read_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    archive = find_archive(str(gray_archives.write_folder(tmp_path / "a", 4)))
    locations = [*archive.locations(), ImageLocation("gone.png", "gone.png")]
    (archive.root / "1" / "001.png").write_bytes(gray_archives.gray_png(1)[:40])

    found = {
        r.location.id: r
        for r in prefetch_images(locations, ArchiveReader(archive.root), lambda x: x, threads=2, max_waiting=8)
    }

    assert found["1/001.png"].error == "this is not an image that can be read"
    assert "cannot be opened" in str(found["gone.png"].error)
    assert sum(r.image is not None for r in found.values()) == 3


def test_few_large_images_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "MAX_BYTES", 3 * 6 * 7 * 4)  # four images
    archive = find_archive(str(gray_archives.write_folder(tmp_path / "a", 40)))
    seen = 0

    def count(image: Image) -> Image:
        nonlocal seen
        seen += 1
        return image

    found = prefetch_images(archive.locations(), ArchiveReader(archive.root), count, threads=1, max_waiting=100)
    for _ in range(10):
        next(found)
    time.sleep(0.1)

    assert 10 <= seen <= 10 + 4 + 1
    found.close()


def test_two_row_groups_are_held_at_most(tmp_path: Path) -> None:
    archive = find_archive(str(gray_archives.write_parquet(tmp_path / "a.parquet", range(12), group=2)))
    reader = ArchiveReader(archive.root)

    found = list(prefetch_images(archive.locations(), reader, lambda x: x, threads=1, max_waiting=4))

    assert [int(r.image[0, 0, 0]) for r in found if r.image is not None] == list(range(12))
    info = reader._row_group.cache_info()
    assert (info.misses, info.currsize) == (6, 2)


def test_large_images_after_small_ones_wait_in_smaller_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "MAX_BYTES", 3 * 6 * 7 * 20)
    archive = find_archive(str(gray_archives.write_folder(tmp_path / "a", 40)))
    for i in range(20, 40):
        (archive.root / f"{i % 3}" / f"{i:03d}.png").write_bytes(gray_archives.gray_png(i, side=60))
    locations = sorted(archive.locations(), key=lambda p: p.id.partition("/")[2])

    found = list(prefetch_images(locations, ArchiveReader(archive.root), lambda x: x, threads=2, max_waiting=30))

    assert [r.location for r in found] == locations
