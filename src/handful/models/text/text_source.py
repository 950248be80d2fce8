"""Where class vectors come from: an encoder or a file, and the texts that it reads for the class names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

JOINED = "minilm+glove"
INSTALLED = ("glove", "minilm", JOINED)  # with `handful[words]`
SOURCES = ("glove", "image_text", "minilm", JOINED, "sentences", "vectors", "words")
ENCODERS = ("image_text", "minilm", JOINED, "sentences")
WORDS = ("glove", "words")  # of single words


@dataclass(frozen=True)
class TextSource:
    """The options of `class_vectors`.

    Args:
        source: "minilm": the installed sentence encoder all-MiniLM-L6-v2. "glove": the installed word vectors of GloVe.
            "minilm+glove": both, each centered and of unit length, end to end. "sentences": the sentence-transformers
            model at `path`. "image_text": the text encoder of the CLIP-type model at `path`. "words": the GloVe,
            fastText or word2vec file at `path`. "vectors": the user's own file of vectors by class name at `path`.
        path: file, folder or model name; required by every source that is not installed.
        aliases: text that is read instead of a class name, as a mapping or a TOML or CSV file: folder names are not
            always words ("0" = "zero").
        descriptions: text that describes a class, in the same forms; it is read instead of name and alias. Words of a
            description that a word file does not have are left out; every word of a name or alias must be in the file.
        templates: sentences with {} in the place of the name, for encoders: their unit vectors are averaged.
        weights: weight of a word (lower case) in the mean over the words of a name, for word files; 1 for all others.
        average_words: an encoder reads each word of a name by itself, and the vectors are averaged; else it reads the
            name as one sentence. Word files always average.

    Raises:
        ValueError: an unknown source, or options that it does not have.
    """

    source: str = "minilm"
    path: str | None = None
    aliases: Mapping[str, str] | str | None = None
    descriptions: Mapping[str, str] | str | None = None
    templates: Sequence[str] = ("{}",)
    weights: Mapping[str, float] | None = None
    average_words: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: see the class.
        """
        if self.source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {self.source!r}")
        if (self.path is None) != (self.source in INSTALLED):
            raise ValueError(f"source {self.source!r} {'takes no' if self.source in INSTALLED else 'needs a'} path")
        if tuple(self.templates) != ("{}",) and self.source not in ENCODERS:
            raise ValueError(f"templates need a sentence encoder: source {', '.join(map(repr, ENCODERS))}")
        if not self.templates or any("{}" not in t for t in self.templates):
            raise ValueError("each template needs a {} where the name goes")
        if self.weights and self.source not in (*WORDS, JOINED):
            raise ValueError("weights need word vectors: source 'words' or 'glove'")
        if self.average_words and self.source not in ENCODERS:
            raise ValueError(f"average_words needs a sentence encoder: source {', '.join(map(repr, ENCODERS))}")


MINILM = TextSource()
