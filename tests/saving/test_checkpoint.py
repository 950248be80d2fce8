from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from handful.errors import OutputError, TrainingError
from handful.saving.checkpoint import FILE, NETWORKS, Checkpoint, refuse_unfinished
from tests.support.datasets import recipe, squares


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A linear layer after a step of SGD with momentum."""
    torch.manual_seed(seed)
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


def test_weights_optimizer_and_position_come_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, recipe(), 0, squares(2))
    assert checkpoint.position() == (0, 0)
    network, optimizer = trained(0)
    checkpoint.save(network, optimizer, None, 1, 7)
    assert checkpoint.position() == (1, 7)

    other, other_optimizer = trained(1)
    checkpoint.restore(other, other_optimizer, None)
    assert torch.equal(other.weight, network.weight)  # type: ignore[arg-type]
    states = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert all(torch.equal(states[0][i]["momentum_buffer"], states[1][i]["momentum_buffer"]) for i in (0, 1))

    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_another_recipe_seed_or_data_is_another_run(tmp_path: Path) -> None:
    data = squares(2)
    Checkpoint(tmp_path, recipe(), 0, data).save(*trained(0), None, 0, 1)
    for other, differs in (
        (Checkpoint(tmp_path, recipe("linear"), 0, data), "recipe"),
        (Checkpoint(tmp_path, recipe(), 1, data), "seed"),
        (Checkpoint(tmp_path, recipe(), 0, replace(data, samples=data.samples[1:])), "data"),
    ):
        with pytest.raises(TrainingError, match=f"its {differs} differs"):
            other.position()
    (tmp_path / FILE).write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="cannot be read"):
        Checkpoint(tmp_path, recipe(), 0, data).position()


@pytest.mark.parametrize("name", [FILE, NETWORKS])
def test_an_unfinished_run_is_resumed_or_overwritten_only_when_asked_for(tmp_path: Path, name: str) -> None:
    refuse_unfinished(tmp_path, resume=False, overwrite=False)
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match="unfinished run"):
        refuse_unfinished(tmp_path, resume=False, overwrite=False)
    refuse_unfinished(tmp_path, resume=True, overwrite=False)
    refuse_unfinished(tmp_path, resume=False, overwrite=True)
