"""Archives of small gray images in every form, and a batch task that measures their gray level without a model."""

import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Picture

from handful.core.dataset import Image
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import Plan
from handful.deployment.batch.prefetch import LoadedImage
from handful.deployment.batch.run import RunSummary, run_archive
from handful.deployment.batch.write_chunks import WrittenChunk, write_chunks


def gray_png(number: int, side: int = 6) -> bytes:
    """A PNG of one gray level, the number."""
    file = io.BytesIO()
    Picture.fromarray(np.full((side, side + 1), number, np.uint8)).save(file, format="PNG")
    return file.getvalue()


def write_folder(root: Path, count: int) -> Path:
    """Image files 0 to `count` - 1 in three folders."""
    for i in range(count):
        path = root / f"{i % 3}" / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gray_png(i))
    return root


def write_tar(path: Path, numbers: Sequence[int], *, compression: str = "") -> Path:
    """A shard in WebDataset's form: an image and a class file for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode: Any = f"w:{compression}"
    with tarfile.open(path, mode) as file:
        for i in numbers:
            for name, content in ((f"{i:03d}.png", gray_png(i)), (f"{i:03d}.cls", b"1")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return path


def write_parquet(path: Path, numbers: Sequence[int], *, nested: bool = True, group: int = 4) -> Path:
    """A Parquet table of images, as Hugging Face writes them (`nested`) or as bytes alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": gray_png(i), "path": f"{i}.png"} if nested else gray_png(i) for i in numbers]
    pq.write_table(pa.table({"image": images, "label": list(numbers)}), path, row_group_size=group)
    return path


class GrayLevel:
    """One row per image: its gray level and height."""

    batch_size = 4
    pixel_range = None

    def resize(self, image: Image) -> Image:
        return image

    def columns(self, images: Sequence[LoadedImage]) -> pa.Table:
        levels = [int(r.image[0, 0, 0]) for r in images if r.image is not None]
        return pa.table(
            {"level": pa.array(levels, pa.int32()), "height": pa.array([r.size[0] for r in images], pa.int32())}
        )


def write_gray_levels(plan: Plan, chunks: list[int], job: BatchJob) -> Iterable[WrittenChunk]:
    """Stands for the executor of a batch run: the rows of a chunk are gray levels, whatever the job."""
    return write_chunks(plan, chunks, GrayLevel(), threads=2)


def run_gray_levels(
    job: BatchJob, source: Path, out: Path, *, chunk_size: int | None = 4, overwrite: bool = False
) -> RunSummary:
    """A batch run on an archive in which every job measures gray levels."""
    return run_archive(
        job, find_archive(str(source)), out, chunk_size=chunk_size, overwrite=overwrite, executor=write_gray_levels
    )
