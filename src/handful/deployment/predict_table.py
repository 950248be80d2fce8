"""Predict images into a table (CSV or Parquet), a few at a time, so that memory does not grow with their number."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.core.files import lock_output, refuse_existing, replace_folder, safe_path, write_atomically
from handful.core.prediction import UNKNOWN, Predictions, Predictor
from handful.data.images import pixels
from handful.data.pixel_range import scaled
from handful.errors import OutputError
from handful.reports.overlay import paint_regions, palette

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
LEGEND = "legend.csv"  # in the folder of maps
CHUNK = 256  # samples between two writes

Columns = dict[str, list[str] | list[str | None] | np.ndarray]  # texts as lists, numbers as arrays


class _WriteRows(Protocol):
    def __call__(self, columns: Columns) -> None: ...


def predict_table(
    classifier: Predictor,
    data: Dataset,
    path: str | Path,
    *,
    maps: Path | None = None,
    coverage: float | None = None,
    overwrite: bool = False,
    advance: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write one row per sample: id, predicted class, its probability, and the probability of every class.

    If the data has labels, there is a column `label` too (empty: none). A model trained with conformal sets adds a
    column `set`, the classes separated by "|" (empty: no class is plausible). A model that rejects images adds
    `typicality` and `answer`, which is the predicted class, or "I do not know" where the image is rejected. The file is
    written whole or not at all.

    Args:
        classifier: a trained classifier or an exported one.
        data: images to predict; its class names may differ from the classifier's.
        path: a .csv or .parquet file.
        maps: a folder for pictures of the predicted segmentation over each image, `<id>.png`; `legend.csv` in it
            names the class of each color.
        coverage: of the conformal sets; None: that of training.
        overwrite: replace existing output.
        advance: called with the number of samples just written.

    Returns:
        Number of images by predicted class, with the rejected images counted separately.

    Raises:
        OutputError: unknown suffix, or the output exists.
        DataError: an image cannot be read, or an id leads out of the folder of the maps.
        ModelError: `maps` is given and the classifier does not segment, or it has no sets of this coverage.

    Example:
        >>> from handful import load_data, load_recipe, predict_table, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> counts = predict_table(classifier, digits, "predictions.csv")
        >>> sum(counts.values())
        30
    """
    path = Path(path)
    with ExitStack() as outputs:
        for output in (path,) if maps is None else (path, maps):
            outputs.enter_context(lock_output(output))
        check_outputs(path, maps, overwrite=overwrite)
        if maps is not None:
            _check_maps(classifier)
        if coverage is not None:
            classifier.predict_all(data.select(()), coverage=coverage)
        labelled = any(s.label is not None for s in data.samples)
        counts = np.zeros(len(classifier.classes) + 1, dtype=np.int64)  # the last one: rejected images
        write_rows = outputs.enter_context(_new_table(path))
        write_maps = None if maps is None else outputs.enter_context(_new_maps(maps, classifier))
        for start in range(0, max(1, len(data)), CHUNK):
            chunk = data.select(range(start, min(start + CHUNK, len(data))))
            images = scaled(chunk.without_labels(), classifier.pixel_range)
            predictions = classifier.predict_all(images, coverage=coverage)
            columns = columns_of(classifier.classes, chunk.ids, predictions)
            if labelled:
                names = [None if s.label is None else chunk.classes[s.label] for s in chunk.samples]
                columns = {"id": columns["id"], "label": names, **columns}
            write_rows(columns)
            counts += np.bincount(predictions.answers, minlength=len(counts))
            if write_maps is not None:
                write_maps(images)
            if advance is not None:
                advance(len(chunk))
    by_class = dict(zip(classifier.classes, counts[:-1].tolist(), strict=True))
    return by_class | ({UNKNOWN: int(counts[-1])} if classifier.false_rejection else {})


def check_outputs(path: Path, maps: Path | None, *, overwrite: bool) -> None:
    """Refuse outputs that cannot be written, before the model is loaded.

    Args:
        path: the table.
        maps: the folder of the maps.
        overwrite: existing output may be replaced.

    Raises:
        OutputError: unknown suffix, or the output exists; a folder that holds no maps is never replaced.
    """
    if path.suffix not in SUFFIXES:
        raise OutputError(
            "not a .csv or .parquet file",
            where=path,
            remedy="name such a file, or a folder (no dot in its name) for Parquet chunks.",
        )
    refuse_existing(path, overwrite=overwrite)
    if maps is not None:
        refuse_existing(maps, ours=lambda entry: (entry.parent / LEGEND).is_file(), overwrite=overwrite)


