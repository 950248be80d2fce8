"""WordNet's noun files through nltk, from a folder that need not be nltk's own."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handful.errors import DataError, WeightsError
from handful.models.text.class_names import split_name

NEEDED = ("index.noun", "data.noun")
PLACES = ("", "dict", "wordnet", "corpora/wordnet")
_ID = re.compile(r"n(\d{8})")
_SENSE = re.compile(r".+\.n\.\d+")


@contextmanager
def open_wordnet(folder: Path) -> Iterator[Any]:
    """A reader over the nouns in `folder`, or in its `dict`, `wordnet` or `corpora/wordnet`, while it is open.

    Only `index.noun` and `data.noun` must be there; with `noun.exc`, irregular plurals are known.

    Raises:
        WeightsError: nltk is not installed.
        DataError: the files are not there, or are none of WordNet's.
    """
    try:
        from nltk.corpus.reader.wordnet import WordNetCorpusReader, WordNetError
        from nltk.data import path as paths
    except ImportError as error:
        raise WeightsError(
            "nltk is not installed", where="hierarchies/wordnet", remedy="pip install 'handful[wordnet]'."
        ) from error
    found = [folder / place for place in PLACES if all((folder / place / name).is_file() for name in NEEDED)]
    if not found:
        raise DataError(
            f"WordNet's {' and '.join(NEEDED)} are not here",
            where=folder,
            remedy="name the folder that holds them, unpacked: WordNet's dict, or nltk_data/corpora/wordnet.",
        )

    root = found[0].resolve()
    opened: list[Any] = []

    class Nouns(WordNetCorpusReader):  # type: ignore[misc]
        """Does without the files of other kinds of words, and without a second WordNet to map senses to."""

        def open(self, file: str) -> Any:
            if (root / file).is_file():
                opened.append(super().open(file))
                return opened[-1]
            return io.StringIO("".join(f"{i:02d} none 1\n" for i in range(64)) if file == "lexnames" else "")

        def map_wn(self, version: str = "wordnet") -> None:
            del version

    paths.append(str(root))  # nltk opens files below these only
    try:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that other languages are not available
                reader = Nouns(str(root), None)
        except (OSError, ValueError, AssertionError, WordNetError) as error:
            raise DataError(
                f"these are not WordNet's files ({error})", where=root, remedy="fetch them again."
            ) from error
        yield reader
    finally:
        paths.remove(str(root))
        for file in opened:
            file.close()


def find_synset(reader: Any, name: str) -> Any:
    """The synset of a noun: by id ("n01440764"), by sense ("crane.n.04"), or the first, commonest sense of a name.

    None where there is none. An id is a place in `data.noun`, so it belongs to one version of WordNet; ImageNet's are
    3.0's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is nothing at an offset
        if found := _ID.fullmatch(name):
            return reader.synset_from_pos_and_offset("n", int(found[1]))
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
    """The synset and what is above it, by each one's first hypernym.

    Raises:
        DataError: the path comes back to itself.
    """
    found = [synset]
    while above := (found[-1].hypernyms() or found[-1].instance_hypernyms()):
        if above[0] in found:
            raise DataError(f"{above[0].name()} is above itself", where=where, remedy="fetch WordNet's files again.")
        found.append(above[0])
    return found
