"""`handful propagate`: masks for every image from a few, with a sheet to look at."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from handful.cli import _options as o
from handful.cli._batch import ChunkSize, Workers, over_archive, refuse_chunk_options


def propagate(
    data: o.Data,
    out: o.Out,
    masks: o.Masks = None,
    source: Annotated[
        Literal["grabcut", "binarize"] | None,
        Option(show_default=False, help="Make the first masks this way, for data with none."),
    ] = None,
    recipe: Annotated[str, Option("--recipe", "-r", metavar="NAME", help="Recipe of the segmenter.")] = "cvs-wrn",
    model: Annotated[
        Path | None,
        Option(metavar="FOLDER", show_default=False, help="Use this saved segmenter instead of training one."),
    ] = None,
    per_class: Annotated[
        int | None,
        Option(
            "--per-class",
            "-m",
            metavar="M",
            min=1,
            show_default=False,
            help="Learn from this many masks per class, replace all others.",
        ),
    ] = None,
    restrict: Annotated[
        Literal["any", "own"], Option(help="Foreground is any class, or the image's own class only.")
    ] = "any",
    confidence: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Least probability of a foreground pixel.")
    ] = 0.0,
    min_share: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Drop masks that cover less of the image.")
    ] = 0.0,
    max_share: Annotated[
        float, Option(metavar="SHARE", min=0, max=1, help="Drop masks that cover more of the image.")
    ] = 1.0,
    rounds: Annotated[int, Option(metavar="N", min=1, help="2: learn again, from the propagated masks too.")] = 1,
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
    """Make masks for all images from a few.

    Predicts the missing masks of DATA's training part; writes them, a contact sheet and their quality. With --chunks,
    DATA may also be tar shards or Parquet files with the images in them; an image that cannot be read is recorded and
    skipped (exit code 3).
    """
    from handful.annotation.propagate import propagate_to
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.data.masks.threshold import Keep
    from handful.errors import DataError, ModelError
    from handful.recipes.load import load_recipe

    if not min_share < max_share:
        raise DataError("no mask can be kept", where="--min-share", remedy="set it below --max-share.")
    rules = Keep(restrict, confidence, min_share, max_share)
    if chunks:
        from handful.deployment.batch.jobs import BatchJob

        if model is None:
            raise ModelError(
                "masks of an archive need a segmenter", where="--chunks", remedy="train one, and give it as --model."
            )
        learning = {"--masks": masks, "--source": source, "--per-class": per_class, "--restrict": restrict == "own"}
        for option, given in {**learning, "--rounds": rounds > 1, "--set": set_}.items():
            if given:
                raise ModelError("this is for training a segmenter", where=option, remedy="leave it out with --chunks.")
        job = BatchJob("propagate", model.resolve(), device=device, keep=rules)
        over_archive(
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
    with working():
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
        print_table(
            ("class", "images", "IoU", "Dice", "worst"), rows, title="New masks against the ones that were there"
        )
    text = f"{written['propagated']} masks propagated from {written['kept']}, {len(written['dropped'])} dropped."
    print_text(f"{text} Look at {out / 'contact-sheet.png'} before using {out / 'masks'}.")
