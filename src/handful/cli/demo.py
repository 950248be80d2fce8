"""`handful demo`: train and evaluate on images that come with the installation."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli.sweep import OURS


def demo(
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", help="Output folder.")] = Path("demo-out"),
    jobs: o.Jobs = 2,
    set_: o.Sets = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
    json: o.Json = False,
) -> None:
    """Run a demonstration on digits.

    Compares plain classification with classification via segmentation (CvS) and writes a report. Takes a few minutes
    on two CPU cores.
    """
    from handful.cli._output import print_json, print_lines, print_text, print_to_stderr, stderr_is_terminal, width
    from handful.comparison.demo import INTRODUCTION, demo_data, run_demo
    from handful.comparison.sweep import LOG, as_text, as_values
    from handful.core.files import refuse_existing

    refuse_existing(out, ours=OURS, overwrite=overwrite or resume)
    if not json:
        print_text(INTRODUCTION + "\n")
    with print_to_stderr():
        results, report = run_demo(
            out, demo_data(), overrides=set_ or (), jobs=jobs, resume=resume, progress=stderr_is_terminal()
        )
    if json:
        print_json({"log": out / LOG, "report": report, **as_values(results)})
    else:
        print_lines(as_text(results, width=width()))
        print_text(f"\nReport: {report.resolve()}")
        print_text(
            "With your own images, one folder per class: handful evaluate FOLDER --recipe classification-wrn -m 5"
        )
    if open_:
        _show(report)


def _show(page: Path) -> None:
    """Open a page in the browser if there is a display."""
    import os
    import sys
    import webbrowser

    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.resolve().as_uri())
