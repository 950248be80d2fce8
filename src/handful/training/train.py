"""Train a classifier: straight-line code from a recipe and a data set to a `Classifier`."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Recipe, Stage
from handful.core.tensors import Batch, Output
from handful.data.in_memory import load_tensors, working_size
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.models.device import select_precision
from handful.models.network import Network
from handful.parts import registry
from handful.recipes.checks import check
from handful.recipes.load import load_recipe
from handful.saving.checkpoint import FILE, Checkpoint
from handful.saving.classifier import load_classifier
from handful.training.augmentation import Compose
from handful.training.distributed import agree, check_batches, own_part, share_norms, sum_gradients
from handful.training.fit_head import fit_head
from handful.training.interrupt import Interrupt
from handful.training.launcher import rank_and_world_size
from handful.training.nested_runs import kept
from handful.training.optimizer import initial_values, make_optimizer, reset, set_rate, train_mode
from handful.training.schedule import batch_sizes, budget, learning_rate, stage_order, step_generator, stream
from handful.training.view_cache import frozen_views

Loss = Callable[[Output, Batch], Float[Tensor, " n"]]
Log = Callable[[Mapping[str, float], int], None]


def train(
    recipe: Recipe,
    data: Dataset,
    *,
    seed: int = 0,
    device: str = "auto",
    folder: Path | None = None,
    resume: bool = False,
    progress: bool = True,
    log: Log | None = None,
) -> Classifier:
    """Train `recipe` on every labelled sample of `data`, and only on these unless it `uses_unlabelled`.

    Args:
        recipe: what to do.
        data: the training split. Unlabelled samples are seen by the `prepare` parts and such losses only.
        seed: decides initial weights, order, augmentation and dropout: on CPU the same seed gives the same classifier.
        device: "auto", "cpu", "cuda", "mps".
        folder: where checkpoints go: twice a minute, and on Ctrl-C.
        resume: go on from the checkpoint in `folder`, to exactly the result of an uninterrupted run.
        progress: show a bar with loss and time left.
        log: called after each step with its loss and learning rate, and the number of steps so far.

    Raises:
        DataError, RecipeError: before training starts.
        TrainingError: too few images or no masks, before it starts; or the loss is no longer finite: training stops
            and the last good checkpoint stays.

    Example:
        >>> from handful import load_data, load_recipe, train
        >>> digits = load_data("digits").select(range(30))  # three images of each class
        >>> recipe = load_recipe("classification-wrn", overrides=("backbone.depth=10", "steps=2"))
        >>> classifier = train(recipe, digits, device="cpu", progress=False)
        >>> classifier.card["train_images"], classifier.card["steps"]
        (30, 2)
    """
    started = time.monotonic()
    check(recipe)
    task = _task(data)
    with torch.random.fork_rng():
        torch.manual_seed(stream(seed, 0))
        labels = registry.build_labels(recipe, task, seed=seed)
        fit = fitter(device, progress=progress, folder=folder, resume=resume)
        context = Context(task, labels, recipe, seed, fit, load_classifier, load_recipe)
        data = replace(data, samples=tuple(sorted(data.samples, key=lambda s: s.id)))
        given = {s.id for s in data.samples if s.label is not None}
        for part in recipe.prepare:
            data = registry.build("prepare", part, context)(data)
        labelled = replace(data, samples=tuple(s for s in data.samples if s.label is not None))
        data = data if registry.trains_unlabelled(recipe) else labelled
        context = replace(context, data=labelled)
        if recipe.hierarchy is not None:
            context = replace(context, hierarchy=registry.build("hierarchies", recipe.hierarchy, context))
        accelerator = _accelerator(recipe, device)
        where = accelerator.device
        held = load_tensors(data, size=working_size(data, recipe.image_size), resize=recipe.resize).to(where)
        _check_masks(recipe, held.pixel_labels)

        network = registry.build_network(recipe, context)
        context = replace(context, features=partial(_features, network, (held.images.shape[2], held.images.shape[3])))
        stages = [[registry.build("losses", part, context) for part in stage.losses] for stage in recipe.stages]
        network.losses = nn.ModuleList(loss for stage in stages for loss in stage if isinstance(loss, nn.Module))
        augment = Compose([(part, registry.build("augment", part, context)) for part in recipe.augment])
        posthoc = [registry.build("posthoc", part, context) for part in recipe.posthoc]
        if accelerator.num_processes > 1:
            share_norms(network)
        network = network.to(where, memory_format=network.layout)  # type: ignore[call-overload]
        average = _average(network, recipe.ema)
        initial = [initial_values(network, stage) for stage in recipe.stages]
        checkpoint = Checkpoint(folder, recipe, seed, data) if folder is not None else None
        writer = checkpoint if accelerator.is_main_process else None

        views = None
        if recipe.cache_views and recipe.stages:
            wish = {"views": recipe.cache_views, "classes": len(data.classes), "seed": seed}
            views = frozen_views(network, held, augment, precision=recipe.precision, **wish)
        if not recipe.stages:
            fit_head(network, held, augment, recipe, classes=len(data.classes), seed=seed, shown=progress)
        length = max(len(held), recipe.batch_size if recipe.fill_batch else 0)
        sizes = batch_sizes(length, recipe.batch_size)
        check_batches(sizes, accelerator.num_processes, recipe=recipe.name)
        starts = np.cumsum([0, *sizes])
        held_labels = held.labels.cpu().numpy().tobytes()
        budgets = [budget(stage, len(sizes)) for stage in recipe.stages]
        first, skip = checkpoint.where() if checkpoint is not None and resume else (0, 0)
        with Progress(sum(budgets), recipe.name, shown=progress and accelerator.is_local_main_process) as bar:
            for s, (stage, losses, steps) in enumerate(zip(recipe.stages, stages, budgets, strict=True)):
                begin = skip if s == first else steps if s < first else 0
                bar.advance(math.nan, begin)
                if s < first:
                    continue
                if begin == 0:
                    reset(network, initial[s])
                    reset(None if average is None else average.module, initial[s])
                optimizer = make_optimizer(network, stage)
                if checkpoint is not None and (s, begin) == (first, skip) and (first, skip) != (0, 0):
                    checkpoint.restore(network, optimizer, None if average is None else average.module)
                # In each step accelerate looks for optional packages on the disk: wrap only what needs it.
                if accelerator.scaler is not None:
                    optimizer = accelerator.prepare_optimizer(optimizer, device_placement=False)
                train_mode(network, statistics=stage.statistics)
                step, seen = begin, math.nan
                with Interrupt() as interrupt:
                    while step < steps:
                        epoch, at = divmod(step, len(sizes))
                        order = stage_order(stage, seed, s, epoch, held_labels, length)
                        index = order[starts[at] : starts[at + 1]]
                        share = (sum(budgets[:s]) + step) / sum(budgets)
                        chosen = torch.from_numpy(index).to(where)
                        generator = step_generator(seed, s, step, where)
                        if views is None:
                            maps = None
                            batch = augment(held.batch(chosen, len(data.classes)), generator, share=share)
                        else:
                            batch, maps = views.batch(chosen, len(data.classes), generator)
                        batch, maps = own_part(batch, maps, accelerator)
                        dropout = torch if where.type != "cpu" else torch.default_generator  # fifty times faster
                        dropout.manual_seed(stream(seed, 3, s, step, accelerator.process_index))
                        rate = learning_rate(stage.schedule, stage.optimizer.lr, step / steps)
                        set_rate(optimizer, rate)
                        with accelerator.autocast():
                            output: Output = network(batch.images, maps)
                        values = _total(stage, losses, output, batch, step / steps)
                        loss = values.sum() / len(index)
                        optimizer.zero_grad()
                        if accelerator.scaler is None:
                            loss.backward()  # type: ignore[no-untyped-call]
                        else:
                            accelerator.backward(loss)
                        sum_gradients(network, accelerator)
                        told = False
                        if where.type == "cpu" or step % 10 == 0 or step == steps - 1:  # reading it makes a GPU wait
                            seen, told = agree(loss, interrupt.asked, accelerator)
                            if not math.isfinite(seen):
                                raise _diverged(recipe, s, step, folder)
                        if stage.optimizer.clip is not None:
                            accelerator.clip_grad_norm_(network.parameters(), stage.optimizer.clip)
                        optimizer.step()
                        step += 1
                        if average is not None:
                            average.update(network, sum(budgets[:s]) + step)
                        bar.advance(seen)
                        if log is not None and accelerator.is_main_process and math.isfinite(seen):
                            log({"loss": seen, "learning rate": rate}, sum(budgets[:s]) + step)
                        stop = told or (interrupt.asked and accelerator.num_processes == 1)
                        if writer is not None and (writer.due() or stop or step == steps):
                            writer.save(network, optimizer, None if average is None else average.module, s, step)
                        if stop:
                            raise KeyboardInterrupt
        network = network if average is None else average.module
        network.eval().requires_grad_(False)
        card = {
            "seed": seed,
            "train_images": len(given),
            "unlabelled_images": len(held) - len(given),
            "images_per_class": dict(zip(task.classes, task.counts.tolist(), strict=True)),
            "steps": sum(budgets),
            "precision": str(select_precision(recipe.precision, where) or torch.float32).removeprefix("torch."),
            "device": where.type,
            "seconds": round(time.monotonic() - started, 2),
        }
        size = (held.images.shape[2], held.images.shape[3])
        classifier = Classifier(recipe, data.classes, labels, network, size, task.counts, card)
        judged = replace(labelled, samples=tuple(s for s in labelled.samples if s.id in given))
        for step_after in posthoc:
            classifier = step_after((classifier,), judged)
    return classifier


def _task(data: Dataset) -> Task:
    """Facts of the training split, refused when they leave nothing to learn."""
    counts = data.counts
    if len(data.classes) < 2:
        raise TrainingError("a classifier needs two classes", where=data.classes, remedy="add images of another class.")
    if counts.min() == 0:
        missing = ", ".join(c for c, n in zip(data.classes, counts, strict=True) if n == 0)
        raise TrainingError(
            f"no training image of {missing}",
            where="the training split",
            remedy="label at least one of each class.",
        )
    return Task(data.classes, counts)


def fitter(
    device: str, *, progress: bool, folder: Path | None = None, resume: bool = False
) -> Callable[[Recipe, Dataset, int], Classifier]:
    """`train` as a part may call it: same device, a bar of its own, and below `folder` what a stopped run finds again.

    Of several processes together each would write the same files: they keep nothing.
    """

    def fit(recipe: Recipe, data: Dataset, seed: int, own: Path | None) -> Classifier:
        return train(recipe, data, seed=seed, device=device, progress=progress, folder=own, resume=resume)

    return kept(fit, folder if rank_and_world_size()[1] == 1 else None, resume=resume, device=device)


def _accelerator(recipe: Recipe, device: str) -> Accelerator:
    """Device, precision and processes. A process may train several recipes, so the shared state is made anew."""
    AcceleratorState._reset_state(reset_partial_state=device != "auto")
    if device == "auto":
        plain = Accelerator(mixed_precision="no")
        where = plain.device
        AcceleratorState._reset_state()
    else:
        where = torch.device(device)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise TrainingError("there is no CUDA device here", where=device, remedy='use device "auto" or "cpu".')
    kind = select_precision(recipe.precision, where)
    name = {None: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}[kind]
    if name == "fp16" and where.type == "cpu":
        raise TrainingError(
            "fp16 does not train on a CPU", where=recipe.name, remedy='set precision = "bf16" or "fp32".'
        )
    return Accelerator(mixed_precision=name, cpu=where.type == "cpu")


def _features(network: Network, size: tuple[int, int]) -> int:
    """How many features the head pools, seen from one blank image."""
    before = network.training
    network.eval()
    with torch.no_grad():
        output: Output = network(torch.zeros(1, 3, *size, device=network.mean.device))
    network.train(before)
    return output.features.shape[1]


def _check_masks(recipe: Recipe, maps: Tensor | None) -> None:
    """A recipe all of whose losses read masks cannot learn without one."""
    losses = [part.name for stage in recipe.stages for part in stage.losses]
    needs = bool(losses) and all("pixel" in name for name in losses)
    if needs and (maps is None or not bool((maps > 0).any())):
        raise TrainingError(
            "this recipe learns from masks and no training image has one",
            where=recipe.name,
            remedy="give masks (--masks), or a mask source in the recipe: binarize, grabcut or propagate_masks.",
        )


def _total(stage: Stage, losses: list[Loss], output: Output, batch: Batch, share: float) -> Float[Tensor, " n"]:
    """The stage's weighted sum of losses at this share of it, one value per image."""
    active = [(p, f) for p, f in zip(stage.losses, losses, strict=True) if p.start <= share < p.stop]
    total = torch.zeros(len(batch.labels), device=batch.images.device)
    for part, loss in active:
        total = total + part.weight * loss(output, batch)
    return total


def _average(network: Network, decay: float | None) -> Any:
    """The exponential moving average of the weights, timm's, with its warm-up; None: not wanted."""
    if decay is None:
        return None
    from timm.utils.model_ema import ModelEmaV3

    return ModelEmaV3(network, decay=decay, use_warmup=True)


def _diverged(recipe: Recipe, stage: int, step: int, folder: Path | None) -> TrainingError:
    kept = f" The last good checkpoint is {folder / FILE}." if folder is not None and (folder / FILE).exists() else ""
    lr = recipe.stages[stage].optimizer.lr
    return TrainingError(
        f"the loss is not finite at step {step}.{kept}",
        where=f"{recipe.name}: stages.{stage}",
        remedy=f"lower the learning rate (--set lr={lr / 10:g}), clip gradients "
        f"(--set stages.{stage}.optimizer.clip=1.0)"
        ' or use precision = "fp32".',
    )
