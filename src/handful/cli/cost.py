"""`handful cost`: scores against annotation time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from handful.cli import _options as o

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.core.result import Result


def cost(
    results: Annotated[
        Path, Argument(metavar="RESULTS", show_default=False, help="Log of evaluate or sweep, e.g. results.jsonl.")
    ],
    label_seconds: Annotated[
        float,
        Option(metavar="SECONDS", help="Annotation time of a class label; default: measured on CIFAR-10 (CvS paper)."),
    ] = 3.5,
    mask_seconds: Annotated[
        float, Option(metavar="SECONDS", help="Annotation time of a mask; default: measured on CIFAR-10 (CvS paper).")
    ] = 29.52,
    masks: Annotated[
        list[str] | None,
        Option(
            "--masks-per-class",
            metavar="RECIPE=N",
            show_default=False,
            help="Number of hand-drawn masks that a recipe used, if the log does not tell.",
        ),
    ] = None,
    operations: Annotated[
        bool,
        Option("--operations", help="Count the operations of a training, too: builds each recipe's network."),
    ] = False,
    image_size: Annotated[
        int | None,
        Option(
            metavar="SIDE",
            min=1,
            show_default=False,
            help="For --operations, which it implies: height and width of the images; default: those of the recipe.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        Option(metavar="FILE", show_default=False, help="HTML report to write, with curve and table."),
    ] = None,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
) -> None:
    """Relate accuracy to annotation time.

    Also finds the annotation time at which a recipe with masks overtakes one without (CvS, section V-E).
    """
    from dataclasses import asdict

    from handful.cli._output import print_json, print_lines, print_text, print_to_stderr, width
    from handful.core.files import refuse_existing
    from handful.evaluation.annotation_cost import AnnotationTimes, break_evens, cost_points
    from handful.evaluation.results_log import read_results
    from handful.reports.text_tables import format_cost

    with print_to_stderr():
        if report is not None:
            refuse_existing(report, overwrite=overwrite)
        times = AnnotationTimes(label_seconds, mask_seconds)
        evaluated = read_results(results)
        flops = _count(evaluated, image_size) if operations or image_size is not None else None
        points = cost_points(evaluated, times, masks_per_class=_masks_per_class(masks or ()), flops=flops)
        if report is not None:
            from handful.reports.evaluation_report import write_report

            write_report(evaluated, report, cost=points, times=times, overwrite=overwrite)
    if json:
        rows = {"points": [asdict(p) for p in points], "break_even": [asdict(b) for b in break_evens(points)]}
        print_json({"seconds": asdict(times), "report": report, **rows})
        return
    print_lines(format_cost(points, width=width()))
    if report is not None:
        print_text(f"Report: {report}")


def _count(results: "Sequence[Result]", side: int | None) -> dict[str, float]:
    from handful.evaluation.operations import flops_by_recipe  # imports PyTorch

    return flops_by_recipe(results, side=side)


def _masks_per_class(values: "Sequence[str]") -> dict[str, int]:
    """Parse the values of --masks-per-class.

    Raises:
        ProtocolError: a value is not RECIPE=N.
    """
    from handful.errors import ProtocolError

    numbers = {}
    for value in values:
        name, _, number = value.rpartition("=")
        if not name or not number.isdigit():
            raise ProtocolError(f"{value!r} is not RECIPE=N", where="--masks-per-class", remedy="write e.g. cvs-wrn=5.")
        numbers[name] = int(number)
    return numbers
