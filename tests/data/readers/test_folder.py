import os
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.data.readers.folder import read_any_folder, read_folder
from handful.errors import DataError, HandfulWarning, command_line, name_options
from tests.data.noise_images import save_noise_image


def _seen(data: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(s.id, None if s.label is None else data.classes[s.label], s.split) for s in data.samples]


def test_one_folder_per_class_sorted_by_name(tmp_path: Path) -> None:
    for name in ("dog/b.png", "dog/a.JPG", "cat/deep/c.tiff"):
        save_noise_image(tmp_path / name)
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert _seen(data) == [("cat/deep/c.tiff", "cat", None), ("dog/a.JPG", "dog", None), ("dog/b.png", "dog", None)]
    assert data.samples[0].image == tmp_path / "cat/deep/c.tiff"


def test_parts_above_the_classes(tmp_path: Path) -> None:
    for name in ("train/dog/a.png", "train/cat/a.png", "val/cat/b.png", "test/dog/a.png", "train/unlabelled/u.png"):
        save_noise_image(tmp_path / name)
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert _seen(data) == [
        ("test/dog/a.png", "dog", "test"),
        ("train/cat/a.png", "cat", "train"),
        ("train/dog/a.png", "dog", "train"),
        ("train/unlabelled/u.png", None, "train"),
        ("val/cat/b.png", "cat", "val"),
    ]


def test_train_may_be_a_class(tmp_path: Path) -> None:
    for name in ("train/a.png", "tram/a.png"):
        save_noise_image(tmp_path / name)
    with pytest.warns(HandfulWarning, match=r"train: read as a class.* beside tram/"):
        data = read_folder(tmp_path)
    assert _seen(data) == [("train/a.png", "train", None), ("tram/a.png", "tram", None)]


def test_parts_without_class_folders_are_no_classes(tmp_path: Path) -> None:
    for name in ("train/a.png", "test/a.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(DataError, match=r"test/a\.png: this image is not in a class folder"):
        read_folder(tmp_path)


def test_hidden_and_foreign_files_are_skipped(tmp_path: Path) -> None:
    for name in ("cat/a.png", "cat/.b.png", ".git/c.png", "cat/.thumbs/d.png", "__MACOSX/e.png"):
        save_noise_image(tmp_path / name)
    (tmp_path / "cat/notes.txt").write_text("no image")
    (tmp_path / "README.md").write_text("no image")
    assert read_folder(tmp_path).ids == ("cat/a.png",)


@pytest.mark.parametrize("name", ["unlabelled", "unlabeled"])
def test_a_folder_of_unlabelled_images(tmp_path: Path, name: str) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    save_noise_image(tmp_path / name / "b.png")
    data = read_folder(tmp_path)
    assert data.classes == ("cat",)
    assert data.labels.tolist() == [0, -1]


def test_loose_images_are_unlabelled_only_when_announced(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"loose\.png: this image is not in a class folder(.|\n)*unlabelled=True"):
        read_folder(tmp_path)
    data = read_folder(tmp_path, unlabelled=True)
    assert (data.ids, data.classes, data.labels.tolist()) == (("loose.png",), (), [-1])
    assert read_folder(tmp_path, unlabelled=True, classes=["b", "a"]).classes == ("a", "b")


def test_an_unlabelled_test_part(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "train/cat/a.png")
    save_noise_image(tmp_path / "test/b.png")
    with pytest.raises(DataError, match=r"test: it lies beside train/|b\.png: this image"):
        read_folder(tmp_path)
    assert _seen(read_folder(tmp_path, unlabelled=True)) == [
        ("test/b.png", None, "test"),
        ("train/cat/a.png", "cat", "train"),
    ]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path.name}: no images found(.|\n)*one folder per class"):
        read_folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder(.|\n)*check the path"):
        read_folder(tmp_path / "gone")


def test_a_class_folder_without_images_is_named(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=r"dog: no images found in this class folder(.|\n)*add images, or remove"):
        read_folder(tmp_path)


