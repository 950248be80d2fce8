import numpy as np
import pytest

from handful.data.in_memory import fit_size
from handful.data.resampling import Resize
from handful.deployment.export.onnx_resize import resizing_model

ort = pytest.importorskip("onnxruntime")
SIZES = [(778, 1168), (84, 84), (120, 33), (7, 300), (300, 7), (32, 40), (5, 5), (1, 1), (33, 1)]


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("size", [(32, 32), (31, 48)])
def test_the_graph_resizes_to_the_last_bit_as_training_does(resize: Resize, size: tuple[int, int]) -> None:
    model = resizing_model([(size, resize)], opset=20, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString())
    rng = np.random.default_rng(0)
    more = [(int(h), int(w)) for h, w in rng.integers(1, 200, (25, 2))]
    for own in SIZES + more:
        images = rng.integers(0, 256, (2, 3, *own), dtype=np.uint8)
        (found,) = session.run(None, {"images": images})
        wanted = np.stack([fit_size(image, size, resize) for image in images]).astype(np.float32) / 255
        assert np.array_equal(found, wanted), own


def test_several_views_of_one_image() -> None:
    model = resizing_model([((8, 9), "squash"), ((5, 6), "pad")], opset=20, ir_version=10)
    found = ort.InferenceSession(model.SerializeToString()).run(None, {"images": np.zeros((3, 3, 20, 20), np.uint8)})
    assert [view.shape for view in found] == [(3, 3, 8, 9), (3, 3, 5, 6)]
