"""`handful compare`: find the best recipe for a data set, by paired comparisons on repeated draws."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions
from handful.cli._names import check_recipes, names_of
from handful.cli.evaluate import FirstDraw, ScoreOn

if TYPE_CHECKING:
    from handful.comparison.result import ComparisonResult

Budget = Annotated[
    str | None,
    Option(
        metavar="TIME",
        show_default=False,
        help="Wall time for tuning, shared equally by the recipes, e.g. 90s, 30m, 2h.",
    ),
]


def compare(
    data: o.Data,
    recipe: Annotated[
        list[str] | None,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            callback=check_recipes,
            show_default=False,
            help="Recipe name or .toml file; may be repeated. Default: chosen by the data.",
        ),
    ] = None,
    backbone: o.Backbones = None,
    per_class: Annotated[
        str | None,
        Option(
            "--per-class",
            "-m",
            metavar="M[,M...]",
            show_default=False,
            help="Number of labelled images per class, or several; default: all.",
        ),
    ] = None,
    draws: Annotated[
        int | None,
        Option(
            "--draws",
            "-n",
            metavar="N",
            min=1,
            show_default=False,
            help="Number of repeated draws; each trains new models. Default: 5, or 1 with folds.",
        ),
    ] = None,
    first_draw: FirstDraw = 0,
    folds: Annotated[
        int | None,
        Option(
            "--folds",
            "-k",
            metavar="K",
            min=2,
            show_default=False,
            help="Number of cross-validation folds; default: 5, without a test split and --per-class.",
        ),
    ] = None,
    budget: Budget = None,
    trials: Annotated[
        int | None,
        Option(
            metavar="N", show_default=False, help="Number of tuning trials per recipe and draw, instead of --budget."
        ),
    ] = None,
    controls: Annotated[
        bool,
        Option(
            "--controls/--no-controls",
            help="Include the control recipes (recommended: without them a gain means nothing).",
        ),
    ] = True,
    pretrained: Annotated[
        bool,
        Option(
            "--pretrained/--no-pretrained", help="Allow pretrained weights where the recipes are chosen by the data."
        ),
    ] = True,
    image_text: Annotated[
        str | None,
        Option(
            metavar="MODEL",
            show_default=False,
            help="CLIP-type model (folder or hub name) whose zero-shot scores are added as a control.",
        ),
    ] = None,
    score_on: ScoreOn = "test",
    set_: o.Sets = None,
    label_seconds: Annotated[float, Option(metavar="SECONDS", help="Annotation time of a class label.")] = 3.5,
    mask_seconds: Annotated[float, Option(metavar="SECONDS", help="Annotation time of a mask.")] = 29.52,
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", help="Output folder.")] = Path("compare"),
    jobs: o.JobsPerCore = None,
    ray: o.Ray = None,
    overwrite: o.Overwrite = False,
    strict: o.Strict = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Find the best recipe for the data.

    Compares recipes and controls on identical draws, each tuned with the same budget on training images only. The same
    command resumes an interrupted comparison.
    """
    from dataclasses import replace

    from handful.automl.estimate import WORTH_SAYING, comparison_seconds, in_words
    from handful.cli._data import images_per_class, read
    from handful.cli._output import print_text, print_to_stderr, stderr_is_terminal
    from handful.cli._ray import runners
    from handful.comparison.budget import read_budget
    from handful.comparison.candidates import choose_candidates
    from handful.comparison.compare import compare
    from handful.comparison.defaults import default_protocol
    from handful.comparison.plan import OURS
    from handful.core.files import refuse_foreign
    from handful.data.check import check
    from handful.data.kind_checks import refuse_numbers
    from handful.evaluation.annotation_cost import AnnotationTimes
    from handful.evaluation.executor import default_jobs
    from handful.models.device import select_device
    from handful.models.hub import Probe
    from handful.recipes.backbones import stronger_backbone

    with print_to_stderr():
        probe, tuning_budget = Probe(), read_budget(budget, trials)
        numbers = (None,) if per_class is None else images_per_class(per_class)
        select_device(device)
        refuse_foreign(out, ours=OURS)
        samples = read(data, data_options)
        refuse_numbers(samples, "comparing recipes")
        protocol = default_protocol(
            samples, per_class=numbers, draws=draws, first_draw=first_draw, folds=folds, score_on=score_on
        )
        largest = max((m for m in numbers if m is not None), default=None)
        check(samples, per_class=largest, folds=protocol.folds, score_on=score_on, strict=strict)
        recipes, candidates = choose_candidates(
            samples,
            recipe or (),
            backbones=names_of(backbone),
            overrides=set_ or (),
            controls=controls,
            pretrained=pretrained,
            image_text=image_text,
        )
        at_once = jobs or (default_jobs(device) if ray is None else 1)
        if ray is None and (overwrite or not out.exists()):
            protocols = [replace(protocol, per_class=m) for m in numbers]
            seconds = comparison_seconds(recipes, samples, protocols, jobs=at_once, device=device)
            if seconds >= WORTH_SAYING:
                print_text(f"The scored trainings take about {in_words(seconds)} on this machine.")
        with runners(ray, at_once) as (number, executor):
            comparison = compare(
                recipes,
                samples,
                out,
                trials=tuning_budget.trials,
                seconds=tuning_budget.seconds,
                per_class=numbers,
                protocol=protocol,
                candidates=candidates,
                times=AnnotationTimes(label_seconds, mask_seconds),
                controls=controls,
                jobs=number,
                executor=executor,
                device=device,
                overwrite=overwrite,
                progress=stderr_is_terminal(),
                on_message=print_text,
            )
        proposal = None if backbone else stronger_backbone(network=probe.answers)
        if proposal is not None:
            print_text(proposal)
    _print_comparison(comparison, out, json=json)


def _print_comparison(comparison: "ComparisonResult", out: Path, *, json: bool) -> None:
    from handful.cli._output import print_json, print_lines, print_text, width
    from handful.comparison.plan import LOG, PAGE, VALUES
    from handful.comparison.result import as_values
    from handful.comparison.text import format_comparison

    if json:
        print_json({"log": out / LOG, "report": out / PAGE, "values": out / VALUES, **as_values(comparison)})
        return
    print_lines(format_comparison(comparison, width=width()))
    print_lines("")
    print_text(f"Report: {out / PAGE}")
