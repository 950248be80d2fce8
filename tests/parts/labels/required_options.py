"""Options that labels cannot do without, with the files they name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.word_vector_files import write_text_vectors

COLOURS = {"blue": (1.0, 0.0, 0.5), "green": (0.9, 0.2, 0.0), "red": (0.0, 1.0, 0.25), "light": (0.0, 0.0, 1.0)}


def word_file(folder: Path) -> Mapping[str, Any]:
    """A file of word vectors that knows the tiny classes."""
    return {"source": "words", "path": str(write_text_vectors(folder / "colours.txt", COLOURS))}


NEEDS: dict[str, Callable[[Path], Mapping[str, Any]]] = {"word_embeddings": word_file}
