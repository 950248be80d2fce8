"""`handful run`: from a folder of images to a classifier, an honest score and a report."""

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions
from handful.cli._names import check_recipes, names_of

if TYPE_CHECKING:
    from handful.automl.multilabel_result import MultilabelRunResult
    from handful.automl.number_result import NumberRunResult
    from handful.automl.result import RunResult


def run(
    data: o.Data,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder; default: handful-NAME."),
    ] = None,
    budget: Annotated[
        str, Option(metavar="TIME", help="Wall time, e.g. 90s, 3m, 1h; a fit that has begun is finished.")
    ] = "3m",
    recipe: Annotated[
        list[str] | None,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            callback=check_recipes,
            show_default=False,
            help="Recipe name or .toml file to select from; may be repeated. Default: auto, those that suit the "
            "images.",
        ),
    ] = None,
    backbone: o.Backbones = None,
    per_class: o.PerClass = None,
    normal_class: Annotated[
        str | None,
        Option(
            metavar="NAME",
            show_default=False,
            help="Class that means that nothing is wrong: counts what is missed and false alarms. Default: recognized "
            "by its name, such as good or healthy; none: there is none.",
        ),
    ] = None,
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

    Keeps copies of an image on one side of each split, tries methods from the cheapest on, and trains the best on all
    labelled images. After the answer, where time is left, predicts images without a label and measures what would
    help. The same command resumes an interrupted run.
    """
    started = time.monotonic()
    from handful.automl.run import run as run_automl
    from handful.cli._data import read
    from handful.cli._data_options import source_arguments
    from handful.cli._output import print_text, print_to_stderr
    from handful.comparison.budget import read_budget
    from handful.core.progress import Activity

    name = Path(data.replace(":", "-")).resolve().stem or "images"
    folder = Path(f"handful-{name}") if out is None else out
    seconds = read_budget(budget, None).seconds
    assert seconds is not None
    on_answer = answer_printer(json=json)
    with print_to_stderr():
        with Activity("Reading the data", shown=True, announce=True):
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
            on_message=print_text,
            on_answer=on_answer,
            started=started,
            name=Path(data).name or name,
            normal_class=normal_class,
            inspection=f"handful inspect {source_arguments(data, data_options)} --page labels.html",
        )
    print_rest(result, json=json)
    if open_:
        open_page(folder / "report.html")


def print_rest(result: "RunResult | MultilabelRunResult | NumberRunResult", *, json: bool) -> None:
    """Print what was not yet said: the answer too where images have several labels or numbers; or all as JSON."""
    from handful.automl import multilabel_result, number_result
    from handful.cli._output import print_json, print_lines, width

    if isinstance(result, multilabel_result.MultilabelRunResult):
        values = multilabel_result.as_values(result)
        lines = multilabel_result.format_multilabel_run(result, width=width())
    elif isinstance(result, number_result.NumberRunResult):
        values, lines = number_result.as_values(result), number_result.format_number_run(result, width=width())
    else:
        print_extras(result, json=json)
        return
    if json:
        print_json({"folder": str(result.folder), **values})
    else:
        print_lines(lines)


def answer_printer(*, json: bool) -> "Callable[[RunResult], None]":
    """A function that prints the answer on what is standard output now; with JSON it prints nothing."""
    output = sys.stdout

    def print_answer(result: "RunResult") -> None:
        from handful.automl.text import format_answer
        from handful.cli._output import print_lines, width

        if json:
            return
        with redirect_stdout(output):
            print_lines("")
            print_lines(format_answer(result, width=width()))
            output.flush()

    return print_answer


def print_extras(result: "RunResult", *, json: bool) -> None:
    """Print what follows the answer, or all values as JSON."""
    from handful.automl.result import as_values
    from handful.automl.text import format_extras
    from handful.cli._output import print_json, print_lines, width

    if json:
        print_json({"folder": str(result.folder), **as_values(result)})
        return
    print_lines(format_extras(result, width=width()))


def open_page(page: Path) -> None:
    """Open a page in the browser if there is a display."""
    import os
    import sys
    import webbrowser

    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.resolve().as_uri())
