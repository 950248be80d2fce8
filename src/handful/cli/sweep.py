"""`handful sweep`: evaluate recipes at several numbers of images per class, on the same draws."""

from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions
from handful.cli._multilabel import refuse_measures
from handful.cli._names import check_recipes
from handful.cli.evaluate import Calibration, Draws, FirstDraw, LongTail, ScoreOn, TailOrder

OURS = ("results.jsonl", "results-predictions", "report.html", "shown-model")


def sweep(
    data: o.Data,
    recipe: Annotated[
        list[str],
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            callback=check_recipes,
            show_default=False,
            help="Recipe name or .toml file; may be repeated.",
        ),
    ],
    out: o.Out,
    backbone: o.Backbone = None,
    per_class: Annotated[
        str,
        Option("--per-class", "-m", metavar="M,M,...", help="Numbers of labelled images per class, comma-separated."),
    ] = "1,5,10,25,50",
    draws: Draws = 5,
    first_draw: FirstDraw = 0,
    long_tail: LongTail = None,
    tail_order: TailOrder = "classes",
    score_on: ScoreOn = "test",
    calibration: Calibration = False,
    set_: o.Sets = None,
    jobs: o.Jobs = 1,
    ray: o.Ray = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    strict: o.Strict = False,
    track: o.Track = None,
    track_to: o.TrackTo = o.TRACKING,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Score recipes by number of images.

    All recipes are trained on the same draws of DATA, and compared with the first one. Writes a log of the runs and a
    report.
    """
    from handful.cli._data import images_per_class, read
    from handful.cli._output import print_json, print_lines, print_text, print_to_stderr, stderr_is_terminal, width
    from handful.cli._ray import runners
    from handful.comparison.sweep import LOG, as_text, as_values, sweep_to
    from handful.core.files import refuse_existing
    from handful.data.check import check
    from handful.data.kind_checks import refuse_numbers
    from handful.evaluation.protocol import VAL_SCORED, Protocol
    from handful.evaluation.tracking import check_tracker, track_scores
    from handful.models.device import select_device
    from handful.recipes.load import load_recipe

    with print_to_stderr():
        recipes = [load_recipe(name, backbone=backbone, overrides=set_ or ()) for name in recipe]
        numbers = images_per_class(per_class)
        draw_numbers = tuple(range(first_draw, first_draw + draws))
        protocol = Protocol(draw_numbers, None, None, score_on, long_tail, tail_order)
        select_device(device)
        if track is not None:
            check_tracker(track, track_to)
        refuse_existing(out, ours=OURS, overwrite=overwrite or resume)
        samples = read(data, data_options)
        refuse_numbers(samples, "a sweep")
        refuse_measures(samples, calibration=calibration, track=track)
        check(samples, per_class=max(numbers) if long_tail is None else None, score_on=score_on, strict=strict)
        with runners(ray, jobs) as (number, executor):
            results, report = sweep_to(
                out,
                recipes,
                samples,
                per_class=numbers,
                protocol=protocol,
                jobs=number,
                executor=executor,
                device=device,
                resume=resume,
                progress=stderr_is_terminal(),
            )
        if track is not None:
            track_scores(track, track_to, results)
    if json:
        print_json({"log": out / LOG, "report": report, **as_values(results, calibration=calibration)})
        return
    print_lines(as_text(results, width=width(), calibration=calibration))
    if score_on == "val":
        print_text(VAL_SCORED)
    print_text(f"Report: {report}")
