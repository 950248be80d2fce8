"""What a scikit-learn estimator takes as `X` and `y`, and says of what it does not take."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from handful.data.estimator_input import ImageForm, Rows, as_images, read_targets
from handful.errors import HandfulWarning
from tests.data.noise_images import noise_image, save_noise_image

COLOR = np.zeros((5, 20, 20, 3), np.uint8) + 9
GRAY = COLOR[..., 0]


@pytest.mark.parametrize("fitted", [COLOR, GRAY, COLOR[..., :1], COLOR[:, :, :, :2]])
def test_one_image_is_not_a_batch(fitted: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"X is one image of shape \[20, 20.*write X\[None\], or images\[:1\]"):
        ImageForm.of(fitted).refuse_one_image(fitted[0])
    ImageForm.of(fitted).refuse_one_image(fitted[:1])


def test_one_color_image_of_another_size_or_after_files_is_not_a_batch() -> None:
    for form in (ImageForm.of(COLOR), ImageForm.of(["a.png"])):
        with pytest.raises(ValueError, match="X is one image"):
            form.refuse_one_image(np.zeros((40, 40, 3)))
        form.refuse_one_image(np.zeros((40, 20, 20)))
    ImageForm.of(GRAY).refuse_one_image(np.zeros((40, 20, 3)))


@pytest.mark.parametrize(
    ("fitted", "other", "said"),
    [
        (COLOR, GRAY, "they are gray, and those of fit in color"),
        (GRAY, COLOR, "they are in color, and those of fit gray"),
        (COLOR, COLOR[:, :10, :10], "they are 10x10 and resized to the 20x20 of fit"),
        (COLOR, COLOR // 9, "their values are 0 and 1, nearly black"),
    ],
)
def test_images_unlike_those_of_fit_are_said_once(fitted: np.ndarray, other: np.ndarray, said: str) -> None:
    with pytest.warns(HandfulWarning, match=f"not like those of fit: {said}") as notes:
        ImageForm.of(fitted).warn_of_difference(other)
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("fitted", "like", "unlike"),
    [
        (COLOR, COLOR / np.float32(255), GRAY / np.float32(255)),
        (GRAY, GRAY[..., None], GRAY[:, :10, :10, None]),
        (COLOR, ["a.png"], COLOR // 9),
    ],
)
def test_images_like_those_of_fit_are_passed_over_and_others_are_not(
    fitted: np.ndarray, like: Any, unlike: np.ndarray
) -> None:
    form = ImageForm.of(fitted)
    assert _warnings_of(form.warn_of_difference, like) == []
    assert len(_warnings_of(form.warn_of_difference, unlike)) == 1


def test_rows_of_nearly_the_same_range_are_passed_over() -> None:
    rows = Rows.of(np.eye(4) * 16)
    assert [len(_warnings_of(rows.warn_of_range, np.eye(4) * high)) for high in (15, 16, 17, 1600)] == [0, 0, 0, 1]


def _warnings_of(check: Callable[[Any], None], X: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        check(X)
    return [str(note.message) for note in notes]


@pytest.mark.parametrize("scale", [0.001, 100.0])
def test_rows_of_another_range(scale: float) -> None:
    with pytest.warns(HandfulWarning, match=r"fitted on rows of 0 to 16, and X has 0 to .*scale it as in fit"):
        Rows.of(np.eye(4) * 16).warn_of_range(np.eye(4) * 16 * scale)


def test_a_folder_or_one_path_is_not_a_list(tmp_path: Path) -> None:
    path = save_noise_image(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"X is a folder, .*rglob"):
        as_images(str(tmp_path))
    with pytest.raises(ValueError, match="X is one path"):
        as_images(path)
    with pytest.raises(ValueError, match="X is one image"):
        as_images(noise_image(0))
    assert as_images([str(path)]) == [str(path)]


def test_a_table_names_its_column_of_paths() -> None:
    table = pd.DataFrame({"label": [1, 2], "path": ["a.png", "b.png"]})
    with pytest.raises(ValueError, match=r"text in the column 'path': give the column of paths, X\['path'\]"):
        as_images(table)
    assert as_images(table[["path"]]) == ["a.png", "b.png"]
    assert as_images(pd.DataFrame(np.eye(3))).shape == (3, 3)


def test_the_image_with_nan_is_named() -> None:
    images = np.zeros((4, 8, 8, 3))
    images[2:, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN or infinity: X\[2\], and 1 further images"):
        as_images(images)
    with pytest.raises(ValueError, match=r"X\[1\]"):
        as_images([np.zeros((5, 5)), np.full((6, 6), np.inf)])
    with pytest.raises(ValueError, match=r"X\[1\] is no image, but None"):
        as_images([np.zeros((5, 5)), None])


@pytest.mark.parametrize("empty", [[], (), np.zeros((0, 8, 8)), np.zeros((0, 8, 8, 3))])
def test_no_images(empty: Any) -> None:
    with pytest.raises(ValueError, match=r"X has no images|0 sample"):
        as_images(empty)


@pytest.mark.parametrize("y", [[np.nan, 1, 0], np.array([None, "a", "b"], object), pd.Series([pd.NA, "a", "b"])])
def test_missing_labels_are_counted(y: Any) -> None:
    with pytest.warns(HandfulWarning, match=r"^y: 1 of 3 without a label \(None or NaN\), read as unlabelled$"):
        _, names = read_targets(y)
    assert names[0] is None


def test_no_label_at_all() -> None:
    with pytest.raises(ValueError, match="y has no label: all 2 are None"):
        read_targets([None, np.nan])


def test_pictures_are_a_list() -> None:
    pictures: list[Image.Image] = [noise_image(0), noise_image(1)]
    assert as_images(pictures) == pictures
