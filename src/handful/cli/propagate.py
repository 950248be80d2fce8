"""`handful propagate`: masks for all images from a few, with a contact sheet."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from handful.cli import _options as o
from handful.cli._batch import ChunkSize, Workers, refuse_chunk_options, run_batch_job


def propagate(
    data: o.Data,
    out: o.Out,
    masks: o.Masks = None,
    source: Annotated[
        Literal["grabcut", "binarize"] | None,
        Option(show_default=False, help="Make the first masks by this method, for data without masks."),
    ] = None,
    recipe: Annotated[
        str, Option("--recipe", "-r", metavar="NAME", help="Recipe of the segmentation model.")
    ] = "cvs-wrn",
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
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Propagate masks to all images.

    Predicts the missing masks of the training split of DATA, and writes them with a contact sheet and their quality.
    With --chunks, DATA may also be tar shards or Parquet files with the images in them; an image that cannot be read is
    recorded and skipped (exit code 3).
    """
    from handful.annotation.propagate import propagate_to
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.data.masks.threshold import Keep
    from handful.errors import DataError, ModelError
    from handful.recipes.load import load_recipe

    if not min_share < max_share:
        raise DataError("no mask can pass both limits", where="--min-share", remedy="set it below --max-share.")
    rules = Keep(restrict, confidence, min_share, max_share)
    if chunks:
        from handful.deployment.batch.jobs import BatchJob

        if model is None:
            raise ModelError(
                "masks of an archive need a segmentation model",
                where="--chunks",
                remedy="train one, and pass it as --model.",
            )
        learning = {"--masks": masks, "--source": source, "--per-class": per_class, "--restrict": restrict == "own"}
        for option, given in {**learning, "--rounds": rounds > 1, "--set": set_}.items():
            if given:
                raise ModelError(
                    "this option is for training a segmentation model",
                    where=option,
                    remedy="leave it out with --chunks.",
                )
        job = BatchJob("propagate", model.resolve(), device=device, keep=rules)
        run_batch_job(
            job,
            data,
            out,
            chunk_size=chunk_size,
            overwrite=overwrite,
            column=column,
            allow_outside=allow_outside,
            ray=ray,
            workers=workers,
            json=json,
        )
        return
    refuse_chunk_options(chunk_size, ray, workers, remedy="pass --chunks too.")
    with print_to_stderr():
        written = propagate_to(
            out,
            load_recipe(recipe, overrides=set_ or ()),
            read(data, masks=masks, columns=column, allow_outside=allow_outside, unlabelled=True),
            source=source,
            model=model,
            per_class=per_class,
            rules=rules,
            rounds=rounds,
            seed=seed,
            device=device,
            overwrite=overwrite,
        )
    if json:
        print_json(written)
        return
    rows = [
        (name, str(q["images"]), f"{q['iou']:.3f}", f"{q['dice']:.3f}", str(q["worst"]))
        for name, q in written["quality"].items()
    ]
    if rows:
        print_table(("class", "images", "IoU", "Dice", "worst"), rows, title="Predicted masks against existing ones")
    text = f"{written['propagated']} masks propagated from {written['kept']}, {len(written['dropped'])} dropped."
    print_text(f"{text} Look at {out / 'contact-sheet.png'} before using {out / 'masks'}.")
