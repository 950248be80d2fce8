"""The trainer that pretrains once for all runs, and what its rows share with the control."""

from dataclasses import replace
from pathlib import Path

import torch
from bench.support.options import Options
from bench.support.pretrained import Pretrained
from bench.tables.pretraining import BATCH_NORM, CHOSEN, CONTROL, contrastive, row
from safetensors.torch import load_file

from handful.recipes.load import load_recipe
from tests.support.datasets import squares

TINY = ("backbone.depth=10", "backbone.width=1", "batch_size=4", "image_size=[16, 16]")


def test_a_backbone_is_pretrained_once_and_runs_begin_with_it(tmp_path: Path) -> None:
    data = squares(4)
    recipe = load_recipe("contrastive-wrn", overrides=(*TINY, "steps=1"))
    trainer = Pretrained(recipe, data, tmp_path)
    still = load_recipe("classification-wrn", overrides=(*TINY, *BATCH_NORM, "steps=1", "lr=1e-12"))
    model = trainer(still, data, seed=3, device="cpu", progress=False)
    (folder,) = tmp_path.iterdir()
    written = (folder / "weights.safetensors").stat().st_mtime_ns
    trainer(still, data, seed=4, device="cpu", progress=False)
    assert (folder / "weights.safetensors").stat().st_mtime_ns == written
    saved = load_file(folder / "weights.safetensors")
    state = model.network.state_dict()
    trained = [key for key in saved if key.endswith("weight")]
    assert trained
    for key in trained:
        assert torch.allclose(state[key], saved[key], atol=1e-6), key


def test_the_log_names_the_pretraining_and_no_folder(tmp_path: Path) -> None:
    one, other = (load_recipe("contrastive-wrn", overrides=(f"steps={steps}",)) for steps in (1, 2))
    names = {Pretrained(recipe, squares(2), tmp_path).name for recipe in (one, other)}
    assert len(names) == 2
    assert not any(str(tmp_path) in name for name in names)


def test_the_pretrained_row_is_the_control_but_for_norms_rate_and_statistics() -> None:
    control, pretrained = row(CONTROL, *CHOSEN[CONTROL]), row("pretrained", *BATCH_NORM, *CHOSEN["pretrained"])
    for field in ("augment", "batch_size", "image_size", "fill_batch"):
        assert getattr(pretrained, field) == getattr(control, field), field
    (ours,), (theirs,) = pretrained.stages, control.stages
    optimizer = replace(ours.optimizer, lr=theirs.optimizer.lr)
    assert replace(ours, statistics=theirs.statistics, optimizer=optimizer) == theirs
    views = contrastive(Options())
    assert views.augment == views.stages[0].views[0].augment == control.augment
