"""`handful evaluate`: score a recipe on repeated draws, with a confidence interval."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions
from handful.cli._multilabel import multilabel_values, print_multilabel, refuse_measures
from handful.cli._numbers import number_values, print_numbers

if TYPE_CHECKING:
    from handful.core.result import Result
    from handful.evaluation.protocol import Protocol

Draws = Annotated[
    int, Option("--draws", "-n", metavar="N", min=1, help="Number of repeated draws; each trains a new model.")
]
FirstDraw = Annotated[int, Option(metavar="N", min=0, help="Number of the first draw; use 100 and up for development.")]
ScoreOn = Annotated[
    Literal["test", "rest", "val"],
    Option(
        help="Images to score on: the test split (if the data has one), the rest of the training images that a draw "
        "left, or the val split."
    ),
]

LongTail = Annotated[
    float | None,
    Option(
        metavar="RHO",
        min=1,
        show_default=False,
        help="Imbalance ratio of long-tailed draws: M images of the largest class, M / RHO of the smallest.",
    ),
]
TailOrder = Annotated[
    Literal["classes", "seeded"],
    Option(help="Order of class sizes in a long tail: by class, or at random in each draw."),
]

Calibration = Annotated[
    bool,
    Option("--calibration", help="Also measure calibration of the probabilities, and coverage of prediction sets."),
]
Unlabelled = Annotated[
    Literal["none", "given", "rest"],
    Option(help="Unlabelled images for semi-supervised recipes: those of the data; rest: also those that a draw left."),
]


def evaluate(
    data: o.Data,
    recipe: o.Recipe,
    backbone: o.Backbone = None,
    draws: Draws = 5,
    first_draw: FirstDraw = 0,
    per_class: o.PerClass = None,
    folds: Annotated[
        int | None,
        Option("--folds", "-k", metavar="K", min=2, show_default=False, help="Number of cross-validation folds."),
    ] = None,
    long_tail: LongTail = None,
    tail_order: TailOrder = "classes",
    score_on: ScoreOn = "test",
    unlabelled: Unlabelled = "none",
    transductive: Annotated[
        bool, Option("--transductive", help="Also train on the images to be scored, without their labels.")
    ] = False,
    calibration: Calibration = False,
    per_group: Annotated[
        bool,
        Option(
            "--per-group",
            help="Score groups (column group), such as views of one object: the probabilities of their images are "
            "averaged.",
        ),
    ] = False,
    set_: o.Sets = None,
    temperature: o.Temperature = False,
    coverage: o.Coverage = None,
    reject: o.Reject = None,
    thresholds: o.Thresholds = False,
    missed: o.Missed = None,
    jobs: o.Jobs = 1,
    ray: o.Ray = None,
    log: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="JSON-lines file of all runs; runs that it already has are not repeated.",
        ),
    ] = None,
    strict: o.Strict = False,
    track: o.Track = None,
    track_to: o.TrackTo = o.TRACKING,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Score a recipe on repeated draws.

    Trains a new model for each draw of images from DATA; reports the mean score, its confidence interval and the worst
    draw.
    """
    from handful.automl.estimate import evaluation_sentences
    from handful.cli._data import read
    from handful.cli._output import print_json, print_text, print_to_stderr, stderr_is_terminal
    from handful.cli._ray import runners
    from handful.data.check import check
    from handful.evaluation.evaluate import Protocol, splits_of
    from handful.evaluation.evaluate import evaluate as evaluate_recipe
    from handful.evaluation.groups import groups_of
    from handful.evaluation.groups import per_group as merge_groups
    from handful.evaluation.recipe_checks import check_recipe
    from handful.evaluation.tracking import check_tracker, track_scores
    from handful.models.device import select_device
    from handful.recipes.calibration import with_calibration
    from handful.recipes.load import load_recipe
    from handful.recipes.write import fingerprint

    with print_to_stderr():
        loaded = load_recipe(recipe, backbone=backbone, overrides=set_ or ())
        draw_numbers = tuple(range(first_draw, first_draw + draws))
        protocol = Protocol(draw_numbers, per_class, folds, score_on, long_tail, tail_order, unlabelled, transductive)
        select_device(device)
        if track is not None:
            check_tracker(track, track_to)
        samples = read(data, data_options)
        loaded = with_calibration(
            loaded,
            kind=samples.kind,
            temperature=temperature,
            coverage=coverage,
            reject=reject,
            thresholds=thresholds,
            missed=missed,
        )
        refuse_measures(samples, calibration=calibration, track=track)
        splits = splits_of(samples, protocol)
        if per_group:
            groups_of([samples])  # refuses a group of several classes also where no draw scores it
        groups = groups_of([split.test for split in splits]) if per_group else None
        each = per_class if long_tail is None else None
        check_recipe(loaded, samples, protocol)
        check(samples, per_class=each, folds=folds, score_on=score_on, strict=strict)
        if ray is None:
            for sentence in evaluation_sentences(loaded, samples, splits, protocol, jobs=jobs, device=device):
                print_text(sentence)
        with runners(ray, jobs) as (number, executor):
            result = evaluate_recipe(
                loaded,
                samples,
                protocol=protocol,
                jobs=number,
                executor=executor,
                device=device,
                log=log,
                progress=stderr_is_terminal(),
            )
        images = result
        if groups is not None:
            result = merge_groups(result, groups)
        if track is not None:
            track_scores(track, track_to, [result])
    if json:
        identity = {"recipe": loaded.name, "fingerprint": fingerprint(loaded), "log": log}
        merged = {} if groups is None else _group_values(images, result)
        print_json({**identity, **_scores(result, calibration=calibration), **merged})
    else:
        unit = "groups" if per_group else "bags" if samples.kind == "bag" else "images"
        _print_scores(result, protocol, calibration=calibration, unit=unit)
        if groups is not None:
            print_text(_group_sentence(images, result))


