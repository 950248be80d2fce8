"""WordNet's nouns, read with nltk from any folder."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handful.errors import DataError, WeightsError
from handful.models.text.class_names import split_name

REQUIRED_FILES = ("index.noun", "data.noun")
SUBFOLDERS = ("", "dict", "wordnet", "corpora/wordnet")
_ID = re.compile(r"n(\d{8})")
_SENSE = re.compile(r".+\.n\.\d+")


@contextmanager
def open_wordnet(folder: Path) -> Iterator[Any]:
    """A reader over the nouns in `folder`, or in its `dict`, `wordnet` or `corpora/wordnet`, while it is open.

    Only `index.noun` and `data.noun` are required; with `noun.exc` irregular plurals are found too.

    Raises:
        WeightsError: nltk is not installed.
        DataError: the files do not exist, or are not WordNet's.
    """
    try:
        from nltk.corpus.reader.wordnet import WordNetCorpusReader, WordNetError
        from nltk.data import path as paths
    except ImportError as error:
        raise WeightsError(
            "nltk is not installed", where="hierarchies/wordnet", remedy="pip install 'handful[wordnet]'."
        ) from error
    folders = [folder / sub for sub in SUBFOLDERS if all((folder / sub / name).is_file() for name in REQUIRED_FILES)]
    if not folders:
        raise DataError(
            f"WordNet's {' and '.join(REQUIRED_FILES)} not found",
            where=folder,
            remedy="name the folder that holds them, unpacked: WordNet's dict, or nltk_data/corpora/wordnet.",
        )

    root = folders[0].resolve()
    opened: list[Any] = []

    class Nouns(WordNetCorpusReader):  # type: ignore[misc]
        """A reader that needs neither the files of other parts of speech nor a second WordNet to map senses to."""

        def open(self, file: str) -> Any:
            if (root / file).is_file():
                opened.append(super().open(file))
                return opened[-1]
            return io.StringIO("".join(f"{i:02d} none 1\n" for i in range(64)) if file == "lexnames" else "")

        def map_wn(self, version: str = "wordnet") -> None:
            del version

    paths.append(str(root))  # nltk opens files in these folders only
    try:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about languages that are not available
                reader = Nouns(str(root), None)
        except (OSError, ValueError, AssertionError, WordNetError) as error:
            raise DataError(
                f"these are not WordNet's files ({error})", where=root, remedy="download them again."
            ) from error
        yield reader
    finally:
        paths.remove(str(root))
        for file in opened:
            file.close()


def find_synset(reader: Any, name: str) -> Any:
    """The synset of a noun, by id ("n01440764"), sense ("crane.n.04"), or name (its first, most frequent sense).

    None where there is none. An id is an offset in `data.noun`, so it is valid for one version of WordNet; ImageNet's
    ids are those of version 3.0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an offset without an entry
        if match := _ID.fullmatch(name):
            return reader.synset_from_pos_and_offset("n", int(match[1]))
        if _SENSE.fullmatch(name):
            from nltk.corpus.reader.wordnet import WordNetError

            try:
                return reader.synset(name)
            except WordNetError:
                return None
        for form in (name.replace(" ", "_"), "_".join(split_name(name)), "-".join(split_name(name))):
            senses = reader.synsets(form, pos="n") if form else []
            if senses:
                return senses[0]
    return None


def path_to_root(synset: Any, *, where: object) -> list[Any]:
    """The synset and its ancestors, following the first hypernym of each.

    Raises:
        DataError: the path is a cycle.
    """
    path = [synset]
    while hypernyms := (path[-1].hypernyms() or path[-1].instance_hypernyms()):
        parent = hypernyms[0]
        if parent in path:
            raise DataError(
                f"{parent.name()} is its own hypernym", where=where, remedy="download WordNet's files again."
            )
        path.append(parent)
    return path
