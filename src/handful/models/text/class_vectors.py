"""Class vectors: one vector per class, computed from its name by an encoder or looked up in a file."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist, squareform

from handful.core.text import listed
from handful.errors import DataError, nearest
from handful.models.text.class_names import joined_forms, split_digits, split_name, word_forms
from handful.models.text.clip import encode_texts
from handful.models.text.imagenet_classes import imagenet_vectors, name_words
from handful.models.text.installed_glove import InstalledGlove
from handful.models.text.sentence_encoder import encode_sentences, installed_model
from handful.models.text.text_source import JOINED, WORDS, TextSource
from handful.models.text.user_tables import read_class_texts, read_class_vectors
from handful.models.text.word_vectors import WordFile

COMMON_WORDS = 200_000  # an unknown word is compared with so many of a file's first, most frequent words
MOST_WORDS = 9  # that an error names
MINILM = TextSource()


@dataclass(frozen=True, eq=False)
class ClassVectors:
    """Class vectors, not normalized, and the text that was read for each class, e.g. "police + van"."""

    vectors: Float[np.ndarray, "k d"]
    read_as: tuple[str, ...]


def class_vectors(classes: Sequence[str], text: TextSource = MINILM) -> ClassVectors:
    """Vectors of class names, float32.

    Names are split at spaces, underscores, hyphens and case (`class_names.split_name`). The vector of a name in a word
    file is that of the whole name where the file has it ("new_york", "t-shirt"), else the mean over its words. A word
    is looked up as it is written, in lower case, in the singular (`class_names.singulars`), and split where letters
    meet digits.

    Args:
        classes: class names.
        text: where the vectors come from, and what is read for a name.

    Raises:
        DataError: words that a file does not have, with the nearest ones that it has; a class without a vector; a zero
            vector; two classes with the same vector; a file that cannot be read.
        WeightsError: the encoder cannot be loaded.
    """
    names = tuple(classes)
    aliases = read_class_texts(text.aliases, names, what="aliases")
    descriptions = read_class_texts(text.descriptions, names, what="descriptions")
    if text.source == "vectors":
        result = _user_vectors(names, Path(str(text.path)), aliases)
    elif text.source in WORDS:
        vocabulary = InstalledGlove() if text.source == "glove" else WordFile(Path(str(text.path)))
        result = _mean_word_vectors(names, vocabulary, aliases, descriptions, text.weights or {})
    elif text.source == JOINED:
        result = _joined(names, text)
    else:
        model = installed_model() if text.source == "minilm" else str(text.path)
        encoder = partial(encode_texts if text.source == "image_text" else encode_sentences, model=model)
        texts = {name: descriptions.get(name) or aliases.get(name) or name for name in names}
        if text.average_words:
            result = _encode_words(texts, encoder, tuple(text.templates))
        else:
            result = _encode_names(names, encoder, aliases, descriptions, tuple(text.templates))
    _check_distinct(names, result, text.source if text.path is None else text.path)
    return result


def _user_vectors(classes: tuple[str, ...], path: Path, aliases: Mapping[str, str]) -> ClassVectors:
    table = read_class_vectors(path)
    read_as = tuple(name if name in table else aliases.get(name, name) for name in classes)
    missing = [name for name in read_as if name not in table]
    if missing:
        raise DataError(
            f"no vector for {len(missing)} of the classes: {listed([repr(name) for name in missing], MOST_WORDS)}",
            where=path,
            remedy=nearest(missing[0], tuple(table)) if len(table) < 2000 else "add their rows.",
        )
    return ClassVectors(np.stack([table[name] for name in read_as]), read_as)


def _encode_names(
    classes: tuple[str, ...],
    encoder: Callable[[list[str]], Float[np.ndarray, "n d"]],
    aliases: Mapping[str, str],
    descriptions: Mapping[str, str],
    templates: tuple[str, ...],
) -> ClassVectors:
    read_as = tuple(descriptions.get(n) or aliases.get(n) or " ".join(split_name(n)) or n for n in classes)
    vectors = encoder([t.replace("{}", text) for t in templates for text in read_as])
    if len(templates) > 1:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return ClassVectors(vectors.reshape(len(templates), len(classes), -1).mean(axis=0), read_as)


def _encode_words(
    texts: Mapping[str, str], encoder: Callable[[list[str]], Float[np.ndarray, "n d"]], templates: tuple[str, ...]
) -> ClassVectors:
    """For each class the mean of its words' vectors, each word encoded once."""
    words = {name: split_name(text) or [text] for name, text in texts.items()}
    distinct = tuple(dict.fromkeys(word for own in words.values() for word in own))
    encoded = _encode_names(distinct, encoder, {word: word for word in distinct}, {}, templates)
    vectors = dict(zip(distinct, encoded.vectors, strict=True))
    means = [np.mean([vectors[word] for word in own], axis=0) for own in words.values()]
    return ClassVectors(np.stack(means), tuple(" + ".join(own) for own in words.values()))


