import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from handful.data.images import read_image
from handful.data.readers.torchvision import SETS, read_torchvision
from handful.errors import DataError
from tests.data.noise_images import save_noise_image


def _idx(array: np.ndarray) -> bytes:
    """An array in the format of the MNIST files: type, dimensions, big-endian lengths, bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    raw = tmp_path / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 4), ("t10k", 2)):
        images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(_idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(_idx(np.arange(n, dtype=np.uint8)))
    return tmp_path


def test_a_set_in_one_archive_is_held_in_memory(fashion: Path) -> None:
    data = read_torchvision("FashionMNIST", root=fashion)
    source = datasets.FashionMNIST(fashion, train=True)
    assert data.classes == tuple(sorted(source.classes))
    assert data.ids == (*(f"train/{i:06d}" for i in range(4)), *(f"test/{i:06d}" for i in range(2)))
    assert [s.split for s in data.samples] == ["train"] * 4 + ["test"] * 2
    assert [data.classes[s.label or 0] for s in data.samples[:4]] == source.classes[:4]
    assert np.array_equal(data.samples[1].image, np.stack([source.data[1].numpy()] * 3))  # type: ignore[arg-type]


def test_a_set_of_files_stays_files(tmp_path: Path) -> None:
    names = ("River/River_1.jpg", "Forest/Forest_1.jpg", "Forest/Forest_2.jpg")
    for i, name in enumerate(names):
        save_noise_image(tmp_path / "eurosat/2750" / name, i)
    data = read_torchvision("EuroSAT", root=tmp_path)
    assert data.classes == ("Forest", "River")
    assert data.labels.tolist() == [0, 0, 1]
    assert {s.split for s in data.samples} == {None}
    first = data.samples[0].image
    assert isinstance(first, Path)
    assert read_image(first).shape == (3, 6, 8)


def test_the_official_validation_part_is_kept_apart(tmp_path: Path) -> None:
    root = tmp_path / "dtd/dtd"
    (root / "labels").mkdir(parents=True)
    for part in ("train", "val", "test"):
        names = [f"{name}/{name}_{part}.jpg" for name in ("dotted", "banded")]
        for name in names:
            save_noise_image(root / "images" / name)
        (root / f"labels/{part}1.txt").write_text("\n".join(names))
    data = read_torchvision("DTD", root=tmp_path)
    assert [s.split for s in data.samples] == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert data.classes == ("banded", "dotted")
    assert data.labels.tolist() == [1, 0] * 3


def test_an_absent_set_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"torchvision:CIFAR10 in .*cannot be read(.|\n)*root=(.|\n)*download=True"):
        read_torchvision("CIFAR10", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_set_is_named(fashion: Path) -> None:
    (fashion / "FashionMNIST/raw/train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03short")
    with pytest.raises(DataError, match="torchvision:FashionMNIST"):
        read_torchvision("FashionMNIST", root=fashion)


@pytest.mark.parametrize(("name", "near"), [("CIFAR11", "CIFAR10"), ("cifar10", "CIFAR10"), ("Flowers", "Flowers102")])
def test_an_unknown_name_gets_the_nearest(tmp_path: Path, name: str, near: str) -> None:
    with pytest.raises(DataError, match=rf"unknown torchvision data set '{name}'(.|\n)*'{near}'"):
        read_torchvision(name, root=tmp_path)


def test_every_offered_set_exists_with_these_parts(tmp_path: Path) -> None:
    for name in SETS:
        with pytest.raises(DataError, match="cannot be read"):
            read_torchvision(name, root=tmp_path / name)


def test_cifar_is_refused_when_its_checksums_do_not_fit(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": [], "labels": []}))
    with pytest.raises(DataError, match="torchvision:CIFAR10"):
        read_torchvision("CIFAR10", root=tmp_path)
