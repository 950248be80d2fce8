"""Predict many images into a table, some at a time, so that memory does not grow with their number."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.core.files import refuse_existing, replace_folder, safe_path, write_atomically
from handful.core.prediction import UNKNOWN, Predictions, Predictor
from handful.data.images import pixels, sample_size
from handful.errors import OutputError
from handful.reports.overlay import paint_regions, palette

SUFFIXES = (".csv", ".parquet")
LEGEND = "legend.csv"  # in the folder of maps
CHUNK = 256  # samples between two writes


class _Writer(Protocol):
    def __call__(self, columns: dict[str, Any]) -> None: ...


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
    """Write a row per sample: id, predicted class, its probability, and every class's probability.

    Where the data has labels there is a column `label` too (empty: none). A model that was trained with conformal sets
    gives a column `set`, the classes with "|" between (empty: none is near enough); one that rejects gives `typicality`
    and `answer`, which is the predicted class, or "I do not know" where the image is rejected. The file appears whole
    or not at all.

    Args:
        classifier: a trained one.
        data: what to predict; its own class names may differ from the classifier's.
        path: a .csv or .parquet file.
        maps: a folder for pictures of the predicted segmentation over each image, `<id>.png`; `legend.csv` there
            says which colour is which class.
        coverage: of the sets; None: what the model was trained for.
        overwrite: replace what is there.
        advance: called with the number of samples just written.

    Returns:
        How many images were predicted to be of each class, the rejected ones apart.

    Raises:
        OutputError: another suffix, or something is there already.
        DataError: an image cannot be read, or an id leads out of the folder for the maps.
        ModelError: `maps` is given and the classifier does not segment, or sets of this coverage cannot be given.

    Example:
        >>> from handful import load_data, load_recipe, predict_table, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> counts = predict_table(classifier, digits, "predictions.csv")
        >>> sum(counts.values())
        30
    """
    path = Path(path)
    check_outputs(path, maps, overwrite=overwrite)
    if maps is not None:
        _check_maps(classifier)
    if coverage is not None:
        classifier.judge(data.select(()), coverage=coverage)
    colours = palette(len(classifier.classes))
    labelled = any(s.label is not None for s in data.samples)
    found = np.zeros(len(classifier.classes) + 1, dtype=np.int64)  # the last: rejected
    with (
        nullcontext() if maps is None else replace_folder(maps) as draft_maps,
        write_atomically(path) as draft,
        _open(draft, path.suffix) as write,
    ):
        if draft_maps is not None:
            _legend(draft_maps / LEGEND, classifier.classes, colours)
        for start in range(0, max(1, len(data)), CHUNK):
            part = data.select(range(start, min(start + CHUNK, len(data))))
            images = part.without_labels()
            judged = classifier.judge(images, coverage=coverage)
            columns = columns_of(classifier.classes, part.ids, judged)
            if labelled:
                names = [None if s.label is None else part.classes[s.label] for s in part.samples]
                columns = {"id": columns["id"], "label": names, **columns}
            write(columns)
            found += np.bincount(judged.answers, minlength=len(found))
            if draft_maps is not None:
                for sample, map_ in zip(part.samples, classifier.maps(images), strict=True):
                    _draw(draft_maps, sample, map_, classifier, colours)
            if advance is not None:
                advance(len(part))
    counts = dict(zip(classifier.classes, found[:-1].tolist(), strict=True))
    return counts | ({UNKNOWN: int(found[-1])} if classifier.false_rejection else {})


def check_outputs(path: Path, maps: Path | None, *, overwrite: bool) -> None:
    """Refuse what cannot be written, before the model is loaded.

    Raises:
        OutputError: another suffix, or something is there already; a folder that holds no maps is never replaced.
    """
    if path.suffix not in SUFFIXES:
        raise OutputError(
            "this is neither .csv nor .parquet",
            where=path,
            remedy="name such a file, or a folder (no dot in its name) for Parquet parts.",
        )
    refuse_existing(path, overwrite=overwrite)
    if maps is not None:
        refuse_existing(maps, ours=lambda entry: (entry.parent / LEGEND).is_file(), overwrite=overwrite)


def _check_maps(classifier: Predictor) -> None:
    """Refuse a model that does not segment, by a blank image, before anything is predicted.

    Raises:
        ModelError: it does not.
    """
    blank = Dataset((Sample("blank", np.zeros((3, 8, 8), np.uint8)),), classifier.classes)
    next(iter(classifier.maps(blank)))


def columns_of(classes: tuple[str, ...], ids: Sequence[str], judged: Predictions) -> dict[str, Any]:
    """What a model said of some images, by column: texts as lists, numbers as arrays."""
    probabilities = judged.probabilities
    n = len(ids)
    best = probabilities.argmax(axis=1) if n else np.zeros(0, np.int64)
    columns: dict[str, Any] = {"id": list(ids)}
    columns["prediction"] = [classes[int(i)] for i in best]
    columns["probability"] = probabilities.max(axis=1) if n else np.zeros(0, np.float32)
    if judged.typicality is not None:
        columns["answer"] = [(*classes, UNKNOWN)[int(i)] for i in judged.answers]
        columns["typicality"] = judged.typicality
    if judged.sets is not None:
        columns["set"] = ["|".join(np.array(classes)[own].tolist()) for own in judged.sets]
    for j, name in enumerate(classes):
        columns[f"p_{name}"] = probabilities[:, j]
    return columns


def to_arrow(columns: dict[str, Any]) -> Any:
    """The columns as a table of pyarrow's."""
    import pyarrow as pa

    kinds = {name: pa.float32() if isinstance(c, np.ndarray) else pa.string() for name, c in columns.items()}
    return pa.table(columns, schema=pa.schema(list(kinds.items())))


@contextmanager
def _open(path: Path, suffix: str) -> Iterator[_Writer]:
    if suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)

            def write_rows(columns: dict[str, Any]) -> None:
                if file.tell() == 0:
                    table.writerow(columns)
                cells = [[f"{x:.6g}" for x in c] if isinstance(c, np.ndarray) else c for c in columns.values()]
                table.writerows(zip(*cells, strict=True))

            yield write_rows
        return
    import pyarrow.parquet as pq

    held: list[Any] = []
    try:

        def write_group(columns: dict[str, Any]) -> None:
            table = to_arrow(columns)
            if not held:
                held.append(pq.ParquetWriter(path, table.schema))
            held[0].write_table(table)

        yield write_group
    finally:
        for writer in held:
            writer.close()


def _draw(folder: Path, sample: Sample, map_: Float[np.ndarray, "k1 h w"], classifier: Predictor, colours: Any) -> None:
    """One picture: the likeliest class of each pixel, at the image's own size."""
    path = safe_path(folder, f"{sample.id}.png")
    likeliest = map_.argmax(axis=0)
    size = sample_size(sample)
    regions = np.zeros(size, dtype=np.int64)
    for value in np.unique(likeliest[likeliest > 0]):
        regions[classifier.own_size(likeliest == value, size)] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(paint_regions(pixels(sample), regions, colours).transpose(1, 2, 0)).save(path, format="PNG")


def _legend(path: Path, classes: tuple[str, ...], colours: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("class", "colour"))
        rows.writerows((name, "#" + bytes(c).hex()) for name, c in zip(classes, colours, strict=True))
