from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset, Sample
from handful.core.tensors import IGNORE
from handful.data.images import read_image
from handful.data.in_memory import (
    ImageTensors,
    Resize,
    chunks,
    fit_mask,
    fit_size,
    load_tensors,
    unfit_mask,
    working_size,
)
from handful.data.readers.folder import read_folder
from handful.errors import DataError
from tests.data.noise_images import noise_dataset, save_noise_image, truncate_file

MODES: list[Resize] = ["squash", "pad", "crop"]


def _half(h: int, w: int) -> np.ndarray:
    """White left half, black right half."""
    image = np.zeros((3, h, w), np.uint8)
    image[:, :, : w // 2] = 255
    return image


@pytest.mark.parametrize("resize", MODES)
@pytest.mark.parametrize("size", [(6, 8), (3, 4), (9, 5), (20, 31), (1, 1)])
def test_every_mode_gives_the_size(size: tuple[int, int], resize: Resize) -> None:
    assert fit_size(_half(6, 8), size, resize).shape == (3, *size)
    assert fit_mask(np.ones((6, 8), bool), size, resize).shape == size


@pytest.mark.parametrize("resize", MODES)
def test_the_own_size_changes_nothing(resize: Resize) -> None:
    assert np.array_equal(fit_size(_half(6, 8), (6, 8), resize), _half(6, 8))


def test_squash_ignores_the_aspect() -> None:
    fitted = fit_size(_half(8, 16), (8, 8), "squash")
    assert (fitted[:, :, :3] == 255).all()
    assert (fitted[:, :, 5:] == 0).all()


def test_pad_keeps_the_aspect_and_adds_black_on_both_sides() -> None:
    fitted = fit_size(np.full((3, 8, 16), 200, np.uint8), (8, 8), "pad")
    assert (fitted[:, 2:6] == 200).all()
    assert (fitted[:, [0, 1, 6, 7]] == 0).all()


def test_crop_keeps_the_aspect_and_the_middle() -> None:
    image = np.full((3, 8, 16), 200, np.uint8)
    image[:, :, :4] = image[:, :, 12:] = 0
    assert (fit_size(image, (8, 8), "crop") == 200).all()


def test_odd_remainders_pad_and_crop_by_the_same_rule() -> None:
    image = np.arange(9, dtype=np.uint8)[None, None, :].repeat(3, 0).repeat(4, 1)
    assert fit_size(image, (4, 4), "crop")[0, 0].tolist() in ([2, 3, 4, 5], [3, 4, 5, 6])
    padded = fit_size(np.full((3, 4, 1), 9, np.uint8), (4, 4), "pad")[0, 0].tolist()
    assert sorted(padded) == [0, 0, 0, 9]
    assert padded.index(9) in (1, 2)


@pytest.mark.parametrize("resize", MODES)
def test_a_mask_moves_with_its_image(resize: Resize) -> None:
    mask = _half(12, 20)[0] > 0
    image = np.repeat(mask[None].astype(np.uint8) * 255, 3, axis=0)
    for size in ((6, 10), (24, 24), (7, 9)):
        assert np.array_equal(fit_mask(mask, size, resize), fit_size(image, size, resize)[0] >= 128)


@pytest.mark.parametrize("resize", MODES)
@pytest.mark.parametrize("own", [(24, 24), (24, 40), (40, 24), (25, 37)])
@pytest.mark.parametrize("working", [(48, 48), (64, 40), (24, 24), (31, 33)])
def test_unfit_mask_undoes_fit_mask(own: tuple[int, int], working: tuple[int, int], resize: Resize) -> None:
    h, w = own
    rows, columns = np.mgrid[:h, :w]
    disc = (rows - h / 2) ** 2 + (columns - w / 2) ** 2 < 8**2  # inside every centre crop
    back = unfit_mask(fit_mask(disc, working, resize), own, resize)
    assert back.shape == own
    assert (back & disc).sum() / (back | disc).sum() > 0.85


def test_unfit_mask_is_background_where_a_crop_cut() -> None:
    back = unfit_mask(np.ones((8, 8), bool), (8, 16), "crop")
    assert back[:, 4:12].all()
    assert not back[:, :3].any()
    assert not back[:, 13:].any()


def test_working_size_is_the_recipe_s_or_the_images_own(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    save_noise_image(tmp_path / "dog/b.png")
    data = read_folder(tmp_path)
    assert working_size(data, None) == (6, 8)
    save_noise_image(tmp_path / "dog/c.png", size=(8, 6))
    data = read_folder(tmp_path)
    assert working_size(data, (5, 5)) == (5, 5)
    with pytest.raises(DataError, match=r"dog/c\.png: images differ in size \(6x8 and 8x6\)(.|\n)*image_size"):
        working_size(data, None)
    with pytest.raises(DataError, match=r"no images(.|\n)*check the path"):
        working_size(Dataset((), ("cat", "dog")), None)


def _masked() -> Dataset:
    data = noise_dataset([1, None, 0, 1])
    mask = np.zeros((6, 8), bool)
    mask[:3] = True
    masks = [mask, mask, None, ~mask]
    return replace(data, samples=tuple(replace(s, mask=m) for s, m in zip(data.samples, masks, strict=True)))


def test_hold_decodes_images_labels_and_masks() -> None:
    held = load_tensors(_masked(), size=(6, 8))
    assert len(held) == 4
    assert held.images.dtype == torch.uint8
    assert np.array_equal(held.images[2].numpy(), _masked().samples[2].image)  # type: ignore[arg-type]
    assert held.labels.tolist() == [1, -1, 0, 1]
    maps = held.pixel_labels
    assert maps is not None
    assert [sorted(set(m.flatten().tolist())) for m in maps] == [[0, 2], [IGNORE], [IGNORE], [0, 2]]
    assert (maps[0, :3] == 2).all()
    assert (maps[0, 3:] == 0).all()


def test_hold_without_masks() -> None:
    assert load_tensors(_masked(), size=(6, 8), masks=False).pixel_labels is None
    assert load_tensors(noise_dataset([0, 1]), size=(6, 8)).pixel_labels is None


@pytest.mark.parametrize("resize", MODES)
def test_hold_resizes_image_and_mask_alike(resize: Resize) -> None:
    held = load_tensors(_masked(), size=(9, 5), resize=resize)
    assert held.images.shape == (4, 3, 9, 5)
    assert held.pixel_labels is not None
    first = _masked().samples[0]
    assert isinstance(first.image, np.ndarray)
    assert first.mask is not None
    assert np.array_equal(held.images[0].numpy(), fit_size(first.image, (9, 5), resize))
    assert np.array_equal(held.pixel_labels[0].numpy() == 2, fit_mask(first.mask, (9, 5), resize))


def test_class_numbers_above_a_byte_survive() -> None:
    mask = np.eye(4, dtype=bool)
    samples = tuple(Sample(str(k), np.zeros((3, 4, 4), np.uint8), k, mask) for k in (0, 126, 299))
    maps = load_tensors(Dataset(samples, tuple(f"{k:03d}" for k in range(300))), size=(4, 4)).pixel_labels
    assert maps is not None
    assert [int(m.max()) for m in maps] == [1, 127, 300]
    for classes in (126, 127):
        data = Dataset((replace(samples[0], label=classes - 1),), tuple(f"{k:03d}" for k in range(classes)))
        maps = load_tensors(data, size=(4, 4)).pixel_labels
        assert maps is not None
        assert int(maps.max()) == classes


def test_hold_names_a_bad_file_and_a_bad_mask(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    data = read_folder(tmp_path)
    wrong = replace(data, samples=(replace(data.samples[0], mask=np.eye(5, dtype=bool)),))
    with pytest.raises(DataError, match=r"cat/a\.png: the mask is 5 x 5 and its image 6 x 8(.|\n)*own size"):
        load_tensors(wrong, size=(6, 8))
    truncate_file(tmp_path / "cat/a.png")
    with pytest.raises(DataError, match=r"cat/a\.png: the image is damaged"):
        load_tensors(data, size=(6, 8))


def test_a_batch_has_one_hot_targets_and_none_for_the_unlabelled() -> None:
    batch = load_tensors(_masked(), size=(6, 8)).batch(torch.tensor([0, 1, 2]), 2)
    assert batch.labels.tolist() == [1, -1, 0]
    assert batch.targets.tolist() == [[0, 1], [0, 0], [1, 0]]
    assert batch.images.min() >= 0
    assert batch.images.max() <= 1
    assert torch.equal((batch.images * 255).round().byte(), load_tensors(_masked(), size=(6, 8)).images[:3])
    assert batch.pixel_labels.dtype == torch.int64
    assert (batch.pixel_labels[1:] == IGNORE).all()


def test_a_batch_without_masks_ignores_every_pixel() -> None:
    batch = load_tensors(noise_dataset([0, 1]), size=(6, 8)).batch(torch.tensor([1]), 2)
    assert batch.pixel_labels.shape == (1, 6, 8)
    assert (batch.pixel_labels == IGNORE).all()


@pytest.mark.parametrize("masks", [True, False])
def test_held_moves_to_a_device(masks: bool) -> None:
    moved = load_tensors(_masked(), size=(6, 8), masks=masks).to(torch.device("meta"))
    assert isinstance(moved, ImageTensors)
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert (moved.pixel_labels is None) is not masks


def test_chunks_cover_every_sample_in_order(tmp_path: Path) -> None:
    for i in range(5):
        save_noise_image(tmp_path / f"cat/{i}.png", i)
    samples = read_folder(tmp_path).samples
    parts = list(chunks(samples, size=(6, 8), resize="squash", length=2))
    assert [len(p) for p in parts] == [2, 2, 1]
    expected = [read_image(s.image) for s in samples if isinstance(s.image, Path)]
    assert np.array_equal(torch.cat(parts).numpy(), np.stack(expected))


def test_pixels_that_a_partial_mask_does_not_speak_of_are_ignored() -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    mask, known = np.zeros((2, 8, 8), dtype=bool)
    mask[0, :4] = known[0] = True
    data = Dataset((Sample("a", image, 1, mask, known=known), Sample("b", image, 0, mask)), ("p", "q"))
    maps = load_tensors(data, size=(8, 8)).pixel_labels
    assert maps is not None
    assert maps[0, 0].tolist() == [2] * 4 + [0] * 4
    assert (maps[0, 1:] == IGNORE).all()
    assert (maps[1] >= 0).all()
    small = load_tensors(data, size=(4, 4)).pixel_labels
    assert small is not None
    assert small[0, 0].tolist() == [2, 2, 0, 0]
    assert (small[0, 2:] == IGNORE).all()
