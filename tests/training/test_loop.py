"""Stages and steps: what is reported, when a checkpoint is written, and how a stopped stage goes on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from handful.core.progress import Progress
from handful.core.recipe import Recipe
from handful.errors import TrainingError
from handful.saving.checkpoint import Checkpoint
from handful.training import loop
from handful.training.interrupt import Interrupt
from handful.training.loop import Monitor, run_stage, run_stages
from handful.training.step import TrainingStep
from tests.support.datasets import recipe, squares
from tests.training.runs import assembled, trained_weights


def two_stages(*overrides: str) -> Recipe:
    """Three steps of everything, then three of a head that is set back."""
    plan = recipe("linear", "steps=3", *overrides)
    second = replace(plan.stages[0], trainable=("head",), reset=("head.linear",))
    return replace(plan, stages=(plan.stages[0], second))


class Interrupted(Interrupt):
    """Ctrl-C while step `at` of a stage is computed."""

    at = 0

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    @property
    def asked(self) -> bool:
        """Read twice a step: for the sum over processes, and after the update."""
        self.reads += 1
        return self.reads > 2 * self.at

    @asked.setter
    def asked(self, value: bool) -> None:
        pass


def monitor(plan: Recipe, folder: Path | None = None, log: loop.Log | None = None) -> Monitor:
    checkpoint = None if folder is None else Checkpoint(folder, plan, 0, squares())
    return Monitor(Progress(None, "test", shown=False), log, checkpoint)


def test_stages_one_after_the_other_are_what_train_does() -> None:
    plan = two_stages()
    setup, assembly = assembled(plan)
    logged: list[tuple[int, float]] = []

    def log(values: Mapping[str, float], step: int) -> None:
        assert set(values) == {"loss", "learning rate"}
        logged.append((step, values["loss"]))

    run_stages(setup, assembly, checkpoint=None, resume=False, progress=False, log=log)
    assert [step for step, _ in logged] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(loss) for _, loss in logged)
    for name, value in trained_weights(plan, squares()).items():
        assert torch.equal(value, assembly.network.state_dict()[name]), name


@pytest.mark.parametrize("ema", [(), ("ema=0.9",)])
@pytest.mark.parametrize("stop", [(0, 1), (0, 3), (1, 2)])
def test_a_stop_writes_a_checkpoint_and_the_resumed_run_equals(
    stop: tuple[int, int], ema: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = two_stages(*ema)
    setup, assembly = assembled(plan)
    number, steps = stop
    folder = tmp_path / "run"
    folder.mkdir()
    told = monitor(plan, folder)
    if number == 1:
        run_stage(setup, assembly, 0, start=0, restored=None, monitor=told)
    with monkeypatch.context() as patch:
        patch.setattr(Interrupted, "at", steps - 1)
        patch.setattr(loop, "Interrupt", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_stage(setup, assembly, number, start=0, restored=None, monitor=told)
    assert told.checkpoint is not None
    assert told.checkpoint.position() == stop
    again, fresh = assembled(plan)
    run_stages(again, fresh, checkpoint=told.checkpoint, resume=True, progress=False, log=None)
    for name, value in trained_weights(plan, squares()).items():
        assert torch.equal(value, fresh.trained.state_dict()[name]), name


def test_a_checkpoint_at_the_end_of_each_stage_and_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[tuple[int, int]] = []

    def save(
        _: Checkpoint, __: object, ___: object, ____: object, stage: int, step: int, *_____: float, peers: object
    ) -> None:
        assert peers == []
        saved.append((stage, step))

    monkeypatch.setattr(Checkpoint, "save", save)
    plan = two_stages()
    for due, expected in ((False, [(0, 3), (1, 3)]), (True, [(s, i) for s in (0, 1) for i in (1, 2, 3)])):
        saved.clear()
        monkeypatch.setattr(Checkpoint, "due", lambda _, due=due: due)
        setup, assembly = assembled(plan)
        checkpoint = Checkpoint(tmp_path, plan, 0, squares())
        run_stages(setup, assembly, checkpoint=checkpoint, resume=False, progress=False, log=None)
        assert saved == expected


def test_resuming_nothing_begins_at_the_first_step(tmp_path: Path) -> None:
    plan = two_stages()
    setup, assembly = assembled(plan)
    run_stages(
        setup, assembly, checkpoint=Checkpoint(tmp_path, plan, 0, squares()), resume=True, progress=False, log=None
    )
    for name, value in trained_weights(plan, squares()).items():
        assert torch.equal(value, assembly.network.state_dict()[name]), name


def test_a_loss_that_is_not_finite_ends_the_stage_before_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = TrainingStep.total_loss

    def diverging(self: TrainingStep, output: object, given: object, step: int) -> torch.Tensor:
        return total(self, output, given, step) * (math.nan if step == 1 else 1)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainingStep, "total_loss", diverging)
    monkeypatch.setattr(Checkpoint, "due", lambda _: True)
    plan = two_stages()
    setup, assembly = assembled(plan)
    told = monitor(plan, tmp_path)
    with pytest.raises(TrainingError, match=r"(?s)not finite at step 1.*last good checkpoint is.*lr=0\.005"):
        run_stage(setup, assembly, 0, start=0, restored=None, monitor=told)
    assert all(bool(value.isfinite().all()) for value in assembly.network.state_dict().values())
    assert told.checkpoint is not None
    assert told.checkpoint.position() == (0, 1)
