"""Read and decode the images of an archive ahead of the model that wants them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.dataset import Image
from handful.data.images import read_bytes, read_image
from handful.deployment.batch.archive import Piece
from handful.errors import DataError

AHEAD = 2**27  # bytes of decoded images that wait at most


@dataclass(frozen=True, eq=False)
class Read:
    """A piece with its image as `fit` left it and its own height and width; or what is wrong with it."""

    piece: Piece
    image: Image | None
    size: tuple[int, int] = (0, 0)
    error: str | None = None


class Reader:
    """Images of the archive at `root`; `column` holds the images of Parquet files."""

    def __init__(self, root: Path, *, column: str = "image") -> None:
        self.root = root
        self.column = column
        # Rows come in order: two row groups are in memory at most, the second while the first is still in use.
        self._block = lru_cache(maxsize=2)(self._load_block)
        self._loading = Lock()

    def image(self, piece: Piece) -> Image:
        """The decoded image.

        Raises:
            DataError: its file is missing, or it is damaged or too large.
        """
        path = self.root / piece.file
        if piece.length < 0:
            return read_image(path)
        return read_bytes(self._bytes(path, piece), where=piece.id)

    def _bytes(self, path: Path, piece: Piece) -> bytes:
        try:
            if path.suffix == ".parquet":
                return self._cell(path, piece)
            with path.open("rb") as file:
                file.seek(piece.offset)
                return file.read(piece.length)
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"the shard cannot be read ({error})", where=path, remedy="check that it is still where it was."
            ) from error

    def _cell(self, path: Path, piece: Piece) -> bytes:
        with self._loading:
            column = self._block(path, piece.block)
        cell = column[piece.offset].as_py()
        cell = cell.get("bytes") if isinstance(cell, dict) else cell
        if cell is None:
            raise DataError("this row has no image", where=piece.id, remedy=f"fill in {self.column}.")
        return bytes(cell)

    def _load_block(self, path: Path, block: int) -> Any:
        return pq.ParquetFile(path).read_row_group(block, columns=[self.column]).column(0)


def read_ahead(
    pieces: Iterable[Piece], reader: Reader, fit: Callable[[Image], Image], *, threads: int, most: int
) -> Iterator[Read]:
    """The pieces in their order, decoded by threads before they are asked for.

    Args:
        pieces: what to read.
        reader: where from.
        fit: brings an image to the size it is needed at, in the threads too.
        threads: that decode.
        most: images that wait; fewer where they are so large that they would take more than `AHEAD` bytes.
    """

    def read(piece: Piece) -> Read:
        try:
            image = reader.image(piece)
        except DataError as error:
            return Read(piece, None, error=error.what)
        return Read(piece, fit(image), (image.shape[1], image.shape[2]))

    waiting: deque[Future[Read]] = deque()
    left = iter(pieces)
    limit = threads
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            while True:
                waiting.extend(pool.submit(read, piece) for piece in islice(left, max(0, limit + 1 - len(waiting))))
                if not waiting:
                    return
                done = waiting.popleft().result()
                if done.image is not None:
                    limit = max(threads, min(most, AHEAD // done.image.nbytes))
                yield done
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
