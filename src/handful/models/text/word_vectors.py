"""Word vectors from GloVe, fastText and word2vec files: text, binary or gzipped, reading only the requested words."""

import gzip
import io
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.errors import DataError

Vector = Float[np.ndarray, " d"]
Reader = io.BufferedReader | gzip.GzipFile
CHUNK = 2**18


@dataclass(frozen=True)
class WordFile:
    """A file of word vectors."""

    where: Path

    def vectors(self, words: Set[str]) -> dict[str, Vector]:
        """As `read_word_vectors`."""
        return read_word_vectors(self.where, words)

    def frequent(self, limit: int) -> Iterator[str]:
        """As `first_words`."""
        return first_words(self.where, limit=limit)


def read_word_vectors(path: Path, words: Set[str]) -> dict[str, Vector]:
    """The float32 vectors of those `words` that the file has, read in one pass; the first entry of a word counts.

    A line of a text file is a word and d numbers; a first line "n d" is optional. word2vec's binary format is detected
    from the content. Words with a space in text files (GloVe 840B has some) are skipped.

    Raises:
        DataError: the file does not exist, is damaged, or is not a file of word vectors.
    """
    encoded = {word.encode() for word in words}
    vectors: dict[str, Vector] = {}
    for word, raw in _entries(path):
        if word in encoded and word.decode() not in vectors:
            vectors[word.decode()] = _parse_vector(raw, path, word)
            if len(vectors) == len(encoded):
                break
    return vectors


def first_words(path: Path, *, limit: int) -> Iterator[str]:
    """The first `limit` words of a file, which are its most frequent ones.

    Raises:
        DataError: as `read_word_vectors`.
    """
    for i, (word, _) in enumerate(_entries(path)):
        if i == limit:
            return
        yield word.decode(errors="replace")


def _entries(path: Path) -> Iterator[tuple[bytes, bytes | list[bytes]]]:
    """Each word with its numbers as they are in the file, not parsed."""
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    try:
        with _open(path) as file:
            first = file.readline(CHUNK)
            header = first.split()
            if len(header) == 2 and all(part.isdigit() for part in header):
                count, size = int(header[0]), int(header[1])
                if size and not _is_text(file.peek(CHUNK), size):
                    yield from _binary_entries(file, count, size, path)
                else:
                    yield from _text_entries(file, b"", size)
            else:
                yield from _text_entries(file, first, len(first.split()) - 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"the file is cut short or damaged ({error})", where=path, remedy="download it again."
        ) from error


@contextmanager
def _open(path: Path) -> Iterator[Reader]:
    with path.open("rb") as file:
        if file.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        else:
            yield file


def _is_text(start: bytes, size: int) -> bool:
    """Whether the bytes after a header begin a text line of a word and `size` numbers; the line may be incomplete."""
    line, newline, _ = start.partition(b"\n")
    fields = line.rstrip().split(b" ")
    if newline and len(fields) != size + 1:
        return False
    try:
        return all(isfinite(float(f)) for f in (fields[1:] if newline else fields[1:-1]))
    except ValueError:
        return False


def _text_entries(file: Reader, first: bytes, size: int) -> Iterator[tuple[bytes, list[bytes]]]:
    line = first or file.readline()
    while line:
        fields = line.rstrip().split(b" ")
        if len(fields) == size + 1 and size > 0:
            yield fields[0], fields[1:]
        line = file.readline()


def _binary_entries(file: Reader, count: int, size: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    buffer, start = b"", 0
    for i in range(count):
        while (space := buffer.find(b" ", start)) < 0 or len(buffer) < space + 1 + 4 * size:
            chunk = file.read(CHUNK)
            if not chunk or len(buffer) - start > CHUNK + 4 * size:
                raise DataError(
                    f"the file ends after {i} of {count} words, or is damaged", where=path, remedy="download it again."
                )
            buffer, start = buffer[start:] + chunk, 0
        yield buffer[start:space].lstrip(b"\n"), buffer[space + 1 : space + 1 + 4 * size]
        start = space + 1 + 4 * size


def _parse_vector(raw: bytes | list[bytes], path: Path, word: bytes) -> Vector:
    try:
        if isinstance(raw, bytes):
            vector = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        else:
            vector = np.array([float(number) for number in raw], dtype=np.float32)
    except ValueError as error:
        raise DataError(
            f"the vector of {word.decode(errors='replace')!r} is not a list of numbers",
            where=path,
            remedy="give a GloVe, fastText or word2vec file.",
        ) from error
    if not np.isfinite(vector).all():
        raise DataError(f"the vector of {word.decode()!r} is not finite", where=path, remedy="download the file again.")
    return vector
