"""`handful cost`: what a score takes of a person's time."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o


def cost(
    results: Annotated[
        Path, Argument(metavar="RESULTS", show_default=False, help="Log of evaluate or sweep, e.g. results.jsonl.")
    ],
    label_seconds: Annotated[
        float, Option(metavar="SECONDS", help="To name an image's class; the paper's on CIFAR-10 is the default.")
    ] = 3.5,
    mask_seconds: Annotated[
        float, Option(metavar="SECONDS", help="To draw a mask; the paper's on CIFAR-10 is the default.")
    ] = 29.52,
    masks: Annotated[
        list[str] | None,
        Option(
            "--masks-per-class",
            metavar="RECIPE=N",
            show_default=False,
            help="Hand masks that a recipe took, where the log cannot tell.",
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        Option(metavar="SIDE", min=1, show_default=False, help="Side of the images, to count operations by."),
    ] = None,
    report: Annotated[
        Path | None,
        Option(metavar="FILE", show_default=False, help="Write an HTML report with the curve and the table."),
    ] = None,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
) -> None:
    """Show accuracy against annotation hours.

    Names the hours from which a recipe with masks overtakes one without (CvS, section V-E).
    """
    from dataclasses import asdict

    from handful.cli._output import print_json, print_lines, print_text, width, working
    from handful.core.files import refuse_existing
    from handful.evaluation.annotation_cost import AnnotationTimes, break_evens, cost_points, forward_flops
    from handful.evaluation.results_log import read_results
    from handful.reports.evaluation_report import write_report
    from handful.reports.text_tables import format_cost

    with working():
        if report is not None:
            refuse_existing(report, overwrite=overwrite)
        times = AnnotationTimes(label_seconds, mask_seconds)
        found = read_results(results)
        flops = {}
        for result in found:
            side = (image_size, image_size) if image_size is not None else result.recipe.image_size
            if side is not None:
                flops[result.recipe.name] = forward_flops(result.recipe, result.classes, size=side)
        drawn = {name: _number(name, text) for name, _, text in (item.rpartition("=") for item in masks or ())}
        points = cost_points(found, times, masks_per_class=drawn, flops=flops)
        if report is not None:
            write_report(found, report, cost=points, times=times, overwrite=overwrite)
    if json:
        rows = {"points": [asdict(p) for p in points], "break_even": [asdict(b) for b in break_evens(points)]}
        print_json({"seconds": asdict(times), "report": report, **rows})
        return
    print_lines(format_cost(points, width=width()))
    if report is not None:
        print_text(f"Report: {report}")


def _number(name: str, text: str) -> int:
    from handful.errors import ProtocolError

    if not name or not text.isdigit():
        raise ProtocolError(f"{name}={text} names no number of masks", remedy="write RECIPE=N, e.g. cvs-wrn=5.")
    return int(text)
