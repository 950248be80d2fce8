"""Word vectors from GloVe, fastText and word2vec files, text or binary, also gzipped. Only wanted words are kept."""

import gzip
import io
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.errors import DataError

Vector = Float[np.ndarray, " d"]
Reader = io.BufferedReader | gzip.GzipFile
CHUNK = 2**18


def read_words(path: Path, wanted: Set[str]) -> dict[str, Vector]:
    """The float32 vectors of those `wanted` words that the file has, read in one pass; the first of a word counts.

    A line of text is a word and d numbers, with or without a first line "n d". word2vec's binary form is told by its
    content. Words of text files that hold a space (GloVe 840B has some) are passed over.

    Raises:
        DataError: no such file, damaged, or of another kind.
    """
    names = {word.encode() for word in wanted}
    found: dict[str, Vector] = {}
    for word, raw in _entries(path):
        if word in names and word.decode() not in found:
            found[word.decode()] = _numbers(raw, path, word)
            if len(found) == len(names):
                break
    return found


def known_words(path: Path, *, limit: int) -> Iterator[str]:
    """The first words of a file, which are its commonest.

    Raises:
        DataError: as `read_words`.
    """
    for i, (word, _) in enumerate(_entries(path)):
        if i == limit:
            return
        yield word.decode(errors="replace")


def _entries(path: Path) -> Iterator[tuple[bytes, bytes | list[bytes]]]:
    """Each word with its numbers, still as the file has them."""
    if not path.is_file():
        raise DataError("there is no such file of word vectors", where=path, remedy="check the path.")
    try:
        with _open(path) as file:
            first = file.readline(CHUNK)
            header = first.split()
            if len(header) == 2 and all(part.isdigit() for part in header):
                count, size = int(header[0]), int(header[1])
                if size and not _is_text(file.peek(CHUNK), size):
                    yield from _binary(file, count, size, path)
                else:
                    yield from _text(file, b"", size)
            else:
                yield from _text(file, first, len(first.split()) - 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"the file is cut short or damaged ({error})", where=path, remedy="fetch it again.") from error


@contextmanager
def _open(path: Path) -> Iterator[Reader]:
    with path.open("rb") as file:
        if file.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        else:
            yield file


def _is_text(start: bytes, size: int) -> bool:
    """Whether what follows a header begins with a line of a word and `size` numbers, as far as it is given."""
    line, newline, _ = start.partition(b"\n")
    fields = line.rstrip().split(b" ")
    if newline and len(fields) != size + 1:
        return False
    try:
        return all(isfinite(float(f)) for f in (fields[1:] if newline else fields[1:-1]))
    except ValueError:
        return False


def _text(file: Reader, first: bytes, size: int) -> Iterator[tuple[bytes, list[bytes]]]:
    line = first or file.readline()
    while line:
        fields = line.rstrip().split(b" ")
        if len(fields) == size + 1 and size > 0:
            yield fields[0], fields[1:]
        line = file.readline()


def _binary(file: Reader, count: int, size: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    buffer, at = b"", 0
    for i in range(count):
        while (space := buffer.find(b" ", at)) < 0 or len(buffer) < space + 1 + 4 * size:
            more = file.read(CHUNK)
            if not more or len(buffer) - at > CHUNK + 4 * size:
                raise DataError(
                    f"the file ends after {i} of {count} words, or is damaged", where=path, remedy="fetch it again."
                )
            buffer, at = buffer[at:] + more, 0
        yield buffer[at:space].lstrip(b"\n"), buffer[space + 1 : space + 1 + 4 * size]
        at = space + 1 + 4 * size


def _numbers(raw: bytes | list[bytes], path: Path, word: bytes) -> Vector:
    try:
        if isinstance(raw, bytes):
            vector = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        else:
            vector = np.array([float(number) for number in raw], dtype=np.float32)
    except ValueError as error:
        raise DataError(
            f"the vector of {word.decode(errors='replace')!r} is not made of numbers",
            where=path,
            remedy="give a GloVe, fastText or word2vec file.",
        ) from error
    if not np.isfinite(vector).all():
        raise DataError(f"the vector of {word.decode()!r} is not finite", where=path, remedy="fetch the file again.")
    return vector
