"""Archives of a few small pictures in every form, and a task that needs no model."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Picture

from handful.core.dataset import Image
from handful.deployment.batch.prefetch import LoadedImage


def png(number: int, side: int = 6) -> bytes:
    """A gray picture whose level is the number."""
    file = io.BytesIO()
    Picture.fromarray(np.full((side, side + 1), number, np.uint8)).save(file, format="PNG")
    return file.getvalue()


def folder(root: Path, count: int) -> Path:
    for i in range(count):
        path = root / f"{i % 3}" / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(i))
    return root


def tar(path: Path, numbers: Sequence[int], *, compression: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode: Any = f"w:{compression}"
    with tarfile.open(path, mode) as file:
        for i in numbers:
            for name, content in ((f"{i:03d}.png", png(i)), (f"{i:03d}.cls", b"1")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return path


def parquet(path: Path, numbers: Sequence[int], *, nested: bool = True, group: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": png(i), "path": f"{i}.png"} if nested else png(i) for i in numbers]
    pq.write_table(pa.table({"image": images, "label": list(numbers)}), path, row_group_size=group)
    return path


class Level:
    """One row per image: its gray level and height."""

    batch_size = 4

    def resize(self, image: Image) -> Image:
        return image

    def columns(self, images: Sequence[LoadedImage]) -> pa.Table:
        levels = [int(r.image[0, 0, 0]) for r in images if r.image is not None]
        return pa.table(
            {"level": pa.array(levels, pa.int32()), "height": pa.array([r.size[0] for r in images], pa.int32())}
        )
