"""Write the chunks of a plan: prefetch images, run the model, write each Parquet file whole or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8

from handful.core.dataset import Image
from handful.core.files import write_atomically
from handful.core.pixel_range import PixelRange
from handful.deployment.batch.image_locations import ImageLocation
from handful.deployment.batch.plan import DRAFT, Plan
from handful.deployment.batch.prefetch import ArchiveReader, LoadedImage, prefetch_images
from handful.errors import DataError

FAILED = b"handful.failed"  # metadata key of a chunk: how many of its images could not be read


@runtime_checkable
class LoadedJob(Protocol):
    """A batch job with its model in memory: computes the columns of the output for a few images at a time."""

    @property
    def batch_size(self) -> int:
        """The largest number of images that `columns` is called with."""
        ...

    @property
    def pixel_range(self) -> PixelRange | None:
        """How the model scales images of more than 8 bits per channel."""
        ...

    def resize(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """An image at the model's input size."""
        ...

    def columns(self, images: Sequence[LoadedImage]) -> pa.Table:
        """One row per image, in their order; none of them is unreadable."""
        ...


@dataclass(frozen=True)
class WrittenChunk:
    """A chunk whose file is complete."""

    chunk: int
    images: int
    failed: int


def write_chunks(plan: Plan, chunks: Iterable[int], job: LoadedJob, *, threads: int) -> Iterator[WrittenChunk]:
    """Write chunks, and yield each one once its file is complete.

    Args:
        plan: the plan of the run.
        chunks: numbers of the chunks to write.
        job: computes the rows.
        threads: number of threads that decode images.

    Raises:
        DataError: no image of a chunk can be opened, so its folder or shard must have disappeared.
    """
    sizes: dict[int, int] = {}

    def locations() -> Iterator[ImageLocation]:
        for chunk, members in plan.locations(chunks):
            sizes[chunk] = len(members)
            yield from members

    reader = ArchiveReader(Path(plan.identity.root), column=plan.identity.column, pixel_range=job.pixel_range)
    images = prefetch_images(locations(), reader, job.resize, threads=threads, max_waiting=2 * job.batch_size)
    try:
        for first in images:
            chunk = next(iter(sizes))
            yield _write_chunk(plan, chunk, chain((first,), islice(images, sizes[chunk] - 1)), job)
            del sizes[chunk]
    finally:
        images.close()


def _write_chunk(plan: Plan, chunk: int, images: Iterator[LoadedImage], job: LoadedJob) -> WrittenChunk:
    count = failed = 0
    path = plan.chunk_path(chunk)
    draft_path = path.with_name(f"_{path.name}.{uuid4().hex[:8]}{DRAFT}")  # two workers may write the same chunk
    unreadable = ""
    with write_atomically(path, draft=draft_path) as draft, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for batch in _batches(images, job.batch_size):
            table = _with_errors(job, batch)
            writer = writer or stack.enter_context(pq.ParquetWriter(draft, table.schema))
            writer.write_table(table)
            count += len(batch)
            failed += sum(r.image is None for r in batch)
            unreadable = unreadable or next((r.location.file for r in batch if r.image is None), "")
        if failed == count:
            _refuse_missing_source(plan, chunk, Path(plan.identity.root) / unreadable)
        assert writer is not None  # a chunk has at least one image
        writer.add_key_value_metadata({FAILED: str(failed)})
    return WrittenChunk(chunk, count, failed)


def _batches(images: Iterator[LoadedImage], size: int) -> Iterator[list[LoadedImage]]:
    while batch := list(islice(images, size)):
        yield batch


def _with_errors(job: LoadedJob, batch: Sequence[LoadedImage]) -> pa.Table:
    """The rows of all images of a batch; an unreadable one has only its id and its error."""
    readable = [r for r in batch if r.image is not None]
    table = job.columns(readable)
    if len(readable) < len(batch):
        row = iter(range(len(readable)))
        table = table.take(pa.array([None if r.image is None else next(row) for r in batch], pa.int64()))
    ids = pa.array([r.location.id for r in batch], pa.string())
    table = table.add_column(0, "id", ids)
    return table.append_column("error", pa.array([r.error for r in batch], pa.string()))


def _refuse_missing_source(plan: Plan, chunk: int, path: Path) -> None:
    """Refuse a chunk without a readable image if the files are gone: it says nothing about the images."""
    if path.exists():
        return
    raise DataError(
        f"no image of chunk {chunk} of {plan.chunk_count} can be opened",
        where=path,
        remedy="put the images back at this path, and run the same command again.",
    )


def count_rows(path: Path) -> tuple[int, int]:
    """Number of rows of a chunk, and how many of them hold an error instead of a prediction."""
    meta = pq.read_metadata(path)
    return int(meta.num_rows), int((meta.metadata or {}).get(FAILED, b"0"))
