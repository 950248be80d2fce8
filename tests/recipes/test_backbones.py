import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from handful.core.recipe import Part
from handful.errors import WeightsError
from handful.models import timm_models
from handful.recipes.backbone_names import short_name
from handful.recipes.backbones import BackboneChoice, check_weights, choose_backbone, stronger_backbone
from handful.recipes.load import load_recipe
from handful.recipes.write import to_toml
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.clip_model import SIDE as CLIP_SIDE
from tests.support.clip_model import write_clip
from tests.support.datasets import CLASSES, squares
from tests.support.vision_transformer import ARGS, MODEL, SIDE, write_transformer


def test_a_folder_of_timm_says_which_model_it_is_and_how_large(tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "vit")
    choice = choose_backbone(folder)
    assert choice == choose_backbone(f"{folder}/model.safetensors")  # the configuration is beside the file
    assert choice.size == (SIDE, SIDE)
    assert choice.stages == 5
    assert choice.vector["args"] == ARGS
    assert choice.vector["mean"] == (0.5, 0.4, 0.3)
    assert choice.maps is None


def test_a_folder_from_the_hub_is_the_published_model_with_these_weights(tmp_path: Path) -> None:
    net = timm.create_model("resnet18.a1_in1k")
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    about = {"tag": "a1_in1k", "input_size": [3, 224, 224], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18", "pretrained_cfg": about}))
    choice = choose_backbone(str(tmp_path))
    weights = str(tmp_path / "model.safetensors")
    assert choice.vector == {"name": "timm_pooled", "model": "resnet18.a1_in1k", "weights": weights}
    assert choice.maps == {"name": "timm", "model": "resnet18.a1_in1k", "weights": weights}
    (tmp_path / "config.json").unlink()
    assert choose_backbone(f"resnet18.a1_in1k={weights}") == choice
    with pytest.raises(WeightsError, match=r"(?s)does not say which network.*resnet18="):
        choose_backbone(weights)


def test_a_folder_of_the_transformers_library_is_an_image_encoder(tmp_path: Path) -> None:
    folder = write_clip(tmp_path, CLASSES)
    choice = choose_backbone(folder)
    assert choice.vector == {"name": "image_text", "model": folder}
    assert choice.size == (CLIP_SIDE, CLIP_SIDE)
    assert choice.layers is None


def test_the_backbone_of_a_saved_classifier_goes_on_as_it_was_trained(tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "vit")
    data = squares(2)
    trained = load_recipe("fine-tuned", backbone=folder, overrides=("steps=2", "posthoc=[{name='class_means'}]"))
    classifier = train(trained, data, progress=False, device="cpu")
    save_classifier(classifier, tmp_path / "run" / "model")
    shutil.rmtree(folder)
    recipe = load_recipe("nearest-centroid", backbone=str(tmp_path / "run"))
    again = train(recipe, data, progress=False, device="cpu")
    own = {n: t for n, t in classifier.network.state_dict().items() if "backbone.stages.4" in n}
    state = again.network.state_dict()
    assert own
    for name, tensor in own.items():
        assert torch.equal(state[name.removeprefix("network.")], tensor)


@pytest.mark.parametrize(
    ("options", "tukey"),
    [
        ({"name": "wide_resnet", "depth": 10, "width": 1}, None),  # ends on a sum
        ({"name": "dsk_resnext", "depth": 11, "width": 16, "groups": 4, "base_width": 16}, 0.5),  # ends on a ReLU
        ({"name": "efficientnet_lite0"}, 0.5),
        ({"name": "efficientnet_lite0", "stride": 8}, None),  # a stage alone ends on a linear layer
    ],
    ids=str,
)
def test_features_of_a_folder_that_may_be_negative_get_no_square_root(
    options: dict[str, Any], tukey: float | None, tmp_path: Path
) -> None:
    part = Part(options["name"], {key: value for key, value in options.items() if key != "name"})
    plan = replace(load_recipe("classification-wrn"), backbone=part)
    (tmp_path / "recipe.toml").write_text(to_toml(plan), encoding="utf-8")
    (tmp_path / "weights.safetensors").touch()  # read when it is built
    recipe = load_recipe("logistic", backbone=str(tmp_path))
    assert recipe.backbone == Part(part.name, {**part.options, "weights": str(tmp_path)})
    assert recipe.head.options.get("tukey") == tukey
    assert load_recipe("logistic").head.options["tukey"] == 0.5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hog", {"cell": 4}),
        ("pixels", {"size": 6}),
        ("timm_pooled", {"model": "resnet18.a1_in1k"}),
        ("timm", {"model": "resnet18.a1_in1k"}),
        ("timm_pooled", {"model": "vit_tiny_patch16_224"}),
        ("timm", {"model": "vit_tiny_patch16_224"}),
    ],
    ids=str,
)
def test_a_folder_is_read_as_the_backbone_in_it_is_by_its_name(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    """Square roots, precision and the number of stages are those of the backbone, wherever it comes from."""
    plan = replace(load_recipe("classification-wrn"), backbone=Part(name, options), image_size=(24, 24))
    (tmp_path / "recipe.toml").write_text(to_toml(plan), encoding="utf-8")
    (tmp_path / "weights.safetensors").touch()
    named = choose_backbone(options.get("model", name))
    own = choose_backbone(str(tmp_path))
    assert (own.rectified, own.precision) == (named.rectified, named.precision)
    assert own.stages == (named.stages if named.layers is not None and named.layers["name"] == name else 1)
    assert own.size == (24, 24)
    assert {"name": name, **options}.items() <= own.vector.items()
    roots = [load_recipe("logistic", backbone=str(b)).head.options.get("tukey") for b in (tmp_path, named_of(own))]
    assert roots[0] == roots[1] == (0.5 if own.rectified else None)


def named_of(choice: BackboneChoice) -> str:
    """The name of the backbone that is in a folder."""
    return str(choice.vector.get("model", choice.vector["name"]))


def test_a_folder_whose_model_cannot_be_built_is_refused(tmp_path: Path) -> None:
    part = Part("timm_pooled", {"model": MODEL, "args": {"checkpoint_path": "x"}})
    text = to_toml(replace(load_recipe("classification-wrn"), backbone=part))
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(WeightsError, match="not 'checkpoint_path'"):
        choose_backbone(str(tmp_path))


def test_what_is_no_backbone_names_what_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(WeightsError, match="none of model"):
        choose_backbone(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="configuration cannot be read"):
        choose_backbone(str(tmp_path))
    bad = {"architecture": MODEL, "model_args": {"checkpoint_path": "x"}}
    (tmp_path / "config.json").write_text(json.dumps(bad))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="not 'checkpoint_path'"):
        choose_backbone(str(tmp_path))


