from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handful.data.load import load_data
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png")):
        save_noise_image(tmp_path / "animals" / name, i)
    return tmp_path / "animals"


def test_folder_as_text_or_path(folder: Path) -> None:
    assert load_data(folder).ids == load_data(str(folder)).ids == ("cat/a.png", "cat/b.png", "dog/c.png")


def test_table_with_its_options(folder: Path) -> None:
    (folder / "t.CSV").write_text("file,label\ncat/a.png,x\n../far.png,y\n")
    save_noise_image(folder.parent / "far.png")
    data = load_data(folder / "t.CSV", columns={"path": "file"}, allow_outside=True, classes=["z", "y", "x"])
    assert (data.classes, data.labels.tolist()) == (("x", "y", "z"), [0, 1])


def test_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 4, 4), np.uint8), y=np.array([1, 0]))
    assert load_data(tmp_path / "a.npz").labels.tolist() == [1, 0]


def test_embedded_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(load_data("digits")) == 1797
    assert load_data("digits", classes=[*"0123456789", "none"]).classes[-1] == "none"
    with pytest.raises(DataError, match=r"000003: the label '3' is not one of the 3 classes"):
        load_data("digits", classes=["0", "1", "2"])
    save_noise_image(tmp_path / "digits/one/a.png")
    with pytest.raises(DataError, match=r"digits: .*both a path here and an embedded(.|\n)*\./digits"):
        load_data("digits")
    assert load_data("./digits").classes == load_data(Path("digits")).classes == ("one",)


def test_torchvision_names(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "eurosat/2750/River/River_1.jpg")
    assert load_data("torchvision:EuroSAT", root=tmp_path).classes == ("River",)
    with pytest.raises(DataError, match=r"unknown torchvision data set 'EuroSat'(.|\n)*'EuroSAT'"):
        load_data("torchvision:EuroSat", root=tmp_path)


@pytest.mark.parametrize(("name", "near"), [("mnist5", "mnist5k"), ("digit", "digits"), ("torchvison:MNIST", "MNIST")])
def test_an_unknown_name_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(DataError, match=rf"{name}: no such file or folder(.|\n)*did you mean(.|\n)*{near}"):
        load_data(name)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such file or folder(.|\n)*check the path"):
        load_data(tmp_path / "gone")
    with pytest.raises(DataError, match=r"gone\.parquet: no such file"):
        load_data(tmp_path / "gone.parquet")


def test_masks_are_attached(folder: Path) -> None:
    masks = folder.parent / "masks"
    (masks / "dog").mkdir(parents=True)
    drawn = np.zeros((6, 8), np.uint8)
    drawn[1:3, 1:4] = 255
    Image.fromarray(drawn).save(masks / "dog/c.png")
    with pytest.warns(HandfulWarning, match=r"masks: 2 of 3 images have no mask there \(cat/a.png; cat/b.png\)"):
        data = load_data(folder, masks=str(masks))
    assert [None if s.mask is None else int(s.mask.sum()) for s in data.samples] == [None, None, 6]


def test_strict_checks_at_once(folder: Path) -> None:
    assert len(load_data(folder, strict=True)) == 3
    (folder / "dog/copy.png").write_bytes((folder / "cat/a.png").read_bytes())
    assert len(load_data(folder)) == 4
    with pytest.raises(DataError, match=r"cat/a\.png: the same picture is in several classes(.|\n)*dog/copy\.png"):
        load_data(folder, strict=True)


def test_unlabelled_folder(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "a.png")
    assert load_data(tmp_path, unlabelled=True).labels.tolist() == [-1]
