"""One vector per class from what its name means."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist, squareform

from handful.errors import DataError, nearest
from handful.models.text import clip
from handful.models.text.class_names import forms, split_digits, split_name, whole_forms
from handful.models.text.sentence_encoder import encode, installed_model
from handful.models.text.user_tables import read_texts, read_vectors
from handful.models.text.word_vectors import known_words, read_words

SOURCES = ("image_text", "minilm", "sentences", "vectors", "words")
ENCODERS = ("image_text", "minilm", "sentences")
COMMON = 200_000  # a missing word is compared with so many of a file's first, commonest words


@dataclass(frozen=True, eq=False)
class ClassVectors:
    """Class vectors, not normalised, and what each class was read as, e.g. "police + van"."""

    vectors: Float[np.ndarray, "k d"]
    read_as: tuple[str, ...]


def class_vectors(
    classes: Sequence[str],
    *,
    source: str = "minilm",
    path: str | None = None,
    aliases: Mapping[str, str] | str | None = None,
    descriptions: Mapping[str, str] | str | None = None,
    templates: Sequence[str] = ("{}",),
    weights: Mapping[str, float] | None = None,
) -> ClassVectors:
    """Vectors of class names, float32.

    Args:
        classes: names; split at spaces, underscores, hyphens and case (`names.split_name`).
        source: "minilm": the installed all-MiniLM-L6-v2. "sentences": the sentence-transformers model at `path`.
            "image_text": the text side of the CLIP-type model at `path` (`words.image_text`).
            "words": the GloVe, fastText or word2vec file at `path`. "vectors": the user's own, by class, at `path`.
        path: file, folder or model name, where the source needs one.
        aliases: what to read instead of a class's name, as a mapping or a TOML or CSV file: folder names are not
            always words ("0" = "zero").
        descriptions: a text that stands for the class, as `aliases`. Of a description's words, those that a file
            does not know are left out; of a name's or alias's words none may be missing.
        templates: for sentence encoders: sentences with {} for the name; their unit vectors are averaged.
        weights: for word files: weight of a word (lower case) in the mean over a name's words; others have 1.

    A word file is asked for the whole name first ("new_york", "t-shirt"), then for each word as it stands, in lower
    case, in the singular (`names.singulars`), and taken apart where letters meet digits.

    Raises:
        DataError: words that a file does not know, with the nearest known; a class without a vector; a zero vector;
            two classes with the same vector; a file that cannot be used.
        WeightsError: an encoder that cannot be had.
        ValueError: options that do not go together.
    """
    names = tuple(classes)
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
    if (path is None) != (source == "minilm"):
        raise ValueError(f"source {source!r} {'takes no' if source == 'minilm' else 'needs a'} path")
    if tuple(templates) != ("{}",) and source not in ENCODERS:
        raise ValueError(f"templates go with a sentence encoder: source {', '.join(map(repr, ENCODERS))}")
    if not templates or any("{}" not in t for t in templates):
        raise ValueError("each template needs a {} where the name goes")
    if weights and source != "words":
        raise ValueError("weights go with a word file: source 'words'")
    called = read_texts(aliases, names, what="aliases")
    described = read_texts(descriptions, names, what="descriptions")
    if source == "vectors":
        found = _own(names, Path(str(path)), called)
    elif source == "words":
        found = _means(names, Path(str(path)), called, described, weights or {})
    else:
        model = installed_model() if source == "minilm" else str(path)
        encoder = clip.encode if source == "image_text" else encode
        found = _encoded(names, partial(encoder, model=model), called, described, tuple(templates))
    _check(names, found, source if path is None else path)
    return found


def _own(classes: tuple[str, ...], path: Path, aliases: Mapping[str, str]) -> ClassVectors:
    table = read_vectors(path)
    read_as = tuple(name if name in table else aliases.get(name, name) for name in classes)
    missing = [name for name in read_as if name not in table]
    if missing:
        raise DataError(
            f"no vector for {len(missing)} of the classes: {', '.join(map(repr, missing[:9]))}",
            where=path,
            remedy=nearest(missing[0], tuple(table)) if len(table) < 2000 else "add their rows.",
        )
    return ClassVectors(np.stack([table[name] for name in read_as]), read_as)


def _encoded(
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


def _means(
    classes: tuple[str, ...],
    path: Path,
    aliases: Mapping[str, str],
    descriptions: Mapping[str, str],
    weights: Mapping[str, float],
) -> ClassVectors:
    texts = {name: descriptions.get(name) or aliases.get(name, name) for name in classes}
    wanted: set[str] = set()
    for text in texts.values():
        wanted.update(whole_forms(text))
        for word in split_name(text):
            wanted.update(form for part in (word, *split_digits(word)) for form in forms(part))
    known = read_words(path, wanted)
    rows: list[Float[np.ndarray, " d"]] = []
    read_as: list[str] = []
    missing: dict[str, list[str]] = {}
    for name, text in texts.items():
        words, lost = _resolve(text, known)
        if lost and (name not in descriptions or not words):
            for word in lost or [text]:
                missing.setdefault(word, []).append(name)
        if not words:
            continue
        shares = np.array([weights.get(word.lower(), 1.0) for word in words], dtype=np.float32)
        stacked = np.stack([known[word] for word in words])
        rows.append((shares[:, None] * stacked).sum(axis=0) / max(float(shares.sum()), 1e-12))
        read_as.append(" + ".join(words))
    if missing or len(rows) < len(classes):
        raise _unknown(missing, path)
    return ClassVectors(np.stack(rows), tuple(read_as))


def _resolve(text: str, known: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """The words of the file that stand for a text, and the text's words that it does not know."""
    whole = next((form for form in whole_forms(text) if form in known), None)
    if whole is not None:
        return [whole], []
    words: list[str] = []
    lost: list[str] = []
    for word in split_name(text):
        for parts in ((word,), split_digits(word)):
            hits = [next((form for form in forms(part) if form in known), None) for part in parts]
            if None not in hits:
                words.extend(hit for hit in hits if hit is not None)
                break
        else:
            lost.append(word)
    return words, lost if words or lost else [text]