def test_a_stray_folder_beside_the_parts_is_named(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "test/cat/b.png", "extra/cat/c.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(DataError, match=r"extra: it lies beside test/(.|\n)*move it"):
        read_folder(tmp_path)


def test_images_beside_masks_are_pointed_at(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "images/cat/a.png")
    save_noise_image(tmp_path / "masks/cat/a.png")
    with pytest.raises(DataError, match=r"not classes(.|\n)*load .*images and pass .*masks as the masks \(masks="):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("flags", "ends"),
    [
        ((), "images."),
        (("--masks",), "masks)."),
    ],
)
def test_masks_beside_images_are_named_where_the_command_reads_masks(
    tmp_path: Path, flags: tuple[str, ...], ends: str
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with command_line():
        name_options(flags)
        with pytest.raises(DataError) as raised:
            read_folder(tmp_path)
    assert str(raised.value).endswith(ends)


def test_a_class_outside_the_expected_is_named(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cta/a.png")
    with pytest.raises(DataError, match=r"cta/a\.png: the label 'cta' is not one of the 2 classes(.|\n)*'cat'"):
        read_folder(tmp_path, classes=["cat", "dog"])


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("Training", "Validation", "Testing"),
        ("TRAIN", "VALID", "TEST"),
        ("training_set", "eval", "test_set"),
        ("seg_train", "dev", "seg_test"),
        ("birds_train", "birds_val", "birds_test"),
    ],
)
def test_splits_in_every_usual_spelling(tmp_path: Path, train: str, val: str, test: str) -> None:
    for name in (train, val, test):
        save_noise_image(tmp_path / name / "cat/a.png")
        save_noise_image(tmp_path / name / "dog/a.png")
    data = read_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert {s.id.split("/")[0]: s.split for s in data.samples} == {train: "train", val: "val", test: "test"}


def test_a_split_that_is_nested_in_itself_is_opened(tmp_path: Path) -> None:
    for name in ("seg_train/seg_train/cat/a.png", "seg_test/seg_test/cat/a.png"):
        save_noise_image(tmp_path / name)
    assert _seen(read_folder(tmp_path)) == [
        ("seg_test/seg_test/cat/a.png", "cat", "test"),
        ("seg_train/seg_train/cat/a.png", "cat", "train"),
    ]


def test_one_folder_around_the_splits_is_opened(tmp_path: Path) -> None:
    for name in ("pets/train/cat/a.png", "pets/test/cat/a.png"):
        save_noise_image(tmp_path / name)
    assert [s.split for s in read_folder(tmp_path).samples] == ["test", "train"]


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "Training/cat/b.png", "test/cat/c.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(DataError, match=r"Training/ and train/ both name the train split(.|\n)*rename"):
        read_folder(tmp_path)


def test_classes_that_all_hold_the_same_folders_are_refused(tmp_path: Path) -> None:
    for outer in ("lot 1", "lot 2"):
        for inner in ("cat", "dog"):
            save_noise_image(tmp_path / outer / inner / "a.png")
    with pytest.raises(
        DataError, match=r"lot 1, lot 2 all hold the same folders \(cat, dog\)(.|\n)*if cat, dog are the"
    ):
        read_folder(tmp_path)
    assert read_folder(tmp_path, classes=["lot 1", "lot 2"]).classes == ("lot 1", "lot 2")


def test_splits_below_the_classes_are_refused(tmp_path: Path) -> None:
    for name in ("cat/train/a.png", "cat/test/a.png", "dog/train/a.png", "dog/test/a.png"):
        save_noise_image(tmp_path / name)
    with pytest.raises(
        DataError, match=r"cat, dog all hold the same folders(.|\n)*splits go above the classes: test/cat/"
    ):
        read_folder(tmp_path)


def test_system_folders_and_files_are_no_data(tmp_path: Path) -> None:
    for name in ("@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", ".ipynb_checkpoints", "__MACOSX", "cat/@eaDir"):
        save_noise_image(tmp_path / name / "a.png")
    for name in ("cat/a.png", "cat/._a.png", "__background__/a.png"):
        save_noise_image(tmp_path / name)
    (tmp_path / "cat/Thumbs.db").write_bytes(b"thumbs")
    data = read_folder(tmp_path)
    assert (data.ids, data.classes) == (("__background__/a.png", "cat/a.png"), ("__background__", "cat"))
    assert data.left_out == ()


