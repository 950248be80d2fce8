"""`handful extend`: a saved model learns new or finer classes, with its old images replayed."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._data_options import ImageOptions


def extend(
    model: Annotated[
        Path, Argument(metavar="MODEL", show_default=False, help="Model folder (from `handful fit` or `handful run`).")
    ],
    data: o.Data,
    memory: Annotated[
        str,
        Option(
            "--memory",
            metavar="DATA",
            show_default=False,
            help="The data that the model was trained on, or a part of them with every class.",
        ),
    ],
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder for the new model.")
    ],
    memory_per_class: Annotated[
        int | None,
        Option(
            "--memory-per-class",
            metavar="N",
            min=1,
            show_default=False,
            help="Replay at most N old images of each label; default: all.",
        ),
    ] = None,
    share: Annotated[
        float | None,
        Option(
            metavar="SHARE",
            show_default=False,
            help="Share of the loss that comes from old images, between 0 and 1; default: every image counts alike.",
        ),
    ] = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: ImageOptions,
) -> None:
    """Extend a model by new or finer classes.

    Trains the model's recipe on new images and on its old ones, so that it does not forget. With --tree, an old class
    that has new ones below it is split: its old images then show one of these. The old model stays as it is.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.training.extend import extend_to

    with print_to_stderr():
        plain = replace(data_options, tree=None)
        result = extend_to(
            out,
            model,
            read(data, plain, unlabelled=True),
            read(memory, plain, unlabelled=True),
            tree=data_options.tree,
            memory_per_class=memory_per_class,
            share=share,
            seed=seed,
            device=device,
            overwrite=overwrite,
        )
    card = result.classifier.card
    if json:
        facts = {"added": result.added, "split": result.split, "replayed": result.replayed, "missing": result.missing}
        facts["renewed"] = result.renewed
        print_json({"model": out, "classes": result.classifier.classes, **facts, "new": result.new, "card": card})
        return
    missing = f"; {result.missing} more are not there" if result.missing else ""
    renewed = f"; {result.renewed} are among the new ones" if result.renewed else ""
    rows = [
        ("model", str(out)),
        ("old images", f"{result.replayed} replayed{renewed}{missing}"),
        ("new images", str(result.new)),
        ("classes", f"{len(result.classifier.classes)}, new: {', '.join(result.added) or 'none'}"),
        *([("split", ", ".join(result.split))] if result.split else []),
        ("took", f"{card['seconds']:.0f} s, {card['steps'] or 'no'} steps on {card['device']}"),
    ]
    print_table(("", ""), rows, text=2)
    print_text(f"Next: handful predict {out} IMAGES --out predictions.csv.")
