"""Masks that lie among the images: by every naming of public sets, and what is no mask."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset
from handful.data.load import load_data
from handful.data.masks.beside import is_mask, separate_masks
from handful.data.readers.folder import read_any_folder
from handful.data.readers.image_files import read_image_files
from handful.errors import DataError, HandfulWarning

SIDE = 64


def photograph(number: int) -> Picture.Image:
    noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Picture.fromarray(noise).resize((SIDE, SIDE), Picture.Resampling.BICUBIC)


def disc(value: int = 255, *, left: int = 24) -> Picture.Image:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return Picture.fromarray(((rows - 32) ** 2 + (columns - left) ** 2 < 200).astype(np.uint8) * value)


def save(image: Picture.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def photos(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        save(photograph(number), folder / name)


def masks_of(data: Dataset) -> dict[str, bool]:
    return {s.id: s.mask is not None for s in data.samples}


@pytest.mark.parametrize(
    ("photo", "mask"),
    [
        ("crack/Imgs/exp1.jpg", "crack/Imgs/exp1.png"),  # magnetic tiles
        ("crack/Part0.jpg", "crack/Part0_label.bmp"),  # KolektorSDD
        ("crack/10301.png", "crack/10301_GT.png"),  # KolektorSDD2
        ("crack/benign (1).png", "crack/benign (1)_mask.png"),  # BUSI
        ("crack/plant001_rgb.png", "crack/plant001_label.png"),  # CVPPP
        ("crack/ISIC_1.jpg", "crack/ISIC_1_segmentation.png"),
        ("crack/1.jpg", "crack/mask_1.png"),
        ("crack/1.jpg", "crack/1.gif"),
        ("crack/1.bmp", "crack/1-gt.tif"),
        ("crack/1.png", "crack/1_mask.jpg"),
        ("crack/1.png", "crack/1.jpg"),
        ("crack/1.jpg", "crack/1.jpg.png"),
        ("crack/images/1.jpg", "crack/masks/1.png"),
        ("crack/1.jpg", "ground_truth/crack/1.png"),
    ],
)
def test_a_mask_is_read_as_its_images_not_as_an_image(tmp_path: Path, photo: str, mask: str) -> None:
    photos(tmp_path, photo, "free/1.jpg", "free/2.jpg")
    save(disc(), tmp_path / mask)
    with pytest.warns(HandfulWarning, match=r"^1 .*mask.*, not as images \(.* for .*\)$"):
        data = load_data(tmp_path)
    assert masks_of(data) == {photo: True, "free/1.jpg": False, "free/2.jpg": False}
    assert data.classes == ("crack", "free")
    assert data.counts.tolist() == [1, 2]
    sample = next(s for s in data.samples if s.mask is not None)
    assert sample.mask_source == "hand"
    assert sample.mask is not None
    assert np.mean(sample.mask != (np.asarray(disc()) > 0)) < 0.02


def test_the_note_counts_and_names_an_example(tmp_path: Path) -> None:
    photos(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg")
    for name in ("a/1.png", "a/2.png"):
        save(disc(1), tmp_path / name)
    with pytest.warns(HandfulWarning) as notes:
        load_data(tmp_path)
    expected = "2 .png files beside a .jpg of the same name are read as masks, not as images (a/1.png for a/1.jpg)"
    assert [str(note.message) for note in notes] == [expected]


def test_ground_truth_beside_splits(tmp_path: Path) -> None:
    photos(tmp_path, "train/good/000.png", "train/cut/000.png", "test/good/000.png", "test/cut/001.png")
    save(disc(), tmp_path / "ground_truth/cut/001_mask.png")
    save(disc(), tmp_path / "ground_truth/cut/777_mask.png")
    with pytest.warns(HandfulWarning, match="are read as its mask|fit no image"):
        data = load_data(tmp_path)
    assert [name for name, has in masks_of(data).items() if has] == ["test/cut/001.png"]
    assert len(data) == 4
    assert data.classes == ("cut", "good")
    assert [item.paths for item in data.left_out] == [("ground_truth/cut/777_mask.png",)]


def test_masks_of_one_image_are_joined_and_empty_ones_are_not_used(tmp_path: Path) -> None:
    photos(tmp_path, "benign/1.png", "normal/1.png")
    save(disc(), tmp_path / "benign/1_mask.png")
    save(disc(left=50), tmp_path / "benign/1_mask_1.png")
    save(disc(0), tmp_path / "normal/1_mask.png")
    with pytest.warns(HandfulWarning, match="1 of the masks are empty or cover everything, and are not used"):
        data = load_data(tmp_path)
    assert masks_of(data) == {"benign/1.png": True, "normal/1.png": False}
    assert data.samples[0].mask is not None
    assert data.samples[0].mask[32, 24]
    assert data.samples[0].mask[32, 50]


def test_a_photograph_in_two_formats_is_two_images(tmp_path: Path) -> None:
    drawing = disc(9).convert("RGB")
    for name in ("a/1.png", "a/1.jpg", "b/1.png", "b/1.bmp", "c/1.png", "c/1.jpg"):
        save(drawing if name[0] == "b" else photograph(ord(name[0])), tmp_path / name)
    save(photograph(7).quantize(12), tmp_path / "d/1.gif")
    save(photograph(7), tmp_path / "d/1.jpg")
    data = load_data(tmp_path)
    assert len(data) == 8
    assert not any(masks_of(data).values())


def test_names_alone_make_no_mask(tmp_path: Path) -> None:
    photos(tmp_path, "mask/1.png", "no_mask/1.png", "no_mask/1_seg.png", "images/1.png")
    data = load_data(tmp_path)
    assert len(data) == 4
    assert data.classes == ("images", "mask", "no_mask")


def test_a_mask_of_another_size_is_left_out(tmp_path: Path) -> None:
    photos(tmp_path, "a/1.png", "b/1.png")
    save(disc().resize((32, 32)), tmp_path / "a/1_mask.png")
    with pytest.warns(HandfulWarning, match=r"masks of another size than their images: 1 not used \(a/1_mask.png\)"):
        data = load_data(tmp_path)
    assert masks_of(data) == {"a/1.png": False, "b/1.png": False}


def test_the_folder_of_the_images_may_be_named_as_that_of_the_masks(tmp_path: Path) -> None:
    photos(tmp_path, "a/1.jpg", "b/1.jpg")
    save(disc(), tmp_path / "a/1.png")
    with pytest.warns(HandfulWarning, match="read as masks"):
        data = load_data(tmp_path, masks=tmp_path)
    assert masks_of(data) == {"a/1.jpg": True, "b/1.jpg": False}


def test_a_folder_of_images_without_masks_is_no_folder_of_masks(tmp_path: Path) -> None:
    photos(tmp_path, "a/1.jpg", "b/1.jpg")
    with pytest.raises(DataError, match="this is one of the images, not a mask") as caught:
        load_data(tmp_path, masks=tmp_path)
    assert "x_mask.png beside x.jpg" in caught.value.remedy


def test_masks_beside_the_images_of_a_table(tmp_path: Path) -> None:
    photos(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/rest.jpg")
    save(disc(), tmp_path / "a/1.png")
    (tmp_path / "t.csv").write_text("path,label\na/1.jpg,a\na/2.jpg,a\nb/1.jpg,b\n")
    with pytest.warns(HandfulWarning, match="2 of 3 images have no mask there"):
        data = load_data(tmp_path / "t.csv", masks=tmp_path)
    assert masks_of(data) == {"a/1.jpg": True, "a/2.jpg": False, "b/1.jpg": False}


def test_other_masks_that_are_given_win(tmp_path: Path) -> None:
    photos(tmp_path / "data", "a/1.jpg", "b/1.jpg")
    save(disc(), tmp_path / "data/a/1.png")
    for name in ("a/1.png", "b/1.png"):
        save(disc(left=50), tmp_path / "masks" / name)
    with pytest.warns(HandfulWarning, match="masks beside the images: 1 not used"):
        data = load_data(tmp_path / "data", masks=tmp_path / "masks")
    assert len(data) == 2
    assert all(s.mask is not None and s.mask[32, 50] for s in data.samples)


def test_in_a_zip_and_in_a_table(tmp_path: Path) -> None:
    photos(tmp_path / "data", "a/1.jpg", "b/1.jpg")
    save(disc(), tmp_path / "data/a/1.png")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in sorted((tmp_path / "data").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path / "data"))
    (tmp_path / "data/t.csv").write_text("path,label\na/1.jpg,a\na/1.png,a\nb/1.jpg,b\n")
    for source in (tmp_path / "data.zip", tmp_path / "data/t.csv"):
        with pytest.warns(HandfulWarning, match=r"1 \.png files beside a \.jpg|unpacked"):
            assert masks_of(load_data(source)) == {"a/1.jpg": True, "b/1.jpg": False}


def test_masks_beside_new_images_are_not_predicted(tmp_path: Path) -> None:
    photos(tmp_path, "1.jpg", "2.jpg")
    save(disc(), tmp_path / "1.png")
    data = separate_masks(read_any_folder(tmp_path), unused="name it alone")
    assert data.ids == ("1.jpg", "2.jpg")
    assert data.left_out[0].paths == ("1.png",)
    named = read_image_files([str(tmp_path / "*")])
    assert len(named) == 2
    assert named.left_out[0].kind == "masks beside the images"
    assert len(read_image_files([str(tmp_path / "1.png")])) == 1


def test_pixels_of_masks(tmp_path: Path) -> None:
    classes = disc(1).convert("P")
    classes.putpalette([0, 0, 0, 200, 10, 0])
    saved = {"bit.png": disc().convert("1"), "classes.png": classes, "color.png": classes.convert("RGB")}
    saved |= {"loss.jpg": disc(), "deep.png": Picture.fromarray(np.asarray(disc(1)).astype(np.uint16) * 4000)}
    for name, image in saved.items():
        save(image, tmp_path / name)
        assert is_mask(tmp_path / name), name
    for name in ("photo.png", "photo.jpg"):
        save(photograph(3), tmp_path / name)
        assert not is_mask(tmp_path / name), name
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    assert not is_mask(tmp_path / "damaged.png")
