"""`handful predict`: classes, probabilities and maps of new images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o

if TYPE_CHECKING:
    from handful.answers import Predictor

MODEL = "Folder that `handful fit` wrote, or file that `handful export` wrote (.onnx)."


def predict(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help=MODEL)],
    data: o.Data,
    out: Annotated[
        Path, Option("--out", "-o", metavar="FILE", show_default=False, help="Table to write: .csv or .parquet.")
    ],
    maps: Annotated[
        Path | None,
        Option(metavar="FOLDER", show_default=False, help="Folder for the predicted segmentation over each image."),
    ] = None,
    tta: Annotated[
        Literal["flip", "five_crop", "ten_crop"] | None,
        Option(show_default=False, help="Average over mirror images, crops, or both; slower by 2, 5 or 10 times."),
    ] = None,
    classes: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="Also score classes that were not trained on, by their names: a text file with one a line.",
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        Option(metavar="SHARE", show_default=False, help="Of the sets, where the model gives some; else as trained."),
    ] = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Predict images into a table.

    A row for every image of DATA, labelled or not, with its class and all probabilities; where the model was trained
    with --coverage or --reject, with the set of classes it may be of, and whether to name one at all.
    """
    from rich.console import Console
    from rich.progress import Progress

    from handful.cli._output import print_json, print_table, print_text, working
    from handful.cli._reading import read
    from handful.predict import check_outputs, predict_to

    with working():
        check_outputs(out, maps, overwrite=overwrite)
        exported = model.suffix == ".onnx" and not model.is_dir()
        classifier = _exported(model, tta, classes, device) if exported else _trained(model, tta, classes, device)
        samples = read(data, columns=column, allow_outside=allow_outside, unlabelled=True)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("predict", total=len(samples))

            def advance(images: int) -> None:
                bar.advance(task, images)

            found = predict_to(
                classifier, samples, out, maps=maps, coverage=coverage, overwrite=overwrite, advance=advance
            )
    if json:
        print_json({"out": str(out), "maps": maps, "rows": len(samples), "predictions": found})
        return
    print_table(("class", "images"), [(name, str(n)) for name, n in found.items()])
    print_text(f"{len(samples)} rows in {out}" + ("" if maps is None else f", maps in {maps}"))


def _trained(
    model: Path, tta: Literal["flip", "five_crop", "ten_crop"] | None, classes: Path | None, device: str
) -> "Predictor":
    from handful.device import pick_device
    from handful.persist import load_classifier
    from handful.posthoc.tta import over_views
    from handful.zero_shot import read_names, with_names

    classifier = load_classifier(model, device=pick_device(device))
    classifier = classifier if classes is None else with_names(classifier, read_names(classes))
    return classifier if tta is None else over_views(classifier, views=tta)


def _exported(model: Path, tta: str | None, classes: Path | None, device: str) -> "Predictor":
    """An ONNX model; it takes no PyTorch, and has in it what it was exported with."""
    from handful.errors import ModelError
    from handful.onnx_model import load_onnx

    for given, option in ((tta, "--tta"), (classes, "--classes")):
        if given is not None:
            raise ModelError(
                "an exported model cannot be changed", where=option, remedy="give the folder it was exported from."
            )
    if device not in ("auto", "cpu"):
        raise ModelError("an exported model runs on the CPU here", where="--device", remedy="use auto or cpu.")
    return load_onnx(model)