def test_other_files_are_left_out_by_kind(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/a.png"):
        save_noise_image(tmp_path / name)
    for name in ("cat/b.psd", "dog/b.psd", "cat/c.txt", "cat/d.json", "cat/e.zip", "README.md", "LICENSE", "notes.txt"):
        (tmp_path / name).write_bytes(b"anything")
    (tmp_path / "dog/gone.png").symlink_to(tmp_path / "nowhere.png")
    data = read_folder(tmp_path)
    assert {item.kind: item.paths for item in data.left_out} == {
        "Photoshop files": ("cat/b.psd", "dog/b.psd"),
        "files that are not images": ("cat/c.txt",),
        "text files": ("notes.txt",),
        "annotation files": ("cat/d.json",),
        "archives within the folder": ("cat/e.zip",),
        "links whose target is missing": ("dog/gone.png",),
    }


def test_a_file_without_an_ending_is_an_image_by_its_content(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png").rename(tmp_path / "cat/a")
    (tmp_path / "cat/notes").write_text("no image")
    data = read_folder(tmp_path)
    assert data.ids == ("cat/a",)
    assert [item.paths for item in data.left_out] == [("cat/notes",)]


def test_linked_folders_are_followed_but_not_into_themselves(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "elsewhere/deep/a.png")
    save_noise_image(tmp_path / "data/dog/b.png")
    (tmp_path / "data/cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/deep/up").symlink_to(tmp_path / "elsewhere")
    data = read_folder(tmp_path / "data")
    assert data.ids == ("cat/deep/a.png", "dog/b.png")
    assert [(item.kind, item.paths) for item in data.left_out] == [
        ("links to a folder that holds them", ("cat/deep/up",))
    ]


def test_a_class_of_files_that_are_not_read_is_named_with_their_format(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/a.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog/a.CR2").write_bytes(b"raw")
    with pytest.raises(
        DataError, match=r"dog: no images that can be read in this class.*1 camera raw(.|\n)*develop them"
    ):
        read_folder(tmp_path)


def test_names_are_composed_and_valid_unicode(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cafe\u0301/e\u0301.png")
    raw = os.fsencode(tmp_path / "caf\u00e9") + b"/caf\xe9.png"
    save_noise_image(tmp_path / "caf\u00e9/x.png")
    os.rename(tmp_path / "caf\u00e9/x.png", raw)  # noqa: PTH104  # a name that is not UTF-8
    data = read_folder(tmp_path)
    assert data.classes == ("caf\u00e9",)
    assert data.ids == ("caf\u00e9/\u00e9.png", "caf\u00e9/caf\\xe9.png")
    assert all(isinstance(s.image, Path) and s.image.is_file() for s in data.samples)


@pytest.mark.parametrize(
    "names",
    [
        ("train/a.png", "2024-05-01/roll/b.png"),
        ("train/cat/a.png", "2024-05-01/roll/b.png"),
        ("a.png", "deep/er/b.png"),
        ("train/cat/a.png", "training/cat/a.png"),
        ("x/cat/a.png", "x/dog/a.png", "y/cat/a.png", "y/dog/a.png"),
    ],
)
def test_any_layout_gives_every_image(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        save_noise_image(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert sorted(read_any_folder(tmp_path).ids) == sorted(names)


def test_any_layout_gives_labels_where_it_is_that_of_a_training_set(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "test/dog/a.png"):
        save_noise_image(tmp_path / name)
    assert _seen(read_any_folder(tmp_path)) == [("test/dog/a.png", "dog", "test"), ("train/cat/a.png", "cat", "train")]
    with pytest.raises(DataError, match="no such folder"):
        read_any_folder(tmp_path / "gone")


def test_class_folders_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    for name in ("cat/a.png", "Cat/b.png", " dog/c.png"):
        save_noise_image(tmp_path / name)
    with pytest.warns(HandfulWarning) as said:
        assert read_folder(tmp_path).classes == (" dog", "Cat", "cat")
    texts = " ".join(str(w.message) for w in said)
    assert "'Cat' and 'cat' differ in case alone" in texts
    assert "' dog' has blanks at an end" in texts
