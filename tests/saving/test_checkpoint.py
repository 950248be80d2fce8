from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from handful.core.dataset import Dataset
from handful.errors import HandfulWarning, OutputError, TrainingError
from handful.saving.checkpoint import FILE, NETWORKS, Checkpoint, identify_source, refuse_unfinished
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
    ):
        with pytest.raises(TrainingError, match=f"its {differs} differs"):
            other.position()
    other = Checkpoint(tmp_path, recipe(), 0, replace(data, samples=data.samples[1:]))
    with pytest.raises(TrainingError, match="other data: what differs is images or their labels, masks\n"):
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


def change(data: Dataset, position: int, **values: Any) -> Dataset:
    samples = [replace(s, **values) if i == position else s for i, s in enumerate(data.samples)]
    return replace(data, samples=tuple(samples))


def test_a_checkpoint_says_what_of_the_data_has_changed(tmp_path: Path) -> None:
    data = squares(2)
    data = change(change(data, 0, group="one"), 5, label=None, mask=None)
    source = identify_source(tmp_path, data, resume=True)
    Checkpoint(tmp_path, recipe(), 0, data, source=source).save(*trained(0), None, 0, 1)
    assert identify_source(tmp_path, replace(data, samples=data.samples[::-1]), resume=True) == source
    images, mask = (255 - np.asarray(s.image) for s in data.samples[::5]), np.ones((12, 12), dtype=bool)
    for other, differs in (
        (change(data, 0, image=next(images)), "pixels of images"),
        (change(data, 5, image=next(images)), "unlabelled images"),
        (data.select(range(5)), "unlabelled images"),
        (change(data, 1, mask=mask), "masks"),
        (change(data, 1, group="one"), "groups"),
        (change(data, 1, label=1), "images or their labels"),
        (change(change(data, 1, mask=mask), 0, group=None), "masks, groups"),
        (replace(data, classes=("a", "b", "c")), "class names"),
    ):
        with pytest.raises(TrainingError, match=f"what differs is {differs}\n.*or start over with resume=False"):
            identify_source(tmp_path, other, resume=True)
        identify_source(tmp_path, other, resume=False)


def test_a_checkpoint_of_an_earlier_version_is_resumed_with_a_note(tmp_path: Path) -> None:
    data = squares(2)
    checkpoint = Checkpoint(tmp_path, recipe(), 0, data)
    checkpoint.identity = {key: checkpoint.identity[key] for key in ("format", "recipe", "seed", "data")}
    checkpoint.save(*trained(0), None, 0, 1)
    with pytest.warns(HandfulWarning, match="earlier version"):
        source = identify_source(tmp_path, data, resume=True)
    assert Checkpoint(tmp_path, recipe(), 0, data, source=source).position() == (0, 1)


def test_a_full_disk_leaves_the_old_checkpoint_and_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path, recipe(), 0, squares(2))

    def fail(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("handful.saving.checkpoint.save_file", fail)
        with pytest.raises(OutputError, match=r"cannot be written: No space left.*\n.*then start again"):
            checkpoint.save(*trained(0), None, 0, 1)
    checkpoint.save(*trained(0), None, 0, 1)
    monkeypatch.setattr("handful.saving.checkpoint.save_file", fail)
    with pytest.raises(OutputError, match=r"then continue with resume=True"):
        checkpoint.save(*trained(0), None, 0, 2)
    assert checkpoint.position() == (0, 1)
