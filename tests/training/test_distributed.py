"""Two processes on the CPU, as a launcher would start them, against one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from handful.data.load import load_data
from handful.data.splits import draw
from handful.errors import TrainingError
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from handful.training.distributed import SharedBatchNorm, check_batches, share_norms
from handful.training.train import train
from tests.support.command_line import fails
from tests.support.processes import free_port, start

SMALL = ("precision=fp32", "steps=12", "backbone.depth=10", "backbone.width=1", "lr=0.01")


def test_two_processes_learn_what_one_does_and_one_of_them_writes(tmp_path: Path) -> None:
    overrides = [word for wish in SMALL for word in ("--set", wish)]
    command = ["fit", "digits", "-r", "cvs-joint-wrn", "-m", "3", *overrides, "-o", str(tmp_path / "two")]
    port = free_port()
    jobs = [start(command, number, 2, port) for number in (0, 1)]
    few, _ = draw(load_data("digits"), 3, 0)
    alone = train(load_recipe("cvs-joint-wrn", overrides=SMALL), few, device="cpu", progress=False)
    said = [job.communicate(timeout=170) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said
    assert "30 images" in said[0][0]
    assert said[1][0] == ""
    together = load_classifier(tmp_path / "two")
    for expected, found in zip(alone.network.parameters(), together.network.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.002)
    one, two = (classifier.probabilities(few) for classifier in (alone, together))
    assert np.abs(one - two).max() < 0.1 * np.abs(one - 0.1).max()


def test_a_shared_norm_alone_is_batch_norm() -> None:
    plain = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
    shared = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
    share_norms(shared)
    assert type(shared[0]) is SharedBatchNorm
    x = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(shared(x), plain(x))
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())


def test_a_batch_smaller_than_the_processes_is_refused() -> None:
    check_batches([4, 2], 2, recipe="r")
    with pytest.raises(TrainingError, match="a batch of 1 cannot be shared by 2 processes"):
        check_batches([2, 1], 2, recipe="r")


@pytest.mark.parametrize(
    "arguments", [("evaluate", "digits", "-r", "cvs-wrn"), ("fit", "digits", "-r", "auto", "-o", "x")]
)
def test_what_processes_cannot_share_is_refused(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "launch one process" in fails(*arguments)
