"""Predict an archive into rows, by a batch run whose chunks are deleted once they are read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from handful.deployment.batch.archive import Archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.run import run_archive
from handful.deployment.label_lists import PREDICTED
from handful.deployment.predict_table import CHUNK, PredictedChunk
from handful.deployment.table_files import ERROR, Columns
from handful.errors import DataError

SUMMARY_COLUMNS = ("id", "label", "labels", "prediction", "probability", ERROR)


def predict_archive(
    job: BatchJob,
    archive: Archive,
    *,
    strict: bool = False,
    start: Callable[[int, int], None] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Iterator[PredictedChunk]:
    """The rows of all images of an archive, some at a time, as `handful.deployment.predict_table` writes them.

    Args:
        job: the model and its options.
        archive: the images.
        strict: refuse an image that cannot be read.
        start: called with the number of images.
        advance: called with a number of images each time some are predicted.

    Raises:
        DataError, ModelError: as `run_archive`; with `strict`, an image cannot be read.
    """
    with TemporaryDirectory(prefix="handful-") as folder:
        out = Path(folder)
        run_archive(job, archive, out, chunk_size=CHUNK, start=start, advance=advance)
        for chunk in read_predictions(out):
            if strict and chunk.errors:
                row, what = next(iter(chunk.errors.items()))
                raise DataError(what, where=chunk.columns["id"][row], remedy="replace or remove this image.")
            yield chunk


def read_predictions(folder: Path, *, probabilities: bool = True) -> Iterator[PredictedChunk]:
    """The rows of a complete batch run.

    Args:
        folder: that `run_archive` wrote with the job "predict".
        probabilities: read those of all classes too, besides the predicted one's.

    Raises:
        OSError, pyarrow.ArrowException: a chunk is damaged.
    """
    for file in sorted(folder.glob("part-*.parquet")):
        columns = (
            None
            if probabilities
            else [n for n in pq.read_schema(file).names if n in SUMMARY_COLUMNS or n.startswith(PREDICTED)]
        )
        yield _read_chunk(pq.read_table(file, columns=columns))


def _read_chunk(table: pa.Table) -> PredictedChunk:
    columns: Columns = {}
    for name in table.column_names[:-1]:
        column = table.column(name)
        is_number = pa.types.is_floating(column.type)
        columns[name] = np.array(column.to_pylist(), np.float32) if is_number else column.to_pylist()
    errors = {i: text for i, text in enumerate(table.column(ERROR).to_pylist()) if text is not None}
    return PredictedChunk(columns, errors)
