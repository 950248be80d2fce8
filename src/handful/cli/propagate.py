"""`handful propagate`: masks for all images from a few, with a contact sheet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from handful.cli import _options as o
from handful.cli._batch import BatchOptions, ChunkSize, Workers, refuse_chunk_options, run_batch_job
from handful.cli._data_options import DataOptions
from handful.cli._names import check_recipes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handful.data.masks.threshold import MaskRules
    from handful.deployment.batch.jobs import BatchJob


def propagate(
    data: o.Data,
    out: o.Out,
    source: Annotated[
        Literal["grabcut", "binarize", "salient", "cut_masks", "explained_masks"] | None,
        Option(
            metavar="METHOD",
            show_default=False,
            help="Make the first masks by this method, for data without masks: grabcut, binarize, salient, cut_masks "
            "(needs no labels) or explained_masks (trains a classifier on them).",
        ),
    ] = None,
    refine: Annotated[
        Literal["grabcut", "guided", "random_walker"] | None,
        Option(
            show_default=False,
            help="First move the outlines of the given or first masks to the edges of their images, by this method.",
        ),
    ] = None,
    method: Annotated[
        Literal["train", "match"] | None,
        Option(
            show_default=False,
            help="Match the images to those with masks (seconds, no training), or train a segmentation model; default: "
            "match, or train with another source than cut_masks and explained_masks, or with an option for training.",
        ),
    ] = None,
    cells: Annotated[
        Literal["auto", "coarse", "fine"],
        Option(
            help="Cells that are matched: fine for thin objects such as vessels; auto: by whole masks, else coarse."
        ),
    ] = "auto",
    recipe: Annotated[
        str | None,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            callback=check_recipes,
            show_default=False,
            help="Recipe of the segmentation model; default with --method train: cvs-wrn, or cvs with --backbone.",
        ),
    ] = None,
    backbone: o.Backbone = None,
    model: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            show_default=False,
            help="Segmentation model (from `handful fit`) to use instead of training one.",
        ),
    ] = None,
    per_class: Annotated[
        int | None,
        Option(
            "--per-class",
            "-m",
            metavar="M",
            min=1,
            show_default=False,
            help="Number of masks per class to train on; all others are replaced.",
        ),
    ] = None,
    restrict: Annotated[
        Literal["any", "own"], Option(help="Classes that count as foreground: any, or the class of the image (own).")
    ] = "any",
    confidence: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Minimum probability of a foreground pixel.")
    ] = 0.0,
    min_share: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Drop masks that cover less than this share of the image.")
    ] = 0.0,
    max_share: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Drop masks that cover more than this share of the image.")
    ] = 1.0,
    rounds: Annotated[
        int,
        Option(metavar="N", min=1, help="Number of training rounds; later ones also train on the propagated masks."),
    ] = 1,
    chunks: Annotated[
        bool,
        Option(
            "--chunks",
            help="With --model: write the masks of an archive of any size as Parquet chunks; can be resumed.",
        ),
    ] = False,
    chunk_size: ChunkSize = None,
    ray: o.Ray = None,
    workers: Workers = None,
    seed: o.Seed = 0,
    set_: o.Sets = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Propagate masks to all images.

    Predicts the missing masks of the training split of DATA, and writes them with a contact sheet and their quality.
    With --chunks, DATA may also be tar shards or Parquet files with the images in them; an image that cannot be read is
    recorded and skipped (exit code 3).
    """
    from handful.annotation.propagate import propagate_to
    from handful.annotation.propagation_method import default_recipe, explains_classifier
    from handful.cli._data import read
    from handful.cli._output import print_json, print_to_stderr
    from handful.data.masks.threshold import MaskRules
    from handful.errors import DataError, RecipeError
    from handful.recipes.load import load_recipe

    if not min_share < max_share:
        raise DataError("no mask can pass both limits", where="--min-share", remedy="set it below --max-share.")
    of_recipe = {"--recipe": recipe, "--backbone": backbone, "--set": set_}
    given = [name for name, value in of_recipe.items() if value]
    if method == "match" and given and not explains_classifier(source):
        raise RecipeError(
            "matching uses the installed EfficientNet-Lite0, and trains no recipe",
            where="--method match",
            remedy=f"leave out {given[0]}, or --method.",
        )
    rules = MaskRules(restrict, confidence, min_share, max_share)
    options = BatchOptions(chunk_size, ray, workers, overwrite, data_options)
    if chunks:
        training = {
            "--masks": data_options.masks,
            "--source": source,
            "--refine": refine,
            "--method": method,
            "--cells": cells != "auto",
            "--per-class": per_class,
            "--restrict": restrict == "own",
            "--rounds": rounds > 1,
            "--set": set_,
        }
        job = _segmentation_job(model, rules, device, training)
        run_batch_job(job, data, out, options, json=json)
        return
    refuse_chunk_options(options, remedy="pass --chunks too.")
    with print_to_stderr():
        summary = propagate_to(
            out,
            load_recipe(
                recipe or default_recipe(source, backbone),
                backbone=backbone,
                overrides=set_ or (),
            )
            if given or method == "train"
            else None,
            read(data, data_options, unlabelled=True),
            source=source,
            model=model,
            per_class=per_class,
            rules=rules,
            rounds=rounds,
            method=method,
            cells=cells,
            refine=refine,
            seed=seed,
            device=device,
            overwrite=overwrite,
        )
    print_json(summary) if json else _print_summary(summary, out, source)


def _segmentation_job(
    model: Path | None, rules: "MaskRules", device: str, training_options: "Mapping[str, object]"
) -> "BatchJob":
    """The batch job that writes the masks of an archive.

    Raises:
        ModelError: there is no model, or one of the options for training one is given.
    """
    from handful.deployment.batch.jobs import BatchJob
    from handful.errors import ModelError

    if model is None:
        raise ModelError(
            "masks of an archive need a segmentation model",
            where="--chunks",
            remedy="train one, and pass it as --model.",
        )
    for name, value in training_options.items():
        if value:
            raise ModelError(
                "this option is for training a segmentation model", where=name, remedy="leave it out with --chunks."
            )
    return BatchJob("propagate", model.resolve(), device=device, keep=rules)


def _print_summary(summary: "Mapping[str, Any]", out: Path, source: str | None) -> None:
    from handful.cli._output import print_table, print_text

    rows = [
        (name, str(q["images"]), f"{q['iou']:.3f}", f"{q['dice']:.3f}", str(q["worst"]))
        for name, q in summary["quality"].items()
    ]
    if rows:
        print_table(("class", "images", "IoU", "Dice", "worst"), rows, title="Predicted masks against existing ones")
    how = "by matching, without training" if summary["segmenter"] == "match_masks" else "by a segmentation model"
    counts = (f"{summary['kept']}", f"{summary['partial']} partial one{'s' if summary['partial'] > 1 else ''}")
    given = " and ".join(text for text, n in zip(counts, (summary["kept"], summary["partial"]), strict=True) if n)
    origin = f" from {given}" if given else ""
    text = f"{summary['propagated']} masks{origin} {how}, {len(summary['dropped'])} dropped."
    if not summary["propagated"] and not summary["dropped"]:
        text = f"No image is without a mask ({summary['kept']} have one), and none was made."
        if source is not None:
            text = f"{summary['masks']} masks by {source}."
    print_text(f"{text} Look at {out / 'contact-sheet.png'} before using {out / 'masks'}.")
