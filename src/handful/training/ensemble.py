"""An ensemble of saved models as one task: join them with equal, given or cross-fitted weights, and save the result."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from handful.core.dataset import Dataset
from handful.core.files import lock_output
from handful.data.splits import training_split
from handful.errors import ModelError, option
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.models.ensemble import KINDS, Ensemble, join, refuse_other_classes
from handful.parts.posthoc.ensemble import cross_fitted_weights
from handful.saving.classifier import load_classifier, refuse_existing_model, save_classifier
from handful.training.train import nested_fit

GRID = (1.0, 3.0)  # cross-fitted weights are chosen from these


def ensemble_to(
    folder: str | Path,
    models: Sequence[str | Path],
    *,
    weights: Literal["equal", "cross_fitted"] | Sequence[float] = "equal",
    data: Dataset | None = None,
    folds: int = 5,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
) -> Ensemble:
    """Join saved models into an ensemble, and save it in `folder`: what `handful ensemble` does.

    Args:
        folder: of the ensemble.
        models: folders of two or more saved models of the same classes.
        weights: "equal", one number for each model, or "cross_fitted": the models' recipes are trained again on folds
            of `data`, and the weights are chosen that predict the held-out images best.
        data: what the models were trained on, for cross-fitted weights; its training part is used.
        folds: of the cross-fitting.
        seed: decides the folds.
        device: as for `train`.
        overwrite: replace the model in `folder`.

    Raises:
        ModelError: a model is missing, classes differ, weights do not fit, or there is no data to cross-fit them on.
        OutputError: `folder` is taken.
        DataError, TrainingError: the weights cannot be cross-fitted.
    """
    folder = Path(folder)
    with lock_output(folder):
        refuse_existing_model(folder, overwrite=overwrite)
        members = [load_classifier(model, device=select_device(device)) for model in models]
        ensemble = join(members, None if isinstance(weights, str) else weights)
        if weights == "cross_fitted":
            if data is None:
                raise ModelError(
                    "cross_fitted needs the training data",
                    where=option("weights", "cross_fitted"),
                    remedy=f"give them ({option('data', 'DATA')}).",
                )
            ensemble = join(members, _cross_fitted_weights(members, data, folds=folds, seed=seed, device=device))
        save_classifier(ensemble, folder, overwrite=overwrite)
    return ensemble


def _cross_fitted_weights(
    members: Sequence[Classifier], data: Dataset, *, folds: int, seed: int, device: str
) -> tuple[float, ...]:
    part = training_split(data)
    if part.kind != members[0].kind:
        raise ModelError(
            f"the models were trained on {KINDS[members[0].kind]}, and these data have {KINDS[part.kind]}",
            where=option("data", None),
            remedy=f"read the training data as for training ({option('multilabel', None)}).",
        )
    if part.kind == "number":
        raise ModelError(
            "weights of models of numbers cannot be cross-fitted",
            where=option("weights", "cross_fitted"),
            remedy="name the weights, or leave them equal.",
        )
    refuse_other_classes(part.classes, members[0].classes, where=option("data", None))
    recipes = [(member.recipe, int(member.card.get("seed", 0))) for member in members]
    return cross_fitted_weights(recipes, part, nested_fit(device, progress=True), folds=folds, grid=GRID, seed=seed)
