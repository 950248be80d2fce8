"""Knowledge distillation: learn a teacher's probabilities (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

(1 - labels) T^2 KL(teacher || network), both at temperature T, plus labels times the cross-entropy. The teacher
predicts each augmented batch, mixed images included, so no targets are stored; images are resized where its working
size differs. As in the paper, the probabilities of an ensemble are averaged before the temperature is applied. Of an
image with several candidates for its class the teacher predicts among these, and their summed probability takes the
place of the label's.

The teacher is a saved model, or a recipe that is trained before, on the same images: the third step of SimCLRv2 (Chen
et al. 2020, https://arxiv.org/abs/2006.10029), in which a network learns from the teacher on the unlabelled images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part, Recipe, Stage
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.models.ensemble import refuse_other_classes
from handful.models.link import Softmax
from handful.parts.traits import uses_unlabelled as gains_from_unlabelled

soft_targets = True
candidates = True
uses_unlabelled = True  # the teacher labels them
loads_model = "teacher"
reads_images = True
HERE = "losses/distillation"
SOFTMAX = Softmax()


class Distillation:
    """Distillation loss of each image; an image without a label has the teacher's term only."""

    def __init__(self, teacher: Classifier, temperature: float, labels: float) -> None:
        self.teacher, self.temperature, self.labels = teacher, temperature, labels

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """(1 - labels) T^2 KL(teacher || network) + labels x cross-entropy, in nats."""
        if self.teacher.device != batch.images.device:
            self.teacher = self.teacher.to(batch.images.device)
        T = self.temperature
        # The teacher's logits are inference tensors; what is computed from them here is not.
        soft_targets = self.teacher.of_images(batch.images).logits.float().log_softmax(dim=1).div(T).softmax(dim=1)
        soft_targets = SOFTMAX.among_candidates(soft_targets, batch.candidates)
        logits = output.logits.float()
        divergence = F.kl_div((logits / T).log_softmax(dim=1), soft_targets, reduction="none").sum(dim=1)
        cross_entropy = -(batch.targets * logits.log_softmax(dim=1)).sum(dim=1)
        if batch.candidates is not None:
            cross_entropy = cross_entropy + SOFTMAX.loss_of_candidates(logits, batch.candidates)
        return (1 - self.labels) * T**2 * divergence + self.labels * cross_entropy


def build(
    context: Context,
    *,
    teacher: str | None = None,
    recipe: str | None = None,
    temperature: float = 4.0,
    labels: float = 0.1,
) -> Distillation:
    """Distillation from a saved model, or from a recipe's.

    Args:
        context: loads or trains the teacher.
        teacher: folder of a saved model or ensemble with the same classes.
        recipe: in its place, the recipe of a teacher that is trained on the same images, without its `posthoc`.
        temperature: T, above 0 and at most 1000. The higher, the more the teacher's small probabilities count.
        labels: weight of the cross-entropy with the batch's targets, from 0 to 1; the teacher's term has the rest.

    Raises:
        ValueError: a number is out of range.
        RecipeError: both or none of `teacher` and `recipe` are given, or there is no such recipe.
        ModelError: the teacher cannot be loaded, or its classes differ.
    """
    if not 0 < temperature <= 1000:
        raise ValueError(f"temperature must be above 0 and at most 1000, not {temperature!r}")
    if not 0 <= labels <= 1:
        raise ValueError(f"labels must be from 0 to 1, not {labels!r}")
    if (teacher is None) == (recipe is None):
        raise RecipeError(
            "distillation needs one teacher",
            where=HERE,
            remedy='set either teacher = "FOLDER" of a saved model, or recipe = "NAME", which is trained before.',
        )
    if teacher is None:
        assert recipe is not None
        return Distillation(_trained(context, recipe), temperature, labels)
    if context.load is None:
        raise TrainingError("saved models cannot be loaded here", where=HERE)
    model: Classifier = context.load(Path(teacher))
    refuse_other_classes(model.classes, context.task.classes, where=teacher)
    return Distillation(model, temperature, labels)


def nested_runs(context: Context, data: Dataset, *, teacher: str | None, recipe: str | None) -> Iterator[NestedRun]:
    """The teacher, unless it is saved."""
    if teacher is None and recipe is not None:
        yield _teacher(context, recipe, data.labelled(), data.unlabelled().samples)


def _trained(context: Context, name: str) -> Classifier:
    """The classifier of a recipe, from the images of the run."""
    assert context.data is not None, "losses are built after the data are prepared"
    model: Classifier = context.train(
        *_teacher(context, name, context.data, context.unlabelled), context.seed, where=HERE
    )
    return model


def _teacher(context: Context, name: str, data: Dataset, unlabelled: Sequence[Sample]) -> NestedRun:
    """The recipe of that name, and its images: with a label or candidates, and the others where it uses them."""
    recipe = replace(context.recipe_named(name, where=HERE), posthoc=())
    known = set(data.ids)
    pile = [sample for sample in unlabelled if sample.id not in known]
    used = pile if gains_from_unlabelled(recipe) else [sample for sample in pile if sample.candidates is not None]
    return recipe, replace(data, samples=(*data.samples, *used))


def distilled(recipe: Recipe, teacher: Path, *, temperature: float = 4.0, labels: float = 0.1) -> Recipe:
    """The recipe with distillation: in each stage it replaces cross_entropy, or is added to the other losses.

    `posthoc` is left out, so that the result is one network, and so is `cache_views`: the teacher is shown each batch.

    Args:
        recipe: the student's.
        teacher: folder of the saved teacher.
        temperature: as in `build`.
        labels: as in `build`.

    Raises:
        RecipeError: the recipe has no stage that trains.
    """
    if not recipe.stages:
        raise RecipeError(
            f"head {recipe.head.name!r} is fitted to the true labels, so it cannot learn from a teacher",
            where=recipe.name,
            remedy="distil into a recipe that is trained in steps, e.g. classification.",
        )
    options = {"teacher": str(teacher), "temperature": temperature, "labels": labels}

    def with_distillation(stage: Stage) -> Stage:
        if not any(part.name == "cross_entropy" for part in stage.losses):
            return replace(stage, losses=(*stage.losses, Part("distillation", options)))
        losses = (
            replace(p, name="distillation", options=options) if p.name == "cross_entropy" else p for p in stage.losses
        )
        return replace(stage, losses=tuple(losses))

    stages = tuple(map(with_distillation, recipe.stages))
    return replace(recipe, name=f"{recipe.name}-distilled", stages=stages, posthoc=(), cache_views=0)
