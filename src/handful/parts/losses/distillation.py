"""Distillation: learn a trained model's probabilities (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

The teacher sees each augmented batch as the network does, mixed images included, so no targets are kept; where its
working size differs, images are stretched to it. The paper softens an ensemble's mean probabilities; so do we.
"""

from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.recipe import Part, Recipe, Stage
from handful.core.tensors import Batch, Output
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.models.ensemble import refuse_other_classes

uses_unlabelled = True  # the teacher labels them
reads_images = True


class Distillation:
    """One value per image; an image without a label has the teacher's term only."""

    def __init__(self, teacher: Classifier, temperature: float, labels: float) -> None:
        self.teacher, self.temperature, self.labels = teacher, temperature, labels

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """(1 - labels) T^2 KL(teacher || network), both at temperature T, + labels x cross-entropy; in nats."""
        if self.teacher.device != batch.images.device:
            self.teacher = self.teacher.to(batch.images.device)
        T = self.temperature
        # Out of inference mode: a softmax of its tensor is an ordinary one.
        soft = self.teacher.of_images(batch.images).logits.float().log_softmax(dim=1).div(T).softmax(dim=1)
        logits = output.logits.float()
        apart = F.kl_div((logits / T).log_softmax(dim=1), soft, reduction="none").sum(dim=1)
        hard = -(batch.targets * logits.log_softmax(dim=1)).sum(dim=1)
        return (1 - self.labels) * T**2 * apart + self.labels * hard


def build(context: Context, *, teacher: str, temperature: float = 4.0, labels: float = 0.1) -> Distillation:
    """Follow a saved model.

    Args:
        context: loads the teacher.
        teacher: folder of a saved model or ensemble, of the same classes.
        temperature: T, above 0; high ones show more of what the teacher thinks of the other classes.
        labels: weight of the cross-entropy with the batch's own targets, 0 to 1; the rest is the teacher's.

    Raises:
        ValueError: a number out of range.
        ModelError: the teacher cannot be loaded, or its classes differ.
    """
    if not 0 < temperature <= 1000:
        raise ValueError(f"temperature is {temperature!r}, and must be above 0 and at most 1000")
    if not 0 <= labels <= 1:
        raise ValueError(f"labels is {labels!r}, and must be from 0 to 1")
    if context.load is None:
        raise TrainingError("saved models cannot be loaded here", where="losses/distillation")
    loaded: Classifier = context.load(Path(teacher))
    refuse_other_classes(loaded.classes, context.task.classes, where=teacher)
    return Distillation(loaded, temperature, labels)


def distilled(recipe: Recipe, teacher: Path, *, temperature: float = 4.0, labels: float = 0.1) -> Recipe:
    """The recipe following a teacher: in each stage distillation takes cross_entropy's place, or joins the others.

    `posthoc` is left out: what comes out is one network.
    """
    options = {"teacher": str(teacher), "temperature": temperature, "labels": labels}

    def follow(stage: Stage) -> Stage:
        if not any(part.name == "cross_entropy" for part in stage.losses):
            return replace(stage, losses=(*stage.losses, Part("distillation", options)))
        swap = (
            replace(p, name="distillation", options=options) if p.name == "cross_entropy" else p for p in stage.losses
        )
        return replace(stage, losses=tuple(swap))

    return replace(recipe, name=f"{recipe.name}-distilled", stages=tuple(map(follow, recipe.stages)), posthoc=())
