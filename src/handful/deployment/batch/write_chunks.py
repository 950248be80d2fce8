"""Do the parts of a plan: read ahead, ask the model, write each part whole or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8

from handful.core.dataset import Image
from handful.core.files import settle
from handful.deployment.batch.archive import Piece
from handful.deployment.batch.plan import DRAFT, Plan
from handful.deployment.batch.prefetch import Read, Reader, read_ahead
from handful.errors import DataError

FAILED = b"handful.failed"  # key of a part's metadata: how many of its images could not be read


@runtime_checkable
class Work(Protocol):
    """What is done with images: a table of columns for a few of them, a row each, in their order."""

    @property
    def chunk(self) -> int:
        """How many images are done at a time, at most."""
        ...

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image at the size that it is needed at."""
        ...

    def columns(self, reads: Sequence[Read]) -> pa.Table:
        """The rows of these images; no image in it that could not be read, which is `reads` without them."""
        ...


@dataclass(frozen=True)
class Done:
    """A part that was written."""

    part: int
    images: int
    failed: int


def do_parts(plan: Plan, parts: Iterable[int], work: Work, *, threads: int) -> Iterator[Done]:
    """Write these parts, and tell of each when it is in its place.

    Raises:
        DataError: no image of a part can be opened, so that its folder or shard must have gone.
    """
    sizes: dict[int, int] = {}

    def pieces() -> Iterator[Piece]:
        for part, own in plan.pieces(parts):
            sizes[part] = len(own)
            yield from own

    reader = Reader(Path(plan.job.root), column=plan.job.column)
    reads = read_ahead(pieces(), reader, work.fitted, threads=threads, most=2 * work.chunk)
    try:
        for first in reads:
            part = next(iter(sizes))
            yield _do_part(plan, part, chain((first,), _some(reads, sizes[part] - 1)), work)
            del sizes[part]
    finally:
        reads.close()  # type: ignore[attr-defined]


def _some(reads: Iterator[Read], number: int) -> Iterator[Read]:
    for _ in range(number):
        yield next(reads)


def _do_part(plan: Plan, part: int, reads: Iterator[Read], work: Work) -> Done:
    images = failed = 0
    path = plan.part_file(part)
    draft = path.with_name(f"_{path.name}.{uuid4().hex[:8]}{DRAFT}")
    writer: Any = None
    gone = ""
    try:
        for chunk in _chunks(reads, work.chunk):
            table = _with_failed(work, chunk)
            writer = writer or pq.ParquetWriter(draft, table.schema)
            writer.write_table(table)
            images += len(chunk)
            failed += sum(r.image is None for r in chunk)
            gone = gone or next((r.piece.file for r in chunk if r.image is None), "")
        if failed == images:
            _refuse_gone(plan, part, Path(plan.job.root) / gone)
        writer.add_key_value_metadata({FAILED: str(failed)})
    except BaseException:
        if writer is not None:
            writer.close()
        draft.unlink(missing_ok=True)
        raise
    writer.close()
    settle(draft, path)
    return Done(part, images, failed)


def _chunks(reads: Iterator[Read], most: int) -> Iterator[list[Read]]:
    chunk: list[Read] = []
    for read in reads:
        chunk.append(read)
        if len(chunk) == most:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _with_failed(work: Work, chunk: Sequence[Read]) -> pa.Table:
    """The rows of all images: of one that could not be read the id, and what is wrong with it."""
    good = [r for r in chunk if r.image is not None]
    table = work.columns(good)
    if len(good) < len(chunk):
        place = iter(range(len(good)))
        table = table.take(pa.array([None if r.image is None else next(place) for r in chunk], pa.int64()))
    ids = pa.array([r.piece.id for r in chunk], pa.string())
    table = table.add_column(0, "id", ids)
    return table.append_column("error", pa.array([r.error for r in chunk], pa.string()))


def _refuse_gone(plan: Plan, part: int, path: Path) -> None:
    """A part with no readable image may be true; without the files it only says that the disk has gone."""
    if path.exists():
        return
    raise DataError(
        f"no image of part {part} of {plan.parts} can be opened",
        where=path,
        remedy="bring the images back to where they were; the same command then goes on.",
    )


def failed_in(path: Path) -> tuple[int, int]:
    """How many rows a part has, and how many of them have no answer."""
    meta = pq.read_metadata(path)
    return int(meta.num_rows), int((meta.metadata or {}).get(FAILED, b"0"))
