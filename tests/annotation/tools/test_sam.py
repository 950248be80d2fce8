from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

pytest.importorskip("transformers")

from handful.annotation.server.app import create_app
from handful.annotation.server.session import Settings
from handful.annotation.tools.prompts import Prompt
from handful.annotation.tools.sam import SCRIBBLE_POINTS, SegmentAnything, point_prompts
from handful.errors import DataError, WeightsError
from tests.annotation import photo_session


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SAM of random weights, as transformers saves one."""
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    vision = {
        "hidden_size": 16,
        "image_size": 64,
        "patch_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "mlp_dim": 32,
        "output_channels": 16,
        "global_attn_indexes": [0],
        "window_size": 0,
        "num_pos_feats": 8,
    }
    prompt = {"hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 4}
    decoder = {
        "hidden_size": 16,
        "mlp_dim": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": 16,
    }
    folder = tmp_path_factory.mktemp("sam")
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    SamModel(config).save_pretrained(folder)
    size = {"longest_edge": 64}
    square = {"height": 64, "width": 64}
    processor = SamImageProcessor(size=size, pad_size=square, mask_size={"longest_edge": 16}, mask_pad_size=square)
    SamProcessor(processor).save_pretrained(folder)
    return folder


def test_points_are_taken_along_scribbles() -> None:
    line = Prompt("scribble", tuple((float(i), 2.0) for i in range(100)), foreground=False)
    points, labels = point_prompts((Prompt("point", ((3.0, 4.0),)), line, Prompt("box", ((0.0, 0.0), (5.0, 5.0)))))

    assert points[0] == [3.0, 4.0]
    assert [points[1], points[-1]] == [[0.0, 2.0], [99.0, 2.0]]
    assert labels == [1] + [0] * SCRIBBLE_POINTS


def test_masks_are_of_the_images_size_and_its_embedding_is_kept(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = SegmentAnything(str(weights))
    image = np.random.default_rng(0).integers(0, 256, (3, 30, 50), dtype=np.uint8)
    seen = 0
    plain = sam.network.get_image_embeddings

    def counted(pixels: object) -> object:
        nonlocal seen
        seen += 1
        return plain(pixels)

    monkeypatch.setattr(sam.network, "get_image_embeddings", counted)
    box = Prompt("box", ((5.0, 5.0), (25.0, 20.0)))
    for marks in ((box,), (Prompt("point", ((9.0, 9.0),)),), (box, Prompt("point", ((9.0, 9.0),)))):
        mask = sam.mask(image, marks, key="a")
        assert mask.shape == (30, 50)
        assert mask.dtype == bool
    sam.mask(image, (box,), key="b")
    assert seen == 2

    with pytest.raises(DataError, match="no box or scribble marks the object"):
        sam.mask(image, (Prompt("point", ((1.0, 1.0),), foreground=False),), key="b")


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="cannot be loaded"):
        SegmentAnything(str(tmp_path))


def test_the_server_asks_it_where_it_was_given(tmp_path: Path, weights: Path) -> None:
    with photo_session.open_session(tmp_path / "without") as held:
        client = TestClient(create_app(held), base_url=f"http://127.0.0.1/{photo_session.TOKEN}/")
        key = next(iter(held.samples))
        asked = {"marks": [{"kind": "box", "points": [[2, 2], [12, 12]]}]}
        assert client.get("api/state").json()["tools"]["sam"] is False
        assert client.post(f"api/images/{key}/sam", json=asked).status_code == 400
    with photo_session.open_session(
        tmp_path / "with", settings=Settings(token=photo_session.TOKEN, sam=str(weights))
    ) as held:
        client = TestClient(create_app(held), base_url=f"http://127.0.0.1/{photo_session.TOKEN}/")
        assert client.get("api/state").json()["tools"]["sam"] is True
        reply = client.post(f"api/images/{key}/sam", json=asked)
        assert (reply.status_code, reply.headers["X-Height"]) == (200, "24")
