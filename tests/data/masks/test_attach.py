"""Mask images: read, write, attach from a mirrored folder, and the errors that name the file."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.data.masks.attach import attach_masks, with_mask
from handful.data.masks.image_file import read_mask, write_mask, write_masks
from handful.errors import DataError, HandfulWarning, OutputError

H, W = 6, 9


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:H, :W]
    return np.asarray((rows - 2) ** 2 + (columns - 4) ** 2 <= 4)


def dataset(*ids: str) -> Dataset:
    image = np.zeros((3, H, W), dtype=np.uint8)
    return Dataset(tuple(Sample(name, image, label=i % 2) for i, name in enumerate(ids)), ("cat", "dog"))


def test_a_written_mask_reads_back(tmp_path: Path) -> None:
    write_mask(tmp_path / "deep" / "a.png", disc())
    assert (read_mask(tmp_path / "deep" / "a.png") == disc()).all()
    assert set(np.unique(np.asarray(Picture.open(tmp_path / "deep" / "a.png")))) == {0, 255}
    with pytest.raises(OutputError, match="already exists"):
        write_mask(tmp_path / "deep" / "a.png", disc())
    write_mask(tmp_path / "deep" / "a.png", ~disc(), overwrite=True)
    assert (read_mask(tmp_path / "deep" / "a.png") == ~disc()).all()


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_any_value_but_zero_is_foreground(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    Picture.fromarray(disc().astype(np.uint8)).save(path, lossless=True)
    assert (read_mask(path) == disc()).all()


def test_bits_sixteen_bits_and_palettes(tmp_path: Path) -> None:
    Picture.fromarray(disc()).convert("1").save(tmp_path / "bit.png")
    Picture.fromarray(disc().astype(np.uint16)).save(tmp_path / "deep.png")
    indexed = Picture.fromarray(disc().astype(np.uint8) * 2).convert("P")
    indexed.putpalette([255, 255, 255, 9, 9, 9, 200, 10, 0])  # index 0 is white
    indexed.save(tmp_path / "indexed.png")
    for name in ("bit.png", "deep.png", "indexed.png"):
        assert (read_mask(tmp_path / name) == disc()).all(), name
    assert (read_mask(tmp_path / "indexed.png", value=2) == disc()).all()
    assert (read_mask(tmp_path / "indexed.png", value=(200, 10, 0)) == disc()).all()
    assert not read_mask(tmp_path / "indexed.png", value=1).any()


def test_a_chosen_value_or_colour(tmp_path: Path) -> None:
    grey = np.where(disc(), 128, 255).astype(np.uint8)
    Picture.fromarray(grey).save(tmp_path / "grey.png")
    assert read_mask(tmp_path / "grey.png").all()
    for value in (128, (128, 128, 128)):
        assert (read_mask(tmp_path / "grey.png", value=value) == disc()).all()
    assert not read_mask(tmp_path / "grey.png", value=(128, 128, 0)).any()
    colour = np.zeros((H, W, 3), dtype=np.uint8)
    colour[disc()] = (10, 0, 250)
    colour[0] = (10, 0, 251)
    Picture.fromarray(colour).save(tmp_path / "colour.png")
    assert (read_mask(tmp_path / "colour.png", value=(10, 0, 250)) == (disc() & (np.arange(H) > 0)[:, None])).all()
    assert read_mask(tmp_path / "colour.png")[0].all()


def test_alpha(tmp_path: Path) -> None:
    layer = np.zeros((H, W, 4), dtype=np.uint8)
    layer[disc(), 3] = 200  # black strokes on a transparent layer
    Picture.fromarray(layer).save(tmp_path / "strokes.png")
    opaque = np.zeros((H, W, 4), dtype=np.uint8)
    opaque[..., 3] = 255
    opaque[disc(), :3] = 255
    Picture.fromarray(opaque).save(tmp_path / "opaque.png")
    hidden = opaque.copy()
    hidden[0, :, :3], hidden[0, :, 3] = 255, 0  # white, but nobody sees it
    Picture.fromarray(hidden).save(tmp_path / "hidden.png")
    assert (read_mask(tmp_path / "strokes.png") == disc()).all()
    assert (read_mask(tmp_path / "opaque.png") == disc()).all()
    assert (read_mask(tmp_path / "hidden.png") == (disc() & (np.arange(H) > 0)[:, None])).all()


def test_jpeg_noise_is_not_foreground(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:60, :60]
    large = (rows - 25) ** 2 + (columns - 31) ** 2 < 300
    Picture.fromarray(large.astype(np.uint8) * 255).save(tmp_path / "m.jpg", quality=60)
    assert (np.asarray(Picture.open(tmp_path / "m.jpg")) > 0).mean() > large.mean() * 1.1
    assert (read_mask(tmp_path / "m.jpg") == large).mean() > 0.99


def test_exif_rotation_of_a_mask(tmp_path: Path) -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    Picture.fromarray(disc().astype(np.uint8) * 255).save(tmp_path / "m.png", exif=exif)
    assert (read_mask(tmp_path / "m.png") == np.rot90(disc(), -1)).all()


def test_a_mirrored_folder(tmp_path: Path) -> None:
    data = dataset("train/cat/1.jpg", "train/dog/1.jpg", "train/dog/v1.2")
    write_mask(tmp_path / "train" / "cat" / "1.png", disc())
    write_mask(tmp_path / "train" / "dog" / "v1.2.png", ~disc())
    (tmp_path / "train" / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("drawn on Monday")
    got = attach_masks(data, tmp_path)
    assert [s.mask is not None for s in got.samples] == [True, False, True]
    assert got.samples[0].mask is not None
    assert (got.samples[0].mask == disc()).all()
    assert [s.mask_source for s in got.samples] == ["hand", None, "hand"]
    assert got.ids == data.ids
    assert data.samples[0].mask is None


def test_what_is_written_is_attached_again(tmp_path: Path) -> None:
    data = dataset("cat/1.jpg", "cat/1.png", "dog/2.jpg")
    masked = replace(data, samples=tuple(replace(s, mask=disc()) for s in data.samples[:2]) + data.samples[2:])
    written = write_masks(masked, tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in written] == ["cat/1.jpg.png", "cat/1.png.png"]
    assert [s.mask is not None for s in attach_masks(data, tmp_path).samples] == [True, True, False]
    with pytest.raises(OutputError, match=r"1\.jpg\.png"):
        write_masks(masked, tmp_path)


@pytest.mark.parametrize("name", ["../up.png", "/root.png", "a/../../up.png"])
def test_masks_stay_inside_their_folder(tmp_path: Path, name: str) -> None:
    data = dataset("x")
    outside = replace(data, samples=(replace(data.samples[0], id=name, mask=disc()),))
    with pytest.raises(DataError, match="leads out of its folder"):
        write_masks(outside, tmp_path / "masks")


def test_masks_without_image_are_passed_over_and_counted(tmp_path: Path) -> None:
    for name in ("1.png", "7.png", "8.png"):
        write_mask(tmp_path / "cat" / name, disc())
    got = attach_masks(dataset("cat/1.jpg", "dog/1.jpg"), tmp_path)
    assert [s.mask is not None for s in got.samples] == [True, False]
    assert [(item.kind, item.paths) for item in got.left_out] == [("masks without image", ("cat/7.png", "cat/8.png"))]
    with pytest.raises(DataError, match=r"mask without image.*cat/1\.png.*3 masks") as caught:
        attach_masks(dataset("bird/1.jpg"), tmp_path)
    assert str(tmp_path / "cat" / "1.png") in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "cat/1_mask.png",
        "cat/1_segmentation.png",
        "cat/1_Segmentation.PNG",
        "cat/1-mask.png",
        "cat/1_gt.png",
        "cat/1_seg.tif",
        "cat/1_label.png",
        "cat/1.mask.png",
        "Cat/1.PNG",
        "cat/0a1b2c3d-1.png",
        "masks/cat/1.png",
        "1.png",
        "1_mask.png",
    ],
)
def test_a_mask_named_after_its_image_in_other_words(tmp_path: Path, name: str) -> None:
    write_mask(tmp_path / name, disc())
    got = attach_masks(dataset("cat/1.jpg", "dog/2.jpg"), tmp_path)
    assert [s.mask is not None for s in got.samples] == [True, False]


def test_an_ending_that_is_part_of_the_name_wins(tmp_path: Path) -> None:
    write_mask(tmp_path / "cat" / "1_mask.png", disc())
    got = attach_masks(dataset("cat/1.jpg", "cat/1_mask.jpg"), tmp_path)
    assert [s.mask is not None for s in got.samples] == [False, True]


def test_a_flat_folder_needs_names_that_occur_once(tmp_path: Path) -> None:
    write_mask(tmp_path / "1.png", disc())
    with pytest.raises(DataError, match=r"several images: cat/1\.jpg, dog/1\.jpg"):
        attach_masks(dataset("cat/1.jpg", "dog/1.jpg"), tmp_path)


def test_names_are_compared_in_one_unicode_form(tmp_path: Path) -> None:
    one, other = unicodedata.normalize("NFC", "cafe\u0301/1"), unicodedata.normalize("NFD", "caf\u00e9/1")
    assert one != other
    write_mask(tmp_path / f"{other}.png", disc())
    assert attach_masks(dataset(f"{one}.jpg", "b/2.jpg"), tmp_path).samples[0].mask is not None


def test_what_else_lies_among_masks_is_counted(tmp_path: Path) -> None:
    write_mask(tmp_path / "1.png", disc())
    second = Picture.fromarray(~disc())
    Picture.fromarray(disc()).save(tmp_path / "2.tif", save_all=True, append_images=[second])
    (tmp_path / "2.xml").write_text("<x/>")
    got = attach_masks(dataset("1.jpg", "2.jpg"), tmp_path)
    assert {item.kind: item.paths for item in got.left_out} == {
        "further pages or frames of mask files": ("2.tif",),
        "files among the masks that are not images": ("2.xml",),
    }


def test_the_images_themselves_are_not_masks(tmp_path: Path) -> None:
    write_mask(tmp_path / "1.png", disc())
    data = Dataset((Sample("1.png", tmp_path / "1.png", 0),), ("a", "b"))
    with pytest.raises(DataError, match="one of the images, not a mask"):
        attach_masks(data, tmp_path)


def test_two_masks_for_one_image_and_one_for_two(tmp_path: Path) -> None:
    write_mask(tmp_path / "cat" / "1.png", disc())
    with pytest.raises(DataError, match=r"several images: cat/1\.jpg, cat/1\.bmp"):
        attach_masks(dataset("cat/1.jpg", "cat/1.bmp"), tmp_path)
    Picture.fromarray(disc()).save(tmp_path / "cat" / "1.tif")
    with pytest.raises(DataError, match="two masks for"):
        attach_masks(dataset("cat/1.jpg"), tmp_path)


def test_a_mask_of_another_size_names_both(tmp_path: Path) -> None:
    write_mask(tmp_path / "1.png", disc()[:, :-1])
    with pytest.raises(DataError, match=rf"1\.png.*mask is {H}x{W - 1} and its image 1\.jpg {H}x{W}"):
        attach_masks(dataset("1.jpg"), tmp_path)


def test_the_image_size_is_the_one_after_exif_rotation(tmp_path: Path) -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6
    Picture.new("RGB", (W, H)).save(tmp_path / "1.jpg", exif=exif)
    data = Dataset((Sample("1.jpg", tmp_path / "1.jpg", 0),), ("a", "b"))
    write_mask(tmp_path / "m" / "1.png", disc().T)
    assert attach_masks(data, tmp_path / "m").samples[0].mask is not None
    write_mask(tmp_path / "n" / "1.png", disc())
    with pytest.raises(DataError, match=f"{H}x{W} and its image 1.jpg {W}x{H}"):
        attach_masks(data, tmp_path / "n")


@pytest.mark.parametrize(("fill", "what"), [(False, "empty"), (True, "covers the whole image")])
def test_an_empty_or_full_mask(tmp_path: Path, fill: bool, what: str) -> None:
    write_mask(tmp_path / "1.png", np.full((H, W), fill))
    data = dataset("1.jpg")
    with pytest.raises(DataError, match=rf"1\.png.*{what}"):
        attach_masks(data, tmp_path)
    dropped = attach_masks(data, tmp_path, blank="drop")
    assert dropped.samples[0].mask is None
    assert what.removeprefix("covers ") in dropped.left_out[0].kind
    assert dropped.left_out[0].paths == ("1.jpg",)
    with pytest.warns(HandfulWarning, match=what):
        assert with_mask(data.samples[0], np.full((H, W), fill), where="row 3", blank="drop").mask is None
    assert attach_masks(data, tmp_path, blank="keep").samples[0].mask is not None


def test_a_damaged_mask_is_named(tmp_path: Path) -> None:
    write_mask(tmp_path / "1.png", disc())
    content = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"1\.png"):
        attach_masks(dataset("1.jpg"), tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        attach_masks(dataset("1.jpg"), tmp_path / "masks")
    with pytest.raises(DataError, match="no mask images"):
        attach_masks(dataset("1.jpg"), tmp_path)
    (tmp_path / "masks.xml").write_text("<x/>")
    with pytest.raises(DataError, match="neither a folder nor a JSON"):
        attach_masks(dataset("1.jpg"), tmp_path / "masks.xml")


def test_with_mask_says_where_it_is_from() -> None:
    sample = dataset("1.jpg").samples[0]
    assert with_mask(sample, disc(), where="row 3", source="binarize").mask_source == "binarize"
    with pytest.raises(DataError, match="row 3"):
        with_mask(sample, disc().T, where="row 3")
