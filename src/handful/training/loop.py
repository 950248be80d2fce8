"""The training loop: stages, steps, checkpoints, and a stop between two steps."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handful.core.progress import Progress
from handful.errors import TrainingError, hint
from handful.saving.checkpoint import Checkpoint
from handful.training.assembly import Assembly
from handful.training.distributed import sum_loss
from handful.training.interrupt import Interrupt
from handful.training.optimizer import make_optimizer, reset, train_mode
from handful.training.setup import Setup
from handful.training.step import TrainingStep

Log = Callable[[Mapping[str, float], int], None]
LOSS_EVERY = 10  # steps between two readings of the loss on a GPU, which has to finish its work for one
SMOOTHING = 0.9  # of the moving average of the loss that early stopping reads


@dataclass(frozen=True, eq=False)
class Monitor:
    """Where a run reports to: a progress bar, a log, and the checkpoint of its folder."""

    bar: Progress
    log: Log | None
    checkpoint: Checkpoint | None


def run_stages(
    setup: Setup,
    assembly: Assembly,
    *,
    checkpoint: Checkpoint | None,
    resume: bool,
    progress: bool,
    log: Log | None,
) -> int:
    """Train the network, stage after stage, and return the number of steps: fewer than planned if a stage stops early.

    Args:
        setup: data and schedule.
        assembly: the network and what trains it.
        checkpoint: written twice a minute, at the end of each stage and on Ctrl-C.
        resume: continue from `checkpoint`.
        progress: show a bar.
        log: called after each step.

    Raises:
        TrainingError: the loss is not finite, or the checkpoint belongs to another run.
        KeyboardInterrupt: on Ctrl-C, after the checkpoint is written.
    """
    plan, accelerator = setup.plan, setup.accelerator
    first, done = checkpoint.position() if checkpoint is not None and resume else (0, 0)
    shown = (progress and accelerator.is_local_main_process) or None
    taken = 0
    with Progress(plan.total, "training", shown=shown if plan.total else False) as bar:
        monitor = Monitor(bar, log if accelerator.is_main_process else None, checkpoint)
        for number, steps in enumerate(plan.stage_steps):
            start = steps if number < first else done if number == first else 0
            bar.advance(math.nan, start)
            end = start
            if number >= first:
                restored = checkpoint if number == first and (first, done) != (0, 0) else None
                end = run_stage(setup, assembly, number, start=start, restored=restored, monitor=monitor)
            if end < steps:
                bar.advance(math.nan, steps - end)
            taken += end
    return taken


def run_stage(
    setup: Setup, assembly: Assembly, number: int, *, start: int, restored: Checkpoint | None, monitor: Monitor
) -> int:
    """Train one stage from a step on, and return the step at which it ended.

    Args:
        setup: data and schedule.
        assembly: the network and what trains it.
        number: of the stage.
        start: the step to begin with.
        restored: a checkpoint of this step, to be loaded first.
        monitor: is told of each step.

    Raises:
        TrainingError: the loss is not finite.
        KeyboardInterrupt: on Ctrl-C, after the checkpoint is written.
    """
    training = begin_stage(setup, assembly, number, start=start, restored=restored)
    accelerator, steps, before = setup.accelerator, training.steps, setup.plan.before(number)
    writer = monitor.checkpoint if accelerator.is_main_process else None
    threshold = setup.recipe.stages[number].stopping_threshold
    value, average = math.nan, math.inf if restored is None else restored.average_loss()
    with Interrupt() as interrupt:
        for step in range(start, steps):
            if threshold is not None and average < threshold:
                return step
            loss = training.gradients(step)
            stop = False
            if setup.device.type == "cpu" or step % LOSS_EVERY == 0 or step == steps - 1 or threshold is not None:
                value, stop = sum_loss(loss, interrupt.asked, accelerator)
                if not math.isfinite(value):
                    raise _diverged(setup, number, step, monitor.checkpoint)
                average = value if average == math.inf else SMOOTHING * average + (1 - SMOOTHING) * value
            rate = training.update(step)
            monitor.bar.advance(value)
            if monitor.log is not None and math.isfinite(value):
                monitor.log({"loss": value, "learning rate": rate}, before + step + 1)
            stop = stop or (interrupt.asked and accelerator.num_processes == 1)
            if writer is not None and (writer.due() or stop or step + 1 == steps):
                writer.save(
                    assembly.network,
                    training.optimizer,
                    assembly.averaged,
                    number,
                    step + 1,
                    average,
                    peers=[peer.network for peer in assembly.peers],
                )
            if stop:
                raise KeyboardInterrupt
    return steps


def begin_stage(
    setup: Setup, assembly: Assembly, number: int, *, start: int, restored: Checkpoint | None
) -> TrainingStep:
    """Reset what the stage resets, choose what it trains, and make or restore its optimizer.

    Args:
        setup: data and schedule.
        assembly: the network and what trains it.
        number: of the stage.
        start: the step to begin with.
        restored: a checkpoint of this step, to be loaded.
    """
    network, stage = assembly.network, setup.recipe.stages[number]
    peers = [peer.network for peer in assembly.peers]
    if start == 0:
        for member in assembly.members:
            reset(member.network, member.initial[number])
        reset(assembly.averaged, assembly.initial[number])
    optimizer = make_optimizer(network, stage, peers=peers)
    if restored is not None:
        restored.restore(network, optimizer, assembly.averaged, peers=peers)
    # In each step accelerate looks for optional packages on the disk: wrap only what needs it.
    if setup.accelerator.scaler is not None:
        optimizer = setup.accelerator.prepare_optimizer(optimizer, device_placement=False)
    for one in (network, *peers):
        train_mode(one, statistics=stage.statistics)
    return TrainingStep(setup, assembly, number, optimizer)


def _diverged(setup: Setup, number: int, step: int, checkpoint: Checkpoint | None) -> TrainingError:
    path = None if checkpoint is None or not checkpoint.path.exists() else checkpoint.path
    saved = "" if path is None else f" The last good checkpoint is {path}."
    lr = setup.recipe.stages[number].optimizer.lr
    return TrainingError(
        f"the loss is not finite at step {step}.{saved}",
        where=f"{setup.recipe.name}: stages.{number}",
        remedy=f"lower the learning rate{hint('overrides', f'lr={lr / 10:g}')}, clip gradients"
        f"{hint('overrides', f'stages.{number}.optimizer.clip=1.0')}"
        ', or use precision = "fp32".',
    )
