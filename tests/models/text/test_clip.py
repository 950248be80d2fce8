from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from handful.errors import WeightsError
from handful.models.text.clip import check_image_text, encode_texts, load_pretrained, projected_features
from tests.support.clip_model import SIZE, write_clip


def test_a_text_has_the_librarys_vector_whatever_it_is_encoded_with(tmp_path: Path) -> None:
    model = write_clip(tmp_path, ("blue", "red"))
    texts = ["a photo of a blue.", "a photo of a red."]
    one = [encode_texts([text], model=model)[0] for text in texts]
    np.testing.assert_allclose(encode_texts(texts, model=model), one, atol=1e-5)
    assert not np.allclose(one[0], one[1])
    network, tokens = load_pretrained("AutoModel", model).eval(), load_pretrained("AutoTokenizer", model)
    with torch.inference_mode():
        expected = projected_features(network.get_text_features(**tokens(texts, return_tensors="pt", padding=True)))
    assert expected.shape == (2, SIZE)
    np.testing.assert_allclose(encode_texts(texts, model=model), expected.numpy(), atol=1e-5)


def test_features_come_as_a_tensor_or_inside_an_output() -> None:
    features = torch.ones(2, 3, dtype=torch.float16)
    for output in (features, SimpleNamespace(pooler_output=features)):
        assert torch.equal(projected_features(output), torch.ones(2, 3))


def test_models_that_cannot_serve(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_pretrained("AutoModel", str(tmp_path / "none"))
    with pytest.raises(WeightsError, match="not an image-text model"):
        check_image_text(torch.nn.Identity(), "identity")
