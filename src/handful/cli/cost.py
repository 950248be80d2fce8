"""`handful cost`: scores against annotation time."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o


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
    image_size: Annotated[
        int | None,
        Option(
            metavar="SIDE", min=1, show_default=False, help="Height and width of the images, for counting operations."
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
        raise ProtocolError(f"{name}={text} is not RECIPE=N", where="--masks-per-class", remedy="write e.g. cvs-wrn=5.")
    return int(text)