def _check_maps(classifier: Predictor) -> None:
    """Refuse a model that does not segment, before anything is predicted.

    Raises:
        ModelError: the model does not segment.
    """
    blank = Dataset((Sample("blank", np.zeros((3, 8, 8), np.uint8)),), classifier.classes)
    next(iter(classifier.maps(blank)))


def columns_of(classes: tuple[str, ...], ids: Sequence[str], predictions: Predictions) -> Columns:
    """The predictions for some images as columns of a table.

    Args:
        classes: the classifier's.
        ids: of the images.
        predictions: one for each id.
    """
    probabilities = predictions.probabilities
    n = len(ids)
    best = probabilities.argmax(axis=1) if n else np.zeros(0, np.int64)
    columns: Columns = {"id": list(ids)}
    columns["prediction"] = [classes[int(i)] for i in best]
    columns["probability"] = probabilities.max(axis=1) if n else np.zeros(0, np.float32)
    if predictions.typicality is not None:
        columns["answer"] = [(*classes, UNKNOWN)[int(i)] for i in predictions.answers]
        columns["typicality"] = predictions.typicality
    if predictions.sets is not None:
        columns["set"] = ["|".join(np.array(classes)[members].tolist()) for members in predictions.sets]
    for j, name in enumerate(classes):
        columns[f"p_{name}"] = probabilities[:, j]
    return columns


def to_arrow(columns: Columns) -> "pa.Table":
    """The columns as an Arrow table."""
    import pyarrow as pa

    kinds = {name: pa.float32() if isinstance(c, np.ndarray) else pa.string() for name, c in columns.items()}
    return pa.table(columns, schema=pa.schema(list(kinds.items())))


@contextmanager
def _new_table(path: Path) -> Iterator[_WriteRows]:
    """A function that appends rows to a new table, which replaces the one at `path` if all goes well."""
    open_writer = _csv_writer if path.suffix == ".csv" else _parquet_writer
    with write_atomically(path) as draft, open_writer(draft) as write_rows:
        yield write_rows


@contextmanager
def _csv_writer(path: Path) -> Iterator[_WriteRows]:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)

        def write_rows(columns: Columns) -> None:
            if file.tell() == 0:
                table.writerow(columns)
            cells = [[f"{x:.6g}" for x in c] if isinstance(c, np.ndarray) else c for c in columns.values()]
            table.writerows(zip(*cells, strict=True))

        yield write_rows


@contextmanager
def _parquet_writer(path: Path) -> Iterator[_WriteRows]:
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def write_rows(columns: Columns) -> None:
        nonlocal writer
        table = to_arrow(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write_rows
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _new_maps(folder: Path, classifier: Predictor) -> Iterator[Callable[[Dataset], None]]:
    """A function that draws the maps of some images into a new folder, which replaces `folder` if all goes well."""
    colors = palette(len(classifier.classes))
    with replace_folder(folder) as draft:
        _write_legend(draft / LEGEND, classifier.classes, colors)

        def write_maps(images: Dataset) -> None:
            for sample, probabilities in zip(images.samples, classifier.maps(images), strict=True):
                _save_overlay(draft, sample, probabilities, classifier, colors)

        yield write_maps


def _save_overlay(
    folder: Path,
    sample: Sample,
    probabilities: Float[np.ndarray, "k1 h w"],
    classifier: Predictor,
    colors: UInt8[np.ndarray, "k 3"],
) -> None:
    """Draw the most probable class of each pixel over an image, at the image's own size."""
    path = safe_path(folder, f"{sample.id}.png")
    most_probable = probabilities.argmax(axis=0)
    image = pixels(sample)
    size = (image.shape[1], image.shape[2])
    regions = np.zeros(size, dtype=np.int64)
    for value in np.unique(most_probable[most_probable > 0]):
        regions[classifier.own_size(most_probable == value, size)] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(paint_regions(image, regions, colors).transpose(1, 2, 0)).save(path, format="PNG")


def _write_legend(path: Path, classes: tuple[str, ...], colors: UInt8[np.ndarray, "k 3"]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("class", "colour"))
        rows.writerows((name, "#" + bytes(c).hex()) for name, c in zip(classes, colors, strict=True))
