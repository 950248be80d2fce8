"""Small files of word vectors, in the text form and the binary form of word2vec."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Table = Mapping[str, tuple[float, ...]]
WORDS: Table = {
    "the": (0.0, 0.0, 1.0),
    "cat": (1.0, 0.5, 0.0),
    "dog": (1.0, 0.25, 0.0),
    "police": (0.0, 1.0, 0.5),
    "van": (0.0, 1.0, -0.5),
    "wolf": (1.0, 0.0, 0.125),
    "new_york": (-1.0, 1.0, 0.0),
    "zero": (0.5, -1.0, 2.0),
}


def write_text_vectors(path: Path, table: Table = WORDS, *, header: bool = False, packed: bool = False) -> Path:
    """Words and numbers as text, with a header as word2vec has it or without one as GloVe."""
    lines = [f"{len(table)} {len(next(iter(table.values())))}"] if header else []
    lines += [" ".join((word, *map(str, row))) for word, row in table.items()]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def write_binary_vectors(path: Path, table: Table = WORDS, *, newline: bool = True, packed: bool = False) -> Path:
    """The binary form; some writers end each vector with a newline."""
    data = f"{len(table)} {len(next(iter(table.values())))}\n".encode()
    for word, row in table.items():
        data += word.encode() + b" " + np.array(row, dtype="<f4").tobytes() + (b"\n" if newline else b"")
    path.write_bytes(gzip.compress(data) if packed else data)
    return path
