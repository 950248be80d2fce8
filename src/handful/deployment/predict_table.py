"""Predict images into a table (CSV or Parquet), a few at a time, so that memory does not grow with their number."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.files import lock_output, refuse_existing
from handful.core.prediction import UNKNOWN, Predictions, Predictor
from handful.data.images import pixels
from handful.data.pixel_range import scaled, warn_without_range
from handful.deployment.label_lists import PREDICTED, has_numbers, label_of, list_of_names, names_by_row, unknown_of
from handful.deployment.segmentation_maps import LEGEND, draw_maps
from handful.deployment.table_files import SUFFIXES, Columns, Errors, new_table, with_gaps
from handful.errors import DataError, HandfulWarning, OutputError

CHUNK = 256  # samples between two writes


@dataclass(frozen=True, eq=False)
class PredictedChunk:
    """The rows of some images: their columns, and why an image has no prediction, by its position."""

    columns: Columns
    errors: Errors


@dataclass(frozen=True)
class TableSummary:
    """Rows by predicted class (or by each of several), and of rejected images if any; of unreadable images; of all."""

    counts: dict[str, int]
    failed: int
    rows: int


def predict_table(
    classifier: Predictor,
    data: Dataset,
    path: str | Path,
    *,
    maps: Path | None = None,
    coverage: float | None = None,
    overwrite: bool = False,
    strict: bool = False,
    advance: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Write one row per sample: id, predicted class, its probability, and the probability of every class.

    If the data has labels, there is a column `label` too (empty: none), and with several labels per image of which
    some are unknown, a column `unknown` of these. A model trained with conformal sets adds a
    column `set`, the classes separated by "|" (empty: no class is plausible). A model that rejects images adds
    `typicality` and `answer`, which is the predicted class, or "I do not know" where the image is rejected. If an image
    cannot be read, its row is empty, and a column `error` says why. The file is written whole or not at all. A model of
    several labels per image writes `labels`, the classes that are there, in place of the predicted one.

    Args:
        classifier: a trained classifier or an exported one.
        data: images to predict; its class names may differ from the classifier's.
        path: a .csv or .parquet file.
        maps: a folder for pictures of the predicted segmentation over each image, `<id>.png`; `legend.csv` in it
            names the class of each color.
        coverage: of the conformal sets; None: that of training.
        overwrite: replace existing output.
        strict: refuse an image that cannot be read.
        advance: called with the number of samples just written.

    Returns:
        Number of images by predicted class, rejected ones apart; a `HandfulWarning` counts those that cannot be read.

    Raises:
        OutputError: unknown suffix, or the output exists.
        DataError: with `strict`, an image cannot be read; or an id leads out of the folder of the maps.
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
        draw = None
        if maps is not None:
            draw = outputs.enter_context(draw_maps(maps, classifier))
        chunks = predict_chunks(classifier, data, coverage=coverage, strict=strict, draw=draw, advance=advance)
        summary = write_table(path, chunks, classifier.classes)
    if summary.failed:
        warnings.warn(
            f"{summary.failed} of {summary.rows} images could not be read: the column error says why",
            HandfulWarning,
            stacklevel=2,
        )
    return summary.counts


def predict_chunks(
    classifier: Predictor,
    data: Dataset,
    *,
    coverage: float | None = None,
    strict: bool = False,
    draw: Callable[[Dataset], None] | None = None,
    advance: Callable[[int], None] | None = None,
    unusable: Mapping[str, str] | None = None,
) -> Iterator[PredictedChunk]:
    """The rows of all samples, some at a time; at least one chunk, which may be empty.

    Args:
        classifier: a trained classifier or an exported one.
        data: images to predict.
        coverage: of the conformal sets; None: that of training.
        strict: refuse an image that cannot be read.
        draw: called with the images of each chunk that can be read.
        advance: called with the number of samples of each chunk.
        unusable: ids of further images that cannot be predicted, and why: rows at the end.

    Raises:
        DataError, ModelError: as `predict_table`.
    """
    if coverage is not None:
        classifier.predict_all(data.select(()), coverage=coverage)
    warn_without_range(data.samples, classifier.pixel_range)
    labelled = any(s.labelled for s in data.samples)
    for start in range(0, max(1, len(data)), CHUNK):
        chunk = data.select(range(start, min(start + CHUNK, len(data))))
        images, errors, predictions = _predict_readable(classifier, chunk, coverage, strict)
        columns = with_gaps(columns_of(classifier.classes, images.ids, predictions), errors, len(chunk))
        columns["id"] = list(chunk.ids)
        if labelled and data.kind == "number":
            truth = {name: chunk.targets()[:, j] for j, name in enumerate(chunk.classes)}
            columns = {"id": columns["id"], **truth, **columns}
        elif labelled:
            names = [label_of(s, chunk.classes) for s in chunk.samples]
            columns = {"id": columns["id"], "label": names, **_unknown(data, chunk), **columns}
        if draw is not None:
            draw(images)
        yield PredictedChunk(columns, errors)
        if advance is not None:
            advance(len(chunk))
    if unusable:
        reasons = dict(enumerate(unusable.values()))
        empty: Columns = {n: c[:0] for n, c in columns.items()}
        yield PredictedChunk({**with_gaps(empty, reasons, len(reasons)), "id": list(unusable)}, reasons)


def _unknown(data: Dataset, chunk: Dataset) -> Columns:
    """The classes of which a target of several labels says nothing, where one says nothing of some."""
    if all(s.target is None or not np.isnan(s.target).any() for s in data.samples):
        return {}
    return {"unknown": [unknown_of(s, chunk.classes) for s in chunk.samples]}


def write_table(path: Path, chunks: Iterable[PredictedChunk], classes: Sequence[str]) -> TableSummary:
    """Write the rows to a .csv or .parquet file, whole or not at all."""
    counts: Counter[str | None] = Counter()
    images, failed, rejects, numbers = 0, 0, False, False
    with new_table(path) as write_rows:
        for chunk in chunks:
            rejects |= "answer" in chunk.columns
            numbers |= has_numbers(chunk.columns)
            write_rows(chunk.columns, chunk.errors)
            names = names_by_row(chunk.columns)
            counts.update(name for row in names for name in row)
            images += len(names)
            failed += len(chunk.errors)
    answers = (*classes, UNKNOWN) if rejects else tuple(name for name in classes if name in counts or not numbers)
    return TableSummary({name: counts[name] for name in answers}, failed, images)


def _predict_readable(
    classifier: Predictor, chunk: Dataset, coverage: float | None, strict: bool
) -> tuple[Dataset, Errors, Predictions]:
    """The images that can be read, the reason for each of the others by its position, and the predictions."""
    images = scaled(chunk.without_labels(), classifier.pixel_range)
    try:
        return images, {}, classifier.predict_all(images, coverage=coverage)
    except DataError:
        reasons = {i: _reason_unreadable(s) for i, s in enumerate(images.samples)} if not strict else {}
        errors = {i: reason for i, reason in reasons.items() if reason is not None}
        if not errors:
            raise
    readable = images.select([i for i in range(len(images)) if i not in errors])
    return readable, errors, classifier.predict_all(readable, coverage=coverage)


def _reason_unreadable(sample: Sample) -> str | None:
    try:
        pixels(sample)
    except DataError as error:
        return error.what
    return None


def check_outputs(path: Path | None, maps: Path | None, *, overwrite: bool) -> None:
    """Refuse outputs that cannot be written, before the model is loaded.

    Args:
        path: the table; None: there is none.
        maps: the folder of the maps.
        overwrite: existing output may be replaced.

    Raises:
        OutputError: unknown suffix, or the output exists; a folder that holds no maps is never replaced.
    """
    if path is not None:
        _check_table(path, overwrite=overwrite)
    if maps is not None:
        refuse_existing(maps, ours=lambda entry: (entry.parent / LEGEND).is_file(), overwrite=overwrite)


def _check_table(path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(
            "not a .csv or .parquet file",
            where=path,
            remedy="name such a file, or a folder (no dot in its name) for Parquet chunks.",
        )
    refuse_existing(path, overwrite=overwrite)


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
    if predictions.numbers is not None:
        return columns | {PREDICTED + name: predictions.numbers[:, j] for j, name in enumerate(classes)}
    if predictions.present is not None:
        columns["labels"] = [list_of_names(classes, row) for row in predictions.present]
        if predictions.sets is not None:
            columns["set"] = [list_of_names(classes, row) for row in predictions.sets]
        return columns | {f"p_{name}": probabilities[:, j] for j, name in enumerate(classes)}
    columns["prediction"] = [classes[int(i)] for i in best]
    columns["probability"] = probabilities.max(axis=1) if n else np.zeros(0, np.float32)
    if predictions.typicality is not None:
        columns["answer"] = [(*classes, UNKNOWN)[int(i)] for i in predictions.answers]
        columns["typicality"] = predictions.typicality
    if predictions.sets is not None:
        columns["set"] = ["|".join(np.array(classes)[members].tolist()) for members in predictions.sets]
    if predictions.attention is not None:
        columns["attention"] = predictions.attention
    if predictions.unknown is not None:
        columns["unknown_share"] = predictions.unknown
    for j, name in enumerate(classes):
        columns[f"p_{name}"] = probabilities[:, j]
    return columns