def _scores(result: "Result", *, calibration: bool) -> dict[str, Any]:
    """The scores in all metrics, recalls by class and calibration measures, as plain values."""
    from dataclasses import asdict

    from handful.evaluation.calibration import summarise_calibration
    from handful.evaluation.levels import level_values
    from handful.evaluation.multilabel_metrics import is_multilabel
    from handful.evaluation.numbers import is_number
    from handful.evaluation.statistics import METRICS, class_recalls, headline_metric, summarise

    if is_number(result):
        return number_values(result)
    if is_multilabel(result):
        return multilabel_values(result, calibration=calibration)
    values = {
        "headline": headline_metric(result),
        "scores": {metric: asdict(summarise(result, metric)[0]) for metric in METRICS},
        **level_values(result, list(METRICS)),
        "recall": [asdict(row) for row in class_recalls(result)],
    }
    if calibration:
        values["calibration"] = [asdict(row) for row in summarise_calibration(result)]
    return values


def _group_values(images: "Result", groups: "Result") -> dict[str, Any]:
    """How many images and groups were scored, the interval over groups, and what single images score."""
    from handful.evaluation.groups import group_interval
    from handful.evaluation.statistics import headline_metric, summarise

    metric = headline_metric(groups)
    low, high = group_interval(groups, metric)
    numbers = {
        name: len({i for run in result.runs for i in run.ids})
        for name, result in (("images", images), ("groups", groups))
    }
    single = summarise(images, metric)[0].mean
    return {"per_group": {**numbers, "metric": metric, "low": low, "high": high, "single_images": single}}


def _group_sentence(images: "Result", groups: "Result") -> str:
    from handful.evaluation.statistics import METRICS

    told = _group_values(images, groups)["per_group"]
    return (
        f"Per group: {told['groups']:,} groups of {told['images']:,} images, whose probabilities are averaged. "
        f"95 % interval by the bootstrap over draws and groups: {100 * told['low']:.1f} to {100 * told['high']:.1f}. "
        f"Single images: {100 * told['single_images']:.1f} % {METRICS[told['metric']]}."
    )


def _print_scores(result: "Result", protocol: "Protocol", *, calibration: bool, unit: str) -> None:
    from handful.cli._output import print_lines, print_text, width
    from handful.evaluation.calibration import summarise_calibration
    from handful.evaluation.levels import summarise_levels
    from handful.evaluation.multilabel_metrics import is_multilabel
    from handful.evaluation.numbers import is_number
    from handful.evaluation.protocol import VAL_SCORED
    from handful.evaluation.statistics import headline_metric, summarise
    from handful.reports.level_tables import format_levels
    from handful.reports.text_tables import format_measures, format_table

    if is_number(result):
        print_numbers(result)
        return
    if is_multilabel(result):
        print_multilabel(result, calibration=calibration)
        return
    metric = headline_metric(result)
    print_lines(format_table(summarise(result, metric), width=width(), unit=unit))
    if result.levels:
        print_lines("\n" + format_levels(summarise_levels(result, metric), width=width(), unit=unit))
    if protocol.score_on == "val":
        print_text(VAL_SCORED)
    if protocol.transductive:
        print_text(
            "Transductive: trained on the scored images too, without their labels. Scores on other images may be lower."
        )
    if calibration:
        print_lines("\n" + format_measures(summarise_calibration(result), width=width()))
