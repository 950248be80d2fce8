"""Training: from a recipe and a data set to a `Classifier`."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from handful.core.context import Fit, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.tensors import any_labelled
from handful.data.fingerprint import TRAINED_ON
from handful.data.pixel_range import common_range
from handful.models.classifier import Classifier
from handful.models.device import select_precision
from handful.parts.traits import reads_masks
from handful.recipes.checks import check
from handful.saving.checkpoint import Checkpoint, identify_source
from handful.saving.training_images import digests_of_run
from handful.training.assembly import Assembly, assemble
from handful.training.fit_head import fit_head
from handful.training.launcher import check_launcher, rank_and_world_size
from handful.training.loop import Log, run_stages
from handful.training.nested_runs import memoize_on_disk
from handful.training.random_streams import Stream, derive_seed
from handful.training.setup import Setup, nested_run, prepare_run


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
        recipe: what to train.
        data: the training split. Unlabelled samples are seen by the `prepare` parts and such losses only.
        seed: decides initial weights, order, augmentation and dropout: on CPU the same seed gives the same classifier.
        device: "auto", "cpu", "cuda", "mps".
        folder: where checkpoints are written: twice a minute, and on Ctrl-C.
        resume: continue from the checkpoint in `folder`, to exactly the result of an uninterrupted run.
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
    with torch.random.fork_rng():
        settings = Settings(seed, device, folder, resume, progress, log)
        setup, assembly, steps = run_training(recipe, data, settings)
        classifier = _make_classifier(setup, assembly, steps=steps, started=started)
        classifier.card[TRAINED_ON] = digests_of_run(recipe, data)
        for posthoc in assembly.posthoc:
            classifier = posthoc((classifier,), setup.labelled)
    return classifier


@dataclass(frozen=True, eq=False)
class Settings:
    """How a run is carried out; the fields are those arguments of `train`."""

    seed: int
    device: str
    folder: Path | None
    resume: bool
    progress: bool
    log: Log | None = None


def run_training(
    recipe: Recipe, data: Dataset, settings: Settings, *, task: Task | None = None
) -> tuple[Setup, Assembly, int]:
    """Train a network from PyTorch's global generator, which is seeded; the number of steps comes last.

    Args:
        recipe: what to train, checked.
        data: the training split.
        settings: see there.
        task: classes and counts, where no label is learned; None: those of the data.

    Raises:
        as `train`.
    """
    seed, folder, resume, progress = settings.seed, settings.folder, settings.resume, settings.progress
    check_launcher()
    common_range(data.samples)
    source = None if folder is None else identify_source(folder, data, resume=resume)
    torch.manual_seed(derive_seed(seed, Stream.WEIGHTS))
    fit = nested_fit(settings.device, progress=progress, folder=folder, resume=resume)
    setup = prepare_run(recipe, data, seed=seed, device=settings.device, fit=fit, task=task)
    assembly = assemble(setup, progress=progress)
    checkpoint = None if folder is None else Checkpoint(folder, recipe, seed, setup.data, source=source)
    if checkpoint is not None and rank_and_world_size()[0] == 0:
        peers = [peer.network for peer in assembly.peers]
        checkpoint.refuse_full_disk(assembly.network, assembly.averaged, trained=bool(recipe.stages), peers=peers)
    if not recipe.stages:
        fit_head(setup, assembly, progress=progress)
    steps = run_stages(setup, assembly, checkpoint=checkpoint, resume=resume, progress=progress, log=settings.log)
    return setup, assembly, steps


def nested_fit(device: str, *, progress: bool, folder: Path | None = None, resume: bool = False) -> Fit:
    """`train` as parts call it, for a network of their own.

    Args:
        device: as for `train`.
        progress: show a bar for each nested run.
        folder: of the outer run: finished nested runs are saved below it, so that a resumed run reuses them. Of several
            processes each would write the same files, so these save nothing.
        resume: reuse the runs saved there.
    """

    def fit(recipe: Recipe, data: Dataset, seed: int, own_folder: Path | None) -> Classifier:
        with nested_run():
            return train(recipe, data, seed=seed, device=device, progress=progress, folder=own_folder, resume=resume)

    return memoize_on_disk(fit, folder if rank_and_world_size()[1] == 1 else None, resume=resume, device=device)


def _make_classifier(setup: Setup, assembly: Assembly, *, steps: int, started: float) -> Classifier:
    """The trained network with its card, before the recipe's `posthoc` parts."""
    recipe, task = setup.recipe, setup.context.task
    network = assembly.trained
    network.eval().requires_grad_(False)
    precision = select_precision(recipe.precision, setup.device) or torch.float32
    labelled, candidates = len(setup.labelled), sum(s.candidates is not None for s in setup.data.samples)
    card = {
        "seed": setup.seed,
        "train_images": labelled,
        "unlabelled_images": len(setup.tensors) - labelled - candidates,
        "images_per_class": dict(zip(task.classes, task.counts.tolist(), strict=True)),
        "steps": steps,
        "precision": str(precision).removeprefix("torch."),
        "device": setup.device.type,
        "seconds": round(time.monotonic() - started, 2),
    }
    if candidates:
        card["candidate_images"] = candidates
    if labelled < len(setup.labelled_ids):
        card["labels_removed"] = len(setup.labelled_ids) - labelled
    if reads_masks(recipe):
        pixel_labels = setup.tensors.pixel_labels
        masked = np.array([s.mask is not None for s in setup.data.samples])  # images that show nothing need none
        card["masks"] = 0 if pixel_labels is None else int((any_labelled(pixel_labels).cpu().numpy() & masked).sum())
    card |= getattr(network.head, "card", {})
    if task.kind == "bag":
        card |= {"kind": "bag", "bags": int(task.counts.sum())}
    elif task.kind != "multiclass":
        card |= {"kind": task.kind, "known_entries": int((~np.isnan(setup.labelled.targets())).sum())}
    pixel_range = common_range(setup.data.samples)
    return Classifier(
        recipe,
        setup.data.classes,
        setup.context.labels,
        network,
        setup.size,
        task.counts,
        card,
        pixel_range,
        task.kind,
        task.scale,
    )
