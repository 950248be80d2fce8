"""Training in two processes, beside training in one."""

from dataclasses import replace
from pathlib import Path

import torch

from handful.core.recipe import Recipe
from handful.data.load import load_data
from handful.recipes.write import to_toml
from handful.saving.classifier import load_classifier
from handful.training.train import train
from tests.support.processes import free_port, start


def assert_two_learn_what_one_does(plan: Recipe, folder: Path) -> None:
    """Train on the images in `folder / "photos"` in two processes, and in one: the weights are the same."""
    (folder / "plan.toml").write_text(to_toml(plan))
    command = ["fit", str(folder / "photos"), "-r", str(folder / "plan.toml"), "-o", str(folder / "two")]
    port = free_port()
    jobs = [start(command, number, 2, port) for number in (0, 1)]
    alone = train(replace(plan, name="plan"), load_data(folder / "photos"), device="cpu", progress=False)
    said = [job.communicate(timeout=170) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said
    together = load_classifier(folder / "two")
    for (name, expected), value in zip(alone.network.named_parameters(), together.network.parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=0.02, atol=0.002, msg=name)
