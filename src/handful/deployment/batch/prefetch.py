"""Prefetch the images of an archive: read and decode them in threads, ahead of the model."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8

from handful.core.dataset import Image
from handful.core.pixel_range import PixelRange
from handful.data.images import read_bytes, read_image
from handful.deployment.batch.image_locations import ImageLocation
from handful.errors import DataError

MAX_BYTES = 2**27  # of decoded images that wait for the model


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image at the model's input size, with the height and width that it had before; or why it cannot be read."""

    location: ImageLocation
    image: Image | None
    size: tuple[int, int] = (0, 0)
    error: str | None = None


class ArchiveReader:
    """Reads images of the archive at `root`.

    Args:
        root: the archive's folder.
        column: the column of Parquet files with the images.
        pixel_range: how the model scales images of more than 8 bits per channel.
    """

    def __init__(self, root: Path, *, column: str = "image", pixel_range: PixelRange | None = None) -> None:
        self.root = root
        self.column = column
        self.pixel_range = pixel_range
        # Rows come in order: at most two row groups are in memory, the second while the first is still in use.
        self._row_group = lru_cache(maxsize=2)(self._load_row_group)
        self._loading = Lock()

    def read(self, location: ImageLocation, finish: Callable[[Image], Image] | None = None) -> Image:
        """The decoded image, after `finish`: threads decode and finish one large image at a time.

        Raises:
            DataError: its file is missing, or the image is damaged or too large.
        """
        path = self.root / location.file
        if location.length < 0:
            return read_image(path, pixel_range=self.pixel_range, finish=finish)
        data = self._bytes(path, location)
        return read_bytes(data, where=location.id, pixel_range=self.pixel_range, finish=finish)

    def _bytes(self, path: Path, location: ImageLocation) -> bytes:
        try:
            if path.suffix.lower() == ".parquet":
                return self._cell(path, location)
            with path.open("rb") as file:
                file.seek(location.offset)
                return file.read(location.length)
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"the shard cannot be read ({error})", where=path, remedy="check that it is still at this path."
            ) from error

    def _cell(self, path: Path, location: ImageLocation) -> bytes:
        with self._loading:
            column = self._row_group(path, location.block)
        cell = column[location.offset].as_py()
        cell = cell.get("bytes") if isinstance(cell, dict) else cell
        if cell is None:
            raise DataError("this row has no image", where=location.id, remedy=f"fill in {self.column}.")
        return bytes(cell)

    def _load_row_group(self, path: Path, block: int) -> pa.ChunkedArray:
        return pq.ParquetFile(path).read_row_group(block, columns=[self.column]).column(0)


def prefetch_images(
    locations: Iterable[ImageLocation],
    reader: ArchiveReader,
    resize: Callable[[Image], Image],
    *,
    threads: int,
    max_waiting: int,
) -> Generator[LoadedImage, None, None]:
    """Load images in the order of their locations, decoded by threads before they are needed.

    Args:
        locations: the images to load.
        reader: reads and decodes them.
        resize: brings an image to the model's input size; called in the threads.
        threads: number of threads.
        max_waiting: number of images that may wait; fewer where they would take more than `MAX_BYTES` bytes.
    """

    def load(location: ImageLocation) -> LoadedImage:
        size = (0, 0)

        def resize_to_model(image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
            nonlocal size
            size = (image.shape[1], image.shape[2])
            return resize(image)

        try:
            return LoadedImage(location, reader.read(location, resize_to_model), size)
        except DataError as error:
            return LoadedImage(location, None, error=error.what)

    waiting: deque[Future[LoadedImage]] = deque()
    remaining = iter(locations)
    limit = threads
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            while True:
                free = max(0, limit + 1 - len(waiting))
                waiting.extend(pool.submit(load, location) for location in islice(remaining, free))
                if not waiting:
                    return
                loaded = waiting.popleft().result()
                if loaded.image is not None:
                    limit = max(threads, min(max_waiting, MAX_BYTES // loaded.image.nbytes))
                yield loaded
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
