"""`handful run`: from a folder of images to a classifier, an honest score and a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions

if TYPE_CHECKING:
    from handful.automl.result import RunResult


def run(
    data: o.Data,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder; default: handful-NAME."),
    ] = None,
    budget: Annotated[
        str, Option(metavar="TIME", help="Wall time, e.g. 90s, 3m, 1h; work that has begun is finished.")
    ] = "3m",
    recipe: Annotated[
        list[str] | None,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            show_default=False,
            help="Recipe name or .toml file to select from; may be repeated. Default: auto, those that suit the "
            "images.",
        ),
    ] = None,
    backbone: o.Backbones = None,
    per_class: o.PerClass = None,
    seed: o.Seed = 0,
    jobs: o.JobsPerCore = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Train the best classifier and say how often it is right.

    Ties copies together, tries methods from the cheapest on, trains the best on all labelled images, and predicts those
    without a label. The same command resumes an interrupted run.
    """
    from handful.automl.run import run as run_automl
    from handful.cli._data import names_of, read
    from handful.cli._output import print_text, print_to_stderr, stderr_is_terminal
    from handful.comparison.budget import read_budget

    name = Path(data.replace(":", "-")).resolve().stem or "images"
    folder = Path(f"handful-{name}") if out is None else out
    seconds = read_budget(budget, None).seconds
    assert seconds is not None
    with print_to_stderr():
        samples = read(data, data_options)
        result = run_automl(
            samples,
            folder,
            recipes=recipe,
            backbone=names_of(backbone),
            seconds=seconds,
            per_class=per_class,
            seed=seed,
            jobs=jobs,
            device=device,
            overwrite=overwrite,
            progress=stderr_is_terminal(),
            on_message=print_text,
        )
    print_run(result, json=json)
    if open_:
        open_page(folder / "report.html")


def print_run(result: "RunResult", *, json: bool) -> None:
    """Print the answer, or all values as JSON."""
    from handful.automl.result import as_values
    from handful.automl.text import format_run
    from handful.cli._output import print_json, print_lines, width

    if json:
        print_json({"folder": str(result.folder), **as_values(result)})
        return
    print_lines("")
    print_lines(format_run(result, width=width()))


def open_page(page: Path) -> None:
    """Open a page in the browser if there is a display."""
    import os
    import sys
    import webbrowser

    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.resolve().as_uri())
