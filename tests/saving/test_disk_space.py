import errno
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from handful.errors import OutputError
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.disk_space import refuse_full_disk, refuse_when_full, tensor_bytes
from handful.training.train import train
from tests.support.datasets import recipe, squares


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_weights_of_networks_are_counted_in_bytes() -> None:
    assert tensor_bytes(nn.Linear(3, 2), None) == 4 * (6 + 2)
    assert tensor_bytes(nn.Linear(3, 2).half(), nn.BatchNorm1d(2)) == 2 * 8 + 4 * 4 * 2 + 8


def test_room_is_probed_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_full_disk(tmp_path / "deep" / "model", (1, 10_000))
    assert list((tmp_path / "deep").iterdir()) == []
    with pytest.raises(OutputError, match=r"no room for the model.*needed\)\n.*free disk space"):
        refuse_full_disk(tmp_path / "model", (2**60,))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match="No space left"):
        train(recipe("linear"), squares(2), folder=tmp_path / "model", progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), refuse_when_full(tmp_path, "the model", remedy="."):
        raise PermissionError(errno.EACCES, "denied")


def test_a_finished_training_whose_model_has_no_room_is_saved_later_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, plan, folder = squares(2), recipe("linear"), tmp_path / "model"
    classifier = train(plan, data, folder=folder, progress=False)
    with monkeypatch.context() as patch:
        patch.setattr("handful.saving.classifier.save_file", full)
        with pytest.raises(OutputError, match=r"the model cannot be written.*\n.*nothing is trained again"):
            save_classifier(classifier, folder)
    assert [p.name for p in folder.iterdir()] == ["checkpoint.safetensors"]
    steps: list[int] = []
    again = train(plan, data, folder=folder, resume=True, progress=False, log=lambda _, step: steps.append(step))
    assert steps == []
    save_classifier(again, folder)
    expected = torch.from_numpy(classifier.probabilities(data))
    torch.testing.assert_close(torch.from_numpy(load_classifier(folder).probabilities(data)), expected)
