from pathlib import Path

import pytest
from PIL import Image

from handful.data.images import read_image
from handful.data.load import load_data
from handful.errors import HandfulWarning
from tests.data.noise_images import noise_image, save_noise_image


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp"])
def test_further_pages_are_said_once_and_the_first_is_read(tmp_path: Path, suffix: str) -> None:
    pages = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    (tmp_path / "cat").mkdir()
    pages[0].save(tmp_path / f"cat/1.{suffix}", save_all=True, append_images=pages[1:])
    save_noise_image(tmp_path / "cat/2.tif")
    save_noise_image(tmp_path / "dog/1.png")
    with pytest.warns(HandfulWarning, match=rf"further pages or frames of files: 1 not used \(cat/1\.{suffix}\)"):
        data = load_data(tmp_path)
    assert [item.paths for item in data.left_out] == [(f"cat/1.{suffix}",)]
    assert read_image(tmp_path / f"cat/1.{suffix}")[:, 0, 0].tolist()[0] > 200


@pytest.mark.filterwarnings("error")
def test_files_of_one_page_and_damaged_files_are_not_mentioned(tmp_path: Path) -> None:
    for name in ("cat/1.tif", "dog/1.gif"):
        save_noise_image(tmp_path / name)
    (tmp_path / "dog/2.tif").write_bytes(b"II*\0")
    noise_image(0).save(tmp_path / "dog/3.webp")
    assert load_data(tmp_path).left_out == ()
