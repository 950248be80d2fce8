"""`handful explain`: where a model looks, and how far such maps can be believed."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o


def explain(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help="Folder that `handful fit` wrote.")],
    data: o.Data,
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Folder for the pictures.")],
    masks: o.Masks = None,
    seed: Annotated[int, Option(metavar="N", min=0, help="Of the shuffled weights that maps are checked with.")] = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Show where a model looks.

    A picture for every image of DATA: the model's own maps where it segments, Grad-CAM where it does not; and two
    checks of them, against shuffled weights and, with --masks, against what is foreground.
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.models.device import select_device
    from handful.reports.explanations import check_folder, explain_to
    from handful.saving.classifier import load_classifier

    with working():
        check_folder(out, overwrite=overwrite)
        classifier = load_classifier(model, device=select_device(device))
        samples = read(data, masks=masks, columns=column, allow_outside=allow_outside, unlabelled=True)
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("explain", total=len(samples))
            checks = explain_to(
                classifier, samples, out, seed=seed, overwrite=overwrite, advance=lambda n: bar.advance(task, n)
            )
    if json:
        print_json({"out": str(out), **asdict(checks)})
        return
    rows = [("like shuffled weights", f"{checks.similar:.2f}", f"rank correlation, {checks.compared} images; aim: 0")]
    if checks.pointed is not None and checks.inside is not None and checks.chance is not None:
        assert checks.pointed_low is not None
        assert checks.pointed_high is not None
        span = f"{100 * checks.pointed_low:.0f} to {100 * checks.pointed_high:.0f}"
        chance = f"by chance {100 * checks.chance:.0f} %"
        rows += [
            ("points into the mask", f"{100 * checks.pointed:.0f} %", f"{span} %, {checks.masked} images; {chance}"),
            ("of the map in the mask", f"{100 * checks.inside:.0f} %", chance),
        ]
    print_table(("check", "", ""), rows, text=3)
    print_text(f"{checks.images} pictures in {out}")
