"""Set-up of a training run: the device, the prepared data as tensors, and the context that parts are built with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from warnings import warn

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch import Tensor

from handful.core.context import Context, Fit, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.in_memory import ImageTensors, load_tensors, working_size
from handful.data.masks.partial import MARK_BACKGROUND, NO_BACKGROUND
from handful.data.numbers import scale_of
from handful.data.votes import refuse_improper
from handful.errors import HandfulWarning, TrainingError, by_interface, hint, offers
from handful.models.device import select_device, select_precision
from handful.parts import registry
from handful.parts.traits import uses_unmasked
from handful.recipes.kinds import check_kind, check_soft_targets
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from handful.training.distributed import check_batches
from handful.training.schedule import StepPlan, plan_steps


@dataclass(frozen=True, eq=False)
class Setup:
    """What a run trains on and with.

    `data` are the prepared samples that training sees, in the order of `tensors`; `context.data` are those of them
    that have a label. `labelled_ids` name the samples that had one before the recipe's `prepare` parts.
    """

    recipe: Recipe
    seed: int
    context: Context
    data: Dataset
    labelled_ids: frozenset[str]
    tensors: ImageTensors
    accelerator: Accelerator
    plan: StepPlan

    @property
    def device(self) -> torch.device:
        """Where the network is trained."""
        device: torch.device = self.accelerator.device
        return device

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.tensors.images.shape[2], self.tensors.images.shape[3]

    @property
    def labelled(self) -> Dataset:
        """Prepared samples whose label was given, not guessed: what `posthoc` parts are fitted on."""
        known = self.context.data
        assert known is not None, "prepare_run puts it there"
        return replace(known, samples=tuple(s for s in known.samples if s.id in self.labelled_ids))


def prepare_run(recipe: Recipe, data: Dataset, *, seed: int, device: str, fit: Fit, task: Task | None = None) -> Setup:
    """Run the recipe's `prepare` parts on the training split and load its images.

    Args:
        recipe: what to train.
        data: the training split.
        seed: of the run.
        device: as for `train`.
        fit: trains a nested run, for parts that need a network of their own.
        task: classes and counts, where no label is learned; None: those of the data.

    Raises:
        TrainingError: too few images, no masks for losses that read them, no unlabelled images for a stage that draws
            some, or batches too small for the processes.
        DataError, RecipeError, WeightsError: from the parts.
    """
    for sample in data.samples:
        refuse_improper(sample, len(data.classes))
    check_kind(recipe, data)
    if data.kind == "number" and recipe.precision == "auto":
        recipe = replace(recipe, precision="fp32")  # as exported models, and everywhere the same number
    task = make_task(data) if task is None else task
    context = registry.make_context(recipe, task, seed=seed, fit=fit, load=load_classifier, named=load_recipe)
    data = replace(data, samples=tuple(sorted(data.samples, key=lambda s: s.id)))
    labelled_ids = frozenset(s.id for s in data.samples if s.labelled)
    unlabelled = data.unlabelled().samples
    for part in recipe.prepare:
        data = registry.build("prepare", part, context)(data)
    check_soft_targets(recipe, data)
    labelled = data.labelled()
    data = data if registry.trains_unlabelled(recipe) else data.supervised()
    context = replace(context, data=labelled, unlabelled=unlabelled)
    if recipe.hierarchy is not None:
        context = replace(context, hierarchy=registry.build("hierarchies", recipe.hierarchy, context))
    accelerator = _make_accelerator(recipe, device)
    tensors = load_tensors(data, size=working_size(data, recipe.image_size), resize=recipe.resize)
    tensors = tensors.to(accelerator.device)
    _check_masks(recipe, tensors.pixel_labels, data.classes if data.kind == "multiclass" else ())
    supervised = len(data.supervised())
    _check_unlabelled(recipe, len(tensors) - supervised)
    plan = plan_steps(recipe, len(tensors), supervised)
    for stage in plan.stages:
        check_batches(stage.rows, accelerator.num_processes, recipe=recipe.name)
    return Setup(recipe, seed, context, data, labelled_ids, tensors, accelerator, plan)


def make_task(data: Dataset) -> Task:
    """Class names and counts of the training split.

    Raises:
        TrainingError: there are fewer than two classes, or a class has no image.
        DataError: a number is the same in all images.
    """
    counts = data.counts
    if data.kind == "number":
        return Task(data.classes, counts, data.kind, scale_of(data))
    if len(data.classes) < 2:
        raise TrainingError("a classifier needs two classes", where=data.classes, remedy="add images of another class.")
    if counts.min() == 0:
        missing = ", ".join(c for c, n in zip(data.classes, counts, strict=True) if n == 0)
        voted = next((c for c, n in zip(data.classes, counts, strict=True) if n == 0 and _has_votes(data, c)), None)
        if voted is not None:
            raise TrainingError(
                f"{voted} has votes, but is the most probable class of no training image",
                where="the training split",
                remedy=f"give some image the label {voted} beside its votes, or leave the votes of {voted} out.",
            )
        raise TrainingError(
            f"no training image of {missing}",
            where="the training split",
            remedy="label at least one of each class.",
        )
    return Task(data.classes, counts, data.kind)


def _has_votes(data: Dataset, name: str) -> bool:
    """Whether some image has a probability of this class."""
    c = data.classes.index(name)
    return any(s.probabilities is not None and s.probabilities[c] > 0 for s in data.samples)


@contextmanager
def nested_run() -> Iterator[None]:
    """A training inside another: accelerate's shared state, which each run makes anew, is the outer run's again after.

    Its objects read that state whenever they are asked for their device or precision.
    """
    kept = [(state, dict(state._shared_state)) for state in (AcceleratorState, PartialState, GradientState)]
    try:
        yield
    finally:
        for state, values in kept:
            state._shared_state.clear()
            state._shared_state.update(values)


def _make_accelerator(recipe: Recipe, device: str) -> Accelerator:
    """Device, precision and processes. A process may train several recipes, so the shared state is made anew."""
    AcceleratorState._reset_state(reset_partial_state=device != "auto")
    if device == "auto":
        target = Accelerator(mixed_precision="no").device
        AcceleratorState._reset_state()
    else:
        target = torch.device(select_device(device))
    kind = select_precision(recipe.precision, target)
    name = {None: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}[kind]
    if name == "fp16" and target.type == "cpu":
        raise TrainingError(
            "fp16 does not train on a CPU", where=recipe.name, remedy='set precision = "bf16" or "fp32".'
        )
    return Accelerator(mixed_precision=name, cpu=target.type == "cpu")


def _check_masks(recipe: Recipe, pixel_labels: Tensor | None, classes: Sequence[str]) -> None:
    """A recipe all of whose losses read masks needs some, of background and of each class; a "masked" stage, any."""
    losses = [part for stage in recipe.stages for part in stage.losses]
    all_read = bool(losses) and all(registry.has_trait("losses", part, "reads_masks") for part in losses)
    if not all_read and all(stage.sampler != "masked" for stage in recipe.stages):
        return
    if pixel_labels is None or not bool((pixel_labels > 0).any()):
        raise TrainingError(
            "this recipe learns from masks, and no training image has one",
            where=recipe.name,
            remedy=f"give masks{hint('masks', 'PATH')}, or a mask source in the recipe: binarize, grabcut, "
            "salient, cut_masks or explained_masks.",
        )
    if not all_read:
        return
    if not bool((pixel_labels == 0).any()):
        raise TrainingError(NO_BACKGROUND, where=recipe.name, remedy=MARK_BACKGROUND)
    seen = set(torch.unique(pixel_labels).tolist())
    missing = [name for i, name in enumerate(classes) if i + 1 not in seen]
    if missing and not uses_unmasked(recipe):
        what = (
            f"{recipe.name} learns from masks alone, and no training image of {', '.join(missing)} has one: it will "
            "hardly predict this" + ("" if len(missing) == 1 else " or these")
        )
        warn(what, HandfulWarning, stacklevel=4)


def _check_unlabelled(recipe: Recipe, unlabelled: int) -> None:
    """A stage with a stream of unlabelled images needs one."""
    if unlabelled == 0 and any(stage.unlabelled is not None for stage in recipe.stages):
        rest = f", or take the images that a draw leaves{hint('unlabelled', 'rest')}" if offers("unlabelled") else ""
        raise TrainingError(
            "this recipe learns from unlabelled images, and there are none",
            where=recipe.name,
            remedy=by_interface(
                command=f"put images without a label into a folder named unlabelled{hint('unlabelled', 'given')}{rest}",
                python='add samples whose label is None, or evaluate with Protocol(unlabelled="rest")',
            )
            + ", or use a recipe that needs none.",
        )
