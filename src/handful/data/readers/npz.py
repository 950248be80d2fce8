"""Data sets from `.npz` archives of NumPy."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

from handful.core.dataset import Dataset, Sample, Split
from handful.data.arrays import image_samples
from handful.data.candidate_labels import candidate_columns, candidate_rows, refuse_other_knowledge
from handful.data.class_names import consistent_names, warn_minus_one
from handful.data.labelled_dataset import labelled_dataset, marked_dataset, voted_dataset
from handful.data.labels import label_texts
from handful.data.multilabel import with_targets
from handful.data.numbers import number_dataset
from handful.data.votes import vote_rows, with_weights
from handful.errors import DataError

# Common keys of images and labels in archives, with the split that they belong to.
_PARTS: tuple[tuple[str, str, Split | None], ...] = (
    ("train_images", "train_labels", "train"),
    ("val_images", "val_labels", "val"),
    ("test_images", "test_labels", "test"),
    ("x_train", "y_train", "train"),
    ("x_val", "y_val", "val"),
    ("x_test", "y_test", "test"),
    ("X", "y", None),
    ("images", "labels", None),
)


def read_npz(path: Path, *, classes: Sequence[str] | None = None) -> Dataset:
    """A data set from a NumPy archive.

    Keys: `train_images` and `train_labels`, likewise `val_` and `test_` (or `x_train`, `y_train` and so on),
    or `images` and `labels` (or `X` and `y`) with no split. Labels are names, or positions in `class_names`
    where the file has them. Optional: `train_masks`, `masks`, `train_groups`, `groups`, `splits`, `train_weights`,
    `weights`.

    `train_probabilities` (likewise `val_`, `test_`, or `probabilities`), beside labels or in their place, are numbers
    of votes, or probabilities, of each class, in the order of `class_names`, or of positions from 0 without them: see
    `handful.data.votes`.

    `train_candidates` (likewise `val_`, `test_`, or `candidates`) are booleans [n k]: the classes of which each image
    shows one, in the same order, for images without a label; see `handful.data.candidate_labels`.

    `train_targets` (likewise `val_`, `test_`, or `targets`) in place of labels are multilabel data: for each image and
    class 1 (present), 0 (absent) or NaN (unknown), in the order of `class_names`, or of positions from 0 without them.
    `train_numbers` (likewise `val_`, `test_`, or `numbers`) are numbers to predict, one for each image or a row of
    several, NaN where not known, named by `quantity_names`.

    Raises:
        DataError: the file is missing or damaged, has none of these keys, or contains Python objects.
    """
    arrays = _load(path)
    parts = [part for part in _PARTS if part[0] in arrays]
    if not parts:
        raise DataError(
            f"no images found; its keys are {', '.join(sorted(arrays)) or 'none'}",
            where=path,
            remedy="name them train_images, train_labels, test_images, test_labels, or images and labels.",
        )
    samples: list[Sample] = []
    texts: list[str | None] = []
    names: list[str | None] = []
    try:
        listed = label_texts(arrays["class_names"].ravel(), role="class_names") if "class_names" in arrays else None
        positions = None if listed is None else [name or "" for name in listed]
        _refuse_other_knowledge(arrays, parts)
        several = any(_key(part, "targets") in arrays for part in parts)
        if any(_key(part, "numbers") in arrays for part in parts):
            if several:
                what, remedy = "targets and numbers are both given", "write one of them."
                raise DataError(what, where="numbers", remedy=remedy)
            return _numbers(arrays, parts)
        if several:
            return _multilabel(arrays, parts, positions, classes)
        for part in parts:
            samples += _samples(arrays, part)
            column, n = arrays.get(part[1]), len(arrays[part[0]])
            written: list[str | None] = [None] * n
            if column is not None:
                written = label_texts(column, classes=positions, role=part[1])
            texts += written
            names += _names(written, column, positions, part[1])
        expected = classes if classes is not None else positions
        names = consistent_names(names, expected, where=path, unlabelled=False)
        candidates, votes = _candidates(arrays, parts, names, positions), _votes(arrays, parts, positions)
        where = [s.id for s in samples]
        if candidates is not None:
            data = marked_dataset(samples, names, *candidates, expected, where)
        elif votes is not None:
            data = voted_dataset(samples, names, *votes, expected, where)
        else:
            data = labelled_dataset(samples, names, expected, where)
        warn_minus_one(texts, names, data.samples, path)
        return data
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", remedy=error.remedy) from error


def _key(part: tuple[str, str, Split | None], what: str) -> str:
    return what if part[2] is None else f"{part[2]}_{what}"


def _numbers(arrays: dict[str, npt.NDArray[Any]], parts: Sequence[tuple[str, str, Split | None]]) -> Dataset:
    rows = {key: arrays[key] for key in (_key(part, "numbers") for part in parts) if key in arrays}
    for key, values in rows.items():
        if values.dtype.kind not in "iufb" or values.ndim not in (1, 2):
            what = f"numbers of shape {list(values.shape)} and type {values.dtype}"
            raise DataError(what, where=key, remedy="give a number for each image, or a row of them, or NaN.")
        if np.isinf(values.astype(np.float64)).any():
            raise DataError("a number is infinite", where=key, remedy="write NaN where it is not known.")
    columns = {key: values.reshape(len(values), -1) for key, values in rows.items()}
    k = max(values.shape[1] for values in columns.values())
    names = arrays.get("quantity_names")
    quantities = [str(c) for c in range(k)] if k > 1 else ["number"]
    if names is not None:
        quantities = [name or "" for name in label_texts(names.ravel(), role="quantity_names")]
    samples: list[Sample] = []
    each = []
    for part in parts:
        key, images = _key(part, "numbers"), _samples(arrays, part)
        values = columns.get(key, np.full((len(images), len(quantities)), np.nan))
        if values.shape != (len(images), len(quantities)):
            what = f"numbers of shape {list(rows[key].shape)} for {len(images)} images and {len(quantities)} quantities"
            remedy = "give a row for each image, and a column for each of quantity_names."
            raise DataError(what, where=key, remedy=remedy)
        samples += images
        each.append(values.astype(np.float32))
    return number_dataset(samples, np.concatenate(each), quantities)


def _votes(
    arrays: dict[str, npt.NDArray[Any]],
    parts: Sequence[tuple[str, str, Split | None]],
    names: Sequence[str] | None,
) -> tuple[Float[np.ndarray, "n v"], list[str]] | None:
    """The votes, or probabilities, of each image of all parts, and their classes; None: there are none."""
    given = [arrays[key] for key in (_key(part, "probabilities") for part in parts) if key in arrays]
    if not given:
        return None
    columns = [str(c) for c in range(given[0].shape[-1])] if names is None else list(names)
    rows = []
    for part in parts:
        key, n = _key(part, "probabilities"), len(arrays[part[0]])
        rows.append(vote_rows(arrays.get(key, np.zeros((n, len(columns)))), n, len(columns), where=key))
    return np.concatenate(rows), columns


def _candidates(
    arrays: dict[str, npt.NDArray[Any]],
    parts: Sequence[tuple[str, str, Split | None]],
    labels: Sequence[str | None],
    names: Sequence[str] | None,
) -> tuple[Bool[np.ndarray, "n v"], list[str]] | None:
    """The candidates of each image of all parts, and the classes of their columns; None: there are none."""
    given = [arrays[key] for key in (_key(part, "candidates") for part in parts) if key in arrays]
    if not given:
        return None
    columns = candidate_columns(labels, given[0].shape[-1] if given[0].ndim else 0, names, None)
    rows = []
    for part in parts:
        key, n = _key(part, "candidates"), len(arrays[part[0]])
        values, labelled = arrays.get(key, np.zeros((n, len(columns)), bool)), part[1] in arrays or key not in arrays
        rows.append(candidate_rows(values, n, len(columns), where=key, labelled=labelled))
    return np.concatenate(rows), columns


def _refuse_other_knowledge(
    arrays: dict[str, npt.NDArray[Any]], parts: Sequence[tuple[str, str, Split | None]]
) -> None:
    """Refuse candidates beside targets, numbers or class probabilities."""
    if any(_key(part, "candidates") in arrays for part in parts):
        others = ("targets", "numbers", "probabilities")
        keys = {name: next((k for part in parts if (k := _key(part, name)) in arrays), None) for name in others}
        refuse_other_knowledge(**keys)


def _multilabel(
    arrays: dict[str, npt.NDArray[Any]],
    parts: Sequence[tuple[str, str, Split | None]],
    names: Sequence[str] | None,
    classes: Sequence[str] | None,
) -> Dataset:
    samples: list[Sample] = []
    rows: list[npt.NDArray[Any]] = []
    k = (
        len(names)
        if names is not None
        else max(arrays[key].shape[-1] for key in (_key(part, "targets") for part in parts) if key in arrays)
    )
    for part in parts:
        images = _samples(arrays, part)
        targets = arrays.get(_key(part, "targets"), np.full((len(images), k), np.nan))
        if targets.shape != (len(images), k):
            what = f"targets of shape {list(targets.shape)} for {len(images)} images and {k} classes"
            remedy = "give a row for each image, and a column for each of class_names."
            raise DataError(what, where=_key(part, "targets"), remedy=remedy)
        samples += images
        rows.append(targets.astype(np.float32))
    return with_targets(samples, np.concatenate(rows), names or [str(c) for c in range(k)], classes)


def _samples(arrays: dict[str, npt.NDArray[Any]], part: tuple[str, str, Split | None]) -> list[Sample]:
    images, labels, split = part
    prefix = "" if split is None else f"{split}_"
    samples = image_samples(
        arrays[images],
        arrays.get(labels),
        masks=arrays.get(f"{prefix}masks"),
        groups=arrays.get(f"{prefix}groups"),
        splits=arrays.get("splits") if split is None else None,
    )
    if f"{prefix}weights" in arrays:
        samples = with_weights(samples, arrays[f"{prefix}weights"], where=f"{prefix}weights")
    return samples if split is None else [replace(s, id=f"{split}/{s.id}", split=split) for s in samples]


def _names(
    texts: list[str | None], column: npt.NDArray[Any] | None, names: list[str] | None, key: str
) -> list[str | None]:
    """The class name of each image of a part; with `names`, numbers are positions in them, and -1 is no label."""
    if column is None or names is None or column.dtype.kind not in "iuf" or (column.ndim == 2 and column.shape[1] > 1):
        return texts
    for i, text in enumerate(texts):
        if text not in (None, "-1") and not (text.isdigit() and int(text) < len(names)):
            raise DataError(
                f"the label {text} is outside the {len(names)} class_names",
                where=f"{key}[{i}]",
                remedy="labels count from 0 in the order of class_names.",
            )
    return [None if text in (None, "-1") else names[int(text)] for text in texts]


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array, not an archive of several")
            return {key: archive[key] for key in archive.files}
    except Exception as error:  # zip, zlib and NumPy raise exceptions of many types on damaged files
        raise DataError(
            f"the archive cannot be read ({error})",
            where=path,
            remedy="write it with numpy.savez and plain arrays; class_names as text, not objects.",
        ) from error
