from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handful.data import formats
from handful.data.formats import FORMATS, ImageFile, count_endings, format_of, identify, is_image_name
from handful.data.images import image_size, read_image
from handful.errors import DataError
from tests.data.noise_images import noise_image, save_noise_image

HEIC = b"\0\0\0\x18ftypheic" + bytes(200)
WRITTEN = {"PNG": "PNG", "JPEG": "JPEG", "BMP": "BMP", "TIFF": "TIFF", "WebP": "WEBP", "GIF": "GIF"} | {
    "JPEG 2000": "JPEG2000",
    "PPM": "PPM",
    "AVIF": "AVIF",
}


def _without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_installed", lambda f: bool(f.decoder) and not f.extra)


@pytest.mark.parametrize(("name", "decoder"), WRITTEN.items())
def test_every_format_is_recognized_by_its_content_and_read(tmp_path: Path, name: str, decoder: str) -> None:
    file = BytesIO()
    noise_image(1).save(file, decoder)
    found = format_of(file.getvalue()[: formats.HEAD])
    assert found is not None
    assert found.name == name
    path = tmp_path / f"a{found.suffixes[0]}"
    path.write_bytes(file.getvalue())
    assert identify(path) == ImageFile(name, True)
    assert read_image(path).shape == (3, 6, 8)
    assert image_size(path) == (6, 8)


def test_heic_is_read_with_its_extra(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (1, 48, 3))
    path = tmp_path / "IMG_0001.HEIC"
    heif.from_pillow(Image.fromarray(smooth)).save(path, quality=95)
    assert identify(path) == ImageFile("HEIC", True)
    assert image_size(path) == (64, 48)
    assert np.abs(read_image(path).astype(int) - smooth.transpose(2, 0, 1)).mean() < 6
    path.rename(tmp_path / "IMG_0001.jpg")  # as some tools "convert" it
    assert read_image(tmp_path / "IMG_0001.jpg").shape == (3, 64, 48)


@pytest.mark.parametrize("name", ["a.HEIC", "a.jpg", "a"])
def test_an_extra_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _without_extras(monkeypatch)
    (tmp_path / name).write_bytes(HEIC)
    if name != "a.jpg":
        found = identify(tmp_path / name)
        assert found is not None
        assert found.kind == "HEIC"
        assert not found.readable
        assert "handful[heif]" in found.remedy
    with pytest.raises(DataError, match=r"HEIC(.|\n)*handful\[heif\]"):
        read_image(tmp_path / name)


def test_a_file_without_ending_or_with_a_number_is_known_by_its_content(tmp_path: Path) -> None:
    content = save_noise_image(tmp_path / "a.png").read_bytes()
    for name in ("noending", "1.2.840.113"):
        (tmp_path / name).write_bytes(content)
        assert identify(tmp_path / name) == ImageFile("PNG", True)
        assert read_image(tmp_path / name).shape == (3, 6, 8)


@pytest.mark.parametrize("name", ["a.png~", "a.jpg_large", "a.bak"])
def test_an_image_with_another_ending_is_named_but_not_read(tmp_path: Path, name: str) -> None:
    save_noise_image(tmp_path / "a.png").rename(tmp_path / name)
    found = identify(tmp_path / name)
    assert found is not None
    assert not found.readable
    assert "PNG" in found.kind
    assert ".png" in found.remedy


@pytest.mark.parametrize("name", ["a.nef", "a.svg", "a.mp4", "a.jxl"])
def test_formats_that_are_not_read_have_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"II*\0" + bytes(200))
    found = identify(tmp_path / name)
    assert found is not None
    assert not found.readable
    assert found.remedy


@pytest.mark.parametrize("name", ["notes.txt", "labels.csv", "Thumbs.db", "README", "model.pt"])
def test_other_files_are_no_images(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0" + bytes(200))
    assert identify(tmp_path / name) is None


def test_only_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif")[:, 0, 0].tolist() == [255, 0, 0]


def test_endings_are_in_lower_case_and_unique() -> None:
    suffixes = [s for f in (*FORMATS, *formats.NOT_READ) for s in f.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(s == s.lower() and s.startswith(".") for s in suffixes)
    assert is_image_name("cat/IMG.HEIC")
    assert not is_image_name("cat/notes.txt")


def test_endings_that_mean_the_same_are_counted_together() -> None:
    names = ("a.jpg", "b.JPEG", "c.png", "d.jfif", "e", "f.PNG")
    assert count_endings(map(Path, names)) == {"JPG": 3, "PNG": 2, "without an ending": 1}