def _unknown(missing: Mapping[str, list[str]], path: Path) -> DataError:
    """An error that lists the missing words and the nearest common ones that begin alike."""
    starts = {word[:1].lower() for word in missing}
    lengths = range(min(map(len, missing)) - 2, max(map(len, missing)) + 3)
    pool = [w for w in known_words(path, limit=COMMON) if w[:1].lower() in starts and len(w) in lengths]
    lines = []
    for word, names in list(missing.items())[:9]:
        close = difflib.get_close_matches(word.lower(), pool, n=3, cutoff=0.6)
        near = f"; nearest: {', '.join(close)}" if close else ""
        lines.append(f"{word!r} (class {', '.join(names[:3])}{near})")
    more = f" and {len(missing) - 9} more" if len(missing) > 9 else ""
    return DataError(
        f"words of the class names that the file does not have: {', '.join(lines)}{more}",
        where=path,
        remedy='say what to read instead in `aliases`, e.g. "0" = "zero".',
    )


def _check(classes: tuple[str, ...], found: ClassVectors, where: object) -> None:
    sizes = np.linalg.norm(found.vectors, axis=1)
    if not sizes.all():
        raise DataError(
            f"the vector of class {classes[int(sizes.argmin())]!r} is zero", where=where, remedy="give it another."
        )
    if len(classes) < 2:
        return
    same = np.argwhere(np.triu(squareform(pdist(found.vectors)) < 1e-6 * float(sizes.max()), k=1))
    if len(same):
        pairs = ", ".join(f"{classes[a]!r} and {classes[b]!r} ({found.read_as[a]})" for a, b in same[:5])
        raise DataError(f"classes have the same vector: {pairs}", where=where, remedy="tell them apart in `aliases`.")