def _mean_word_vectors(
    classes: tuple[str, ...],
    vocabulary: WordFile | InstalledGlove,
    aliases: Mapping[str, str],
    descriptions: Mapping[str, str],
    weights: Mapping[str, float],
) -> ClassVectors:
    texts = {name: descriptions.get(name) or aliases.get(name, name) for name in classes}
    word_vectors = vocabulary.vectors(_candidate_words(texts.values()))
    rows: list[Float[np.ndarray, " d"]] = []
    read_as: list[str] = []
    missing: dict[str, list[str]] = {}
    for name, text in texts.items():
        words, unknown = _match_words(text, word_vectors)
        if unknown and (name not in descriptions or not words):
            for word in unknown or [text]:
                missing.setdefault(word, []).append(name)
        if not words:
            continue
        word_weights = np.array([weights.get(word.lower(), 1.0) for word in words], dtype=np.float32)
        stacked = np.stack([word_vectors[word] for word in words])
        rows.append((word_weights[:, None] * stacked).sum(axis=0) / max(float(word_weights.sum()), 1e-12))
        read_as.append(" + ".join(words))
    if missing or len(rows) < len(classes):
        raise _unknown_words(missing, vocabulary)
    return ClassVectors(np.stack(rows), tuple(read_as))


def _candidate_words(texts: Iterable[str]) -> set[str]:
    """All forms under which a file may have the texts and their words."""
    candidates: set[str] = set()
    for text in texts:
        candidates.update(joined_forms(text))
        for word in split_name(text):
            candidates.update(form for part in (word, *split_digits(word)) for form in word_forms(part))
    return candidates


def _match_words(text: str, vocabulary: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """The words of the vocabulary that stand for a text, and the words of the text that it does not have."""
    whole = next((form for form in joined_forms(text) if form in vocabulary), None)
    if whole is not None:
        return [whole], []
    words: list[str] = []
    unknown: list[str] = []
    for word in split_name(text):
        for parts in ((word,), split_digits(word)):
            matches = [next((form for form in word_forms(part) if form in vocabulary), None) for part in parts]
            if None not in matches:
                words.extend(match for match in matches if match is not None)
                break
        else:
            unknown.append(word)
    return words, unknown if words or unknown else [text]


def _joined(classes: tuple[str, ...], text: TextSource) -> ClassVectors:
    """MiniLM's and GloVe's vectors, each less the mean of ImageNet's classes, of unit length, end to end.

    What names of things have in common hides what tells them apart (Mu and Viswanath 2018,
    https://arxiv.org/abs/1702.01417). The mean of the classes themselves would hide less, but then a class's vector
    would change when others are added.
    """
    sentences = class_vectors(classes, replace(text, source="minilm", weights=None))
    words = class_vectors(classes, replace(text, source="glove", templates=("{}",), average_words=False))
    centers = imagenet_vectors().mean(axis=0), InstalledGlove().mean(name_words())
    centered = sentences.vectors - centers[0], words.vectors - centers[1]
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in centered]
    return ClassVectors(np.concatenate(unit, axis=1), sentences.read_as)


def _unknown_words(missing: Mapping[str, list[str]], vocabulary: WordFile | InstalledGlove) -> DataError:
    """The error that lists the missing words, with the nearest frequent words that have the same first letter."""
    first_letters = {word[:1].lower() for word in missing}
    lengths = range(min(map(len, missing)) - 2, max(map(len, missing)) + 3)
    frequent = vocabulary.frequent(COMMON_WORDS)
    candidates = [w for w in frequent if w[:1].lower() in first_letters and len(w) in lengths]
    lines: list[str] = []
    for word, names in missing.items():
        shown = len(lines) < MOST_WORDS  # to look for the nearest words takes a while
        close = difflib.get_close_matches(word.lower(), candidates, n=3, cutoff=0.6) if shown else ()
        suggestion = f"; nearest: {', '.join(close)}" if close else ""
        lines.append(f"{word!r} (class {listed(names, 3)}{suggestion})")
    return DataError(
        f"words of the class names that have no vector: {listed(lines, MOST_WORDS)}",
        where=vocabulary.where,
        remedy='name other words in `aliases`, e.g. "0" = "zero".',
    )


def _check_distinct(classes: tuple[str, ...], result: ClassVectors, where: object) -> None:
    norms = np.linalg.norm(result.vectors, axis=1)
    if not norms.all():
        raise DataError(
            f"the vector of class {classes[int(norms.argmin())]!r} is zero", where=where, remedy="use another vector."
        )
    if len(classes) < 2:
        return
    same = np.argwhere(np.triu(squareform(pdist(result.vectors)) < 1e-6 * float(norms.max()), k=1))
    if len(same):
        pairs = ", ".join(f"{classes[a]!r} and {classes[b]!r} ({result.read_as[a]})" for a, b in same[:5])
        raise DataError(f"classes have the same vector: {pairs}", where=where, remedy="distinguish them in `aliases`.")
