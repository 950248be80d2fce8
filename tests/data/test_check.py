import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.data.check import check
from handful.data.readers.folder import read_folder
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import noise_dataset, save_noise_image, truncate_file


def _with_masks(data: Dataset, *masks: np.ndarray | None) -> Dataset:
    return replace(data, samples=tuple(replace(s, mask=m) for s, m in zip(data.samples, masks, strict=True)))


@pytest.mark.filterwarnings("error")
def test_sound_data_pass_in_silence() -> None:
    half = np.zeros((6, 8), bool)
    half[:3] = True
    data = _with_masks(noise_dataset([0, 0, 1, 1, None]), half, None, half, None, None)
    assert check(data, per_class=2, folds=2, strict=True) == []


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (noise_dataset([]), {}, r"no images(.|\n)*check the path"),
        (noise_dataset([None, None]), {}, r"000: no training image has a label(.|\n)*label some"),
        (noise_dataset([0, 1], splits=["test", "test"]), {}, r"no training image has a label(.|\n)*train"),
        (
            noise_dataset([0, 0]),
            {},
            r"class 'cat': this is the only class(.|\n)*another class|at least one other class",
        ),
        (
            noise_dataset([0, 0, 1]),
            {"per_class": 2},
            r"class 'dog' \(002\): has 1 .*fewer than the 2(.|\n)*ask for fewer",
        ),
        (
            noise_dataset([0, 1], classes=("cat", "dog", "emu")),
            {},
            r"class 'emu': has 0 labelled(.|\n)*leave the class out",
        ),
        (noise_dataset([0, 0, 0, 1, 1]), {"folds": 3}, r"class 'dog': has 2 .*fewer than 3(.|\n)*2 folds or fewer"),
        (noise_dataset([0, 1, 2]), {}, r"002: the label 2 is outside the 2 classes(.|\n)*count from 0"),
        (
            noise_dataset([0, 1, 0], groups=["p", "q", "p"], splits=["train", "train", "test"]),
            {},
            r"002: group 'p' is both in train \(000\) and in test(.|\n)*whole group",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused(data: Dataset, options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check(data, **options)  # type: ignore[arg-type]


def test_an_id_used_twice_is_refused() -> None:
    data = noise_dataset([0, 1])
    with pytest.raises(DataError, match=r"001: the id is listed twice(.|\n)*id of its own"):
        check(replace(data, samples=(*data.samples, data.samples[1])))


def test_a_damaged_file_is_found_before_training(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    truncate_file(save_noise_image(tmp_path / "dog/b.png", 1, (64, 64)))
    with pytest.raises(DataError, match=r"dog/b\.png: the image is damaged or truncated(.|\n)*replace"):
        check(read_folder(tmp_path))


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    save_noise_image(tmp_path / "dog/b.png", 1)
    data = _with_masks(read_folder(tmp_path), None, np.eye(5, dtype=bool))
    with pytest.raises(DataError, match=r"dog/b\.png: the mask is 5 x 5 and its image 6 x 8(.|\n)*own size"):
        check(data)


def test_empty_and_full_masks_are_warned_of_and_refused_when_strict() -> None:
    empty = np.zeros((6, 8), bool)
    data = _with_masks(noise_dataset([0, 0, 1]), empty, ~empty, None)
    with pytest.warns(HandfulWarning) as caught:
        findings = check(data)
    assert [(f.kind, f.message, f.ids) for f in findings] == [
        ("empty mask", "the mask is empty: 000", ("000",)),
        ("full mask", "the mask covers the whole image: 001", ("001",)),
    ]
    assert [str(w.message) for w in caught] == [f.message for f in findings]
    with pytest.raises(DataError, match=r"000: the mask is empty(.|\n)*strict to get a warning"):
        check(data, strict=True)


def _copies(folder: Path, *names: str) -> Dataset:
    for name in names:
        save_noise_image(folder / name, 1)
    for i, name in enumerate(
        ("cat/z.png", "dog/z.png") if "train" not in names[0] else ("train/cat/z.png", "train/dog/z.png")
    ):
        save_noise_image(folder / name, 100 + i)
    return read_folder(folder)


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (("cat/a.png", "dog/b.bmp"), ["duplicate across classes"]),
        (("train/cat/a.png", "test/cat/b.bmp"), ["duplicate across splits"]),
        (("train/cat/a.png", "test/dog/b.png"), ["duplicate across classes", "duplicate across splits"]),
        (("train/cat/a.png", "test/unlabelled/b.png"), ["duplicate across splits"]),
        (("cat/a.png", "cat/b.tiff"), ["duplicate"]),
    ],
)
def test_duplicates_are_listed_and_refused_when_strict(
    tmp_path: Path, names: tuple[str, ...], kinds: list[str]
) -> None:
    data = _copies(tmp_path, *names)
    with pytest.warns(HandfulWarning):
        findings = check(data)
    assert [f.kind for f in findings] == kinds
    for finding in findings:
        assert set(finding.ids) == set(names)
        assert all(name in finding.message for name in names)
    with pytest.raises(DataError, match=r"the same picture(.|\n)*strict to get a warning"):
        check(data, strict=True)


def test_copies_that_stay_together_are_no_finding(tmp_path: Path) -> None:
    _copies(tmp_path, "train/cat/a.png", "train/cat/b.png")
    save_noise_image(tmp_path / "test/cat/c.png", 7)
    save_noise_image(tmp_path / "train/dog/y.png", 8)
    data = read_folder(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(data) == []
    with pytest.warns(HandfulWarning, match=r"train/cat/a\.png = train/cat/b\.png"):
        check(data, folds=2)


def test_a_long_list_is_cut_in_the_message_only() -> None:
    full = np.ones((6, 8), bool)
    data = _with_masks(noise_dataset([0, 1] * 4), *[full] * 8)
    with pytest.warns(HandfulWarning, match=r"001; 002; 003; 004; and 3 more$"):
        (finding,) = check(data)
    assert len(finding.ids) == 8


def test_a_val_split_is_said_to_be_unused() -> None:
    data = noise_dataset([0, 1, 0], splits=["train", "train", "val"])
    with pytest.warns(HandfulWarning, match=r"the val split \(1 images\) is neither trained on nor scored"):
        assert check(data, strict=True) == []


def test_class_names_that_are_lists_of_others_are_warned_of_with_the_remedy_and_refused_when_strict() -> None:
    data = noise_dataset([0, 0, 1, 1], classes=("dent", "dent|scratch"))
    with pytest.warns(HandfulWarning, match=r"1 class name is a list of others: dent\|scratch; if an image may show"):
        check(data)
    with pytest.raises(DataError, match=r"a list of others(.|\n)*strict to get a warning"):
        check(data, strict=True)
