"""`handful ensemble`: several saved models as one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from handful.cli import _options as o

if TYPE_CHECKING:
    from handful.models.classifier import Classifier


def ensemble(
    models: Annotated[
        list[Path], Argument(metavar="MODEL...", show_default=False, help="Folders that `handful fit` wrote.")
    ],
    out: o.Out,
    weights: Annotated[
        str,
        Option(
            metavar="W,W,...",
            help="One per model, e.g. 3,1; or equal; or cross_fitted, which trains the models' recipes again on folds "
            "of --data.",
        ),
    ] = "equal",
    data: Annotated[
        str | None,
        Option(metavar="DATA", show_default=False, help="For cross_fitted: what the models were trained on."),
    ] = None,
    masks: o.Masks = None,
    folds: Annotated[int, Option(metavar="K", min=2, help="Folds of cross_fitted.")] = 5,
    seed: Annotated[int, Option(metavar="N", min=0, help="Decides the folds of cross_fitted.")] = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Join trained models.

    The ensemble predicts the weighted mean of its models' probabilities, and is a model itself.
    """
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.errors import ModelError
    from handful.models.device import select_device
    from handful.models.ensemble import join
    from handful.saving.classifier import load_classifier, refuse_existing_model, save_classifier

    with working():
        refuse_existing_model(out, overwrite=overwrite)
        members = [load_classifier(model, device=select_device(device)) for model in models]
        given = None if weights in ("equal", "cross_fitted") else _numbers(weights)
        joined = join(members, given)
        if weights == "cross_fitted":
            if data is None:
                raise ModelError(
                    "cross_fitted needs the training data", where="--weights", remedy="give them with --data."
                )
            joined = join(members, _cross_fitted(members, data, masks, column, allow_outside, folds, seed, device))
        save_classifier(joined, out, overwrite=overwrite)
    if json:
        print_json({"model": out, "members": models, "weights": joined.weights, "classes": joined.classes})
        return
    rows = [(str(m), f"{100 * w:.3g} %") for m, w in zip(models, joined.weights, strict=True)]
    print_table(("model", "weight"), rows)
    print_text(f"The ensemble is in {out}. One network of it: handful distil {out} DATA --recipe NAME --out FOLDER.")


def _cross_fitted(
    members: "list[Classifier]",
    data: str,
    masks: Path | None,
    column: list[str] | None,
    allow_outside: bool,
    folds: int,
    seed: int,
    device: str,
) -> tuple[float, ...]:
    from handful.cli._data import read
    from handful.core.dataset import Dataset
    from handful.core.recipe import Recipe
    from handful.data.splits import training_part
    from handful.models.ensemble import refuse_other_classes
    from handful.parts.posthoc._folds import cross_fitted
    from handful.training.train import train

    part = training_part(read(data, masks=masks, columns=column, allow_outside=allow_outside))
    refuse_other_classes(part.classes, members[0].classes, where=data)

    def fit(recipe: Recipe, samples: Dataset, own: int) -> "Classifier":
        return train(recipe, samples, seed=own, device=device)

    plans = [(m.recipe, int(m.card.get("seed", 0))) for m in members]
    return cross_fitted(plans, part, fit, folds=folds, grid=(1.0, 3.0), seed=seed)


def _numbers(text: str) -> tuple[float, ...]:
    from handful.errors import ModelError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ModelError(
            f"{text!r} are no weights", where="--weights", remedy="write e.g. 3,1, or equal, or cross_fitted."
        ) from None
