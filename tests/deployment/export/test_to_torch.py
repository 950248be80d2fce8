import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.recipe import Part
from handful.deployment.export.to_torch import export_torch
from handful.errors import ModelError
from handful.training.train import train
from tests.support.datasets import recipe, squares


@pytest.mark.slow
def test_a_program_says_what_the_classifier_says_of_images_of_any_size(tmp_path: Path) -> None:
    wish = replace(
        recipe("segmentation", "image_size=[12,12]", "steps=2"), posthoc=(Part("temperature", {"folds": 2}),)
    )
    one = train(wish, squares(4), seed=0, device="cpu", progress=False)
    assert export_torch(one, tmp_path / "model.pt2") == ("probabilities", "maps")
    extra = {"handful.json": ""}
    program = torch.export.load(tmp_path / "model.pt2", extra_files=extra).module()
    assert json.loads(json.loads(extra["handful.json"])["classes"]) == list(one.classes)
    for size in (12, 5, 40):
        probe = squares(2, size=size, seed=3)
        images = torch.from_numpy(np.stack([np.asarray(s.image) for s in probe.samples]))
        probabilities, maps = program(images)
        assert np.abs(probabilities.numpy() - one.probabilities(probe)).max() < 1e-5
        assert np.abs(maps.numpy() - np.stack(list(one.maps(probe)))).max() < 1e-5
    with pytest.raises(ModelError, match="by squash only"):
        export_torch(replace(one, recipe=replace(one.recipe, resize="pad")), tmp_path / "other.pt2")
