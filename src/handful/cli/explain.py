"""`handful explain`: saliency maps of predictions, with sanity checks."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._data_options import MaskOptions


def explain(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help="Model folder (from `handful fit`).")],
    data: o.Data,
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder for the pictures.")
    ],
    seed: Annotated[
        int, Option(metavar="N", min=0, help="Random seed of the weight shuffling in the sanity check.")
    ] = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: MaskOptions,
) -> None:
    """Draw saliency maps of predictions.

    Writes a picture for each image of DATA: the segmentation maps of the model if it has some, else Grad-CAM. Checks
    the maps against those of shuffled weights and, with --masks, against the foreground.
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.data.pixel_range import scaled
    from handful.models.device import select_device
    from handful.reports.explanations import check_folder, explain_to
    from handful.saving.classifier import load_classifier

    with print_to_stderr():
        check_folder(out, overwrite=overwrite)
        classifier = load_classifier(model, device=select_device(device))
        samples = read(data, data_options, unlabelled=True, find_range=False)
        samples = scaled(samples, classifier.pixel_range)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("explain", total=len(samples))
            checks = explain_to(
                classifier, samples, out, seed=seed, overwrite=overwrite, advance=lambda n: bar.advance(task, n)
            )
    if json:
        print_json({"out": str(out), **asdict(checks)})
        return
    rows = [
        (
            "similarity to shuffled weights",
            f"{checks.similar:.2f}",
            f"rank correlation, {checks.compared} images; aim: 0",
        )
    ]
    if checks.pointed is not None and checks.inside is not None and checks.chance is not None:
        assert checks.pointed_low is not None
        assert checks.pointed_high is not None
        span = f"{100 * checks.pointed_low:.0f} to {100 * checks.pointed_high:.0f}"
        chance = f"by chance {100 * checks.chance:.0f} %"
        rows += [
            ("pointing game", f"{100 * checks.pointed:.0f} %", f"{span} %, {checks.masked} images; {chance}"),
            ("share of the map in the mask", f"{100 * checks.inside:.0f} %", chance),
        ]
    print_table(("check", "", ""), rows, text=3)
    print_text(f"{checks.images} pictures in {out}")
