"""`handful demo`: an automatic run on images that come with the installation."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli.run import answer_printer, open_page, print_rest


def demo(
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", help="Output folder.")] = Path("demo-out"),
    overwrite: o.Overwrite = False,
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
    json: o.Json = False,
) -> None:
    """Run `handful run` on fifty digits.

    Learns from five images of each digit, says how often it is right, and writes a report. Takes about a minute on two
    CPU cores.
    """
    from handful.automl.demo import INTRODUCTION, SECONDS, demo_data
    from handful.automl.result import OURS
    from handful.automl.run import run
    from handful.cli._output import print_text, print_to_stderr
    from handful.core.files import refuse_foreign

    refuse_foreign(out, ours=OURS)
    on_answer = answer_printer(json=json)
    with print_to_stderr():
        print_text(INTRODUCTION)
        result = run(
            demo_data(),
            out,
            seconds=SECONDS,
            overwrite=overwrite,
            on_message=print_text,
            on_answer=on_answer,
        )
    print_rest(result, json=json)
    if not json:
        print_text("With your own images, in one folder per class: handful run FOLDER.")
    if open_:
        open_page(out / "report.html")