def test_weights_that_are_not_there_are_refused_with_the_ways_to_bring_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm_models, "reach", refuse)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    options = {"model": "resnet18.a1_in1k", "pretrained": True}
    own = Part("timm_pooled", options)
    pair = Part("concat", {"backbones": ("efficientnet_lite0", {"name": "timm", **options})})
    for backbone in (own, pair):
        with pytest.raises(WeightsError, match=r"(?s)resnet18.a1_in1k.*no route.*lite0.*hf download timm/resnet18.a1"):
            check_weights(backbone)
    check_weights(Part("efficientnet_lite0"))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: "model.safetensors")
    check_weights(own)


def test_tables_name_the_last_part_of_a_path(tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "mine")
    assert short_name(folder) == "mine"
    assert short_name(f"lite0+{folder}") == "lite0+mine"
    assert short_name(f"resnet18={tmp_path}/a.safetensors") == "resnet18=a.safetensors"
    assert short_name("openai/clip-vit-base-patch32") == "openai/clip-vit-base-patch32"
    assert short_name("lite0+lite2") == "lite0+lite2"


def test_the_stronger_backbone_is_proposed_where_its_weights_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stronger_backbone(network=False) is None
    assert "(some 90 MB to download)" in str(stronger_backbone(network=True))
    assert 'recipes=["logistic", "lora"]' in str(stronger_backbone(network=True))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: "/cache/model.safetensors")
    assert "(its weights are on this machine)" in str(stronger_backbone(network=False))
