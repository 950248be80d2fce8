"""`handful ensemble`: combine saved models into an ensemble."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions


def ensemble(
    models: Annotated[
        list[Path], Argument(metavar="MODEL", show_default=False, help="Model folders (from `handful fit`).")
    ],
    out: o.Out,
    weights: Annotated[
        str,
        Option(
            metavar="W,W,...",
            help="One per model, e.g. 3,1; or equal; or cross_fitted: fitted by training the recipes again on folds of "
            "--data.",
        ),
    ] = "equal",
    data: Annotated[
        str | None,
        Option(metavar="DATA", show_default=False, help="For cross_fitted: the training data of the models."),
    ] = None,
    folds: Annotated[int, Option(metavar="K", min=2, help="For cross_fitted: number of folds.")] = 5,
    seed: Annotated[int, Option(metavar="N", min=0, help="For cross_fitted: random seed of the folds.")] = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Combine models into an ensemble.

    The ensemble predicts the weighted mean of the probabilities of its members. It is saved as a model.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.training.ensemble import ensemble_to

    with print_to_stderr():
        samples = None
        if data is not None and weights == "cross_fitted":
            samples = read(data, data_options)
        result = ensemble_to(
            out,
            models,
            weights=_weights(weights),
            data=samples,
            folds=folds,
            seed=seed,
            device=device,
            overwrite=overwrite,
        )
    if json:
        print_json({"model": out, "members": models, "weights": result.weights, "classes": result.classes})
        return
    rows = [(str(m), f"{100 * w:.3g} %") for m, w in zip(models, result.weights, strict=True)]
    print_table(("model", "weight"), rows)
    print_text(
        f"The ensemble is in {out}. Distil it into one network: handful distil {out} DATA --recipe NAME --out FOLDER."
    )


def _weights(text: str) -> "Literal['equal', 'cross_fitted'] | tuple[float, ...]":
    """The value of --weights.

    Raises:
        ModelError: it is neither of the two words nor a list of numbers.
    """
    from handful.errors import ModelError

    if text == "equal":
        return "equal"
    if text == "cross_fitted":
        return "cross_fitted"
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ModelError(
            f"{text!r} is not a list of numbers", where="--weights", remedy="write e.g. 3,1, or equal, or cross_fitted."
        ) from None
