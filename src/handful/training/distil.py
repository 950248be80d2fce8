"""Distillation as one task: train a student on a saved teacher's predictions, and save it."""

from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.files import lock_output
from handful.core.recipe import Recipe
from handful.data.kind_checks import refuse_multilabel
from handful.data.splits import draw, training_split
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.models.kind_checks import refuse_multilabel_model
from handful.parts.losses.distillation import distilled
from handful.saving.checkpoint import refuse_unfinished
from handful.saving.classifier import load_classifier, refuse_existing_model, save_classifier
from handful.training.train import train


def distil_to(
    folder: str | Path,
    teacher: str | Path,
    recipe: Recipe,
    data: Dataset,
    *,
    temperature: float = 4.0,
    labels: float = 0.1,
    per_class: int | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> Classifier:
    """Train one network on the predictions of a saved model, and save it in `folder`: what `handful distil` does.

    Args:
        folder: of the student. While training, it holds the checkpoint.
        teacher: folder of a saved classifier or ensemble.
        recipe: of the student.
        data: its training part is learned from, unlabelled images included.
        temperature: softens the teacher's probabilities.
        labels: weight of the images' own labels, in [0, 1]; the rest is the teacher's.
        per_class: draw this many labelled images of each class, and train on these alone.
        seed: decides draw, initial weights, order and augmentation.
        device: as for `train`.
        resume: continue a stopped training from the checkpoint in `folder`.
        overwrite: replace the model in `folder`.

    Raises:
        ModelError: there is no such teacher.
        OutputError: `folder` is taken.
        DataError, RecipeError, TrainingError: as `train`.
    """
    folder, teacher = Path(folder), Path(teacher)
    select_device(device)
    refuse_multilabel(data, "distillation")
    model = load_classifier(teacher)
    refuse_multilabel_model(model.kind, "distillation", where=model.recipe.name)
    student = distilled(recipe, teacher.resolve(), temperature=temperature, labels=labels)
    with lock_output(folder):
        refuse_existing_model(folder, overwrite=overwrite)
        refuse_unfinished(folder, resume=resume, overwrite=overwrite)
        part = training_split(data) if per_class is None else draw(data, per_class, seed)[0]
        classifier = train(student, part, seed=seed, device=device, folder=folder, resume=resume)
        save_classifier(classifier, folder, overwrite=overwrite)
    return classifier
