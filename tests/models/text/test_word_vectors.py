import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from handful.errors import DataError
from handful.models.text.word_vectors import first_words, read_word_vectors
from tests.support.word_vector_files import WORDS, write_binary_vectors, write_text_vectors


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["glove", "word2vec text", "word2vec binary", "binary without newlines"])
def test_every_form_gives_the_wanted_words_and_no_others(tmp_path: Path, form: str, packed: bool) -> None:
    path = tmp_path / "vectors"
    if "text" in form or form == "glove":
        write_text_vectors(path, header=form != "glove", packed=packed)
    else:
        write_binary_vectors(path, newline="without" not in form, packed=packed)
    found = read_word_vectors(path, {"cat", "zero", "komondor"})
    assert found.keys() == {"cat", "zero"}
    for word, vector in found.items():
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, WORDS[word])
    assert list(first_words(path, limit=99)) == list(WORDS)
    assert list(first_words(path, limit=2)) == ["the", "cat"]


def test_words_with_spaces_odd_blanks_and_repeats_do_no_harm(tmp_path: Path) -> None:
    lines = ["cat 1 2", "cat 9 9", "cat flap 3 4", "a\u00a0b 5 6", "a\u0085 7 8", "dog 1e-3 -2 "]
    path = tmp_path / "v.txt"
    path.write_bytes("\n".join(lines).encode())
    found = read_word_vectors(path, {"cat", "flap", "dog", "a\u00a0b", "a\u0085"})
    assert {w: v.tolist() for w, v in found.items()} == {
        "cat": [1, 2],
        "a\u00a0b": [5, 6],
        "a\u0085": [7, 8],
        "dog": pytest.approx([1e-3, -2]),
    }


@pytest.mark.parametrize("binary", [False, True])
def test_a_large_file_does_not_fill_memory(tmp_path: Path, binary: bool) -> None:
    rng = np.random.default_rng(0)
    table = {f"word{i}": tuple(row) for i, row in enumerate(rng.standard_normal((8000, 100)).round(4).tolist())}
    path = (write_binary_vectors if binary else write_text_vectors)(tmp_path / "v", table)
    assert path.stat().st_size > 3_000_000
    tracemalloc.start()
    found = read_word_vectors(path, {"word7990"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found["word7990"], table["word7990"], rtol=1e-6)
    assert peak < 1_200_000  # some chunks of a quarter megabyte, whatever the file's size


def test_what_is_no_file_of_vectors_is_said(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    with pytest.raises(DataError, match="no such file"):
        read_word_vectors(path, {"cat"})
    path.write_text("cat one two\ndog 1 2\n")
    with pytest.raises(DataError, match="'cat' is not a list of numbers"):
        read_word_vectors(path, {"cat"})
    path.write_text("cat nan 2\n")
    with pytest.raises(DataError, match="'cat' is not finite"):
        read_word_vectors(path, {"cat"})
    path.write_bytes(write_binary_vectors(tmp_path / "b").read_bytes()[:-9])
    with pytest.raises(DataError, match="ends after 7 of 8 words"):
        read_word_vectors(path, {"zero"})
    path.write_bytes(write_text_vectors(tmp_path / "t", packed=True).read_bytes()[:-20])
    with pytest.raises(DataError, match="cut short"):
        read_word_vectors(path, {"zero"})
    path.write_text("")
    assert read_word_vectors(path, {"cat"}) == {}
