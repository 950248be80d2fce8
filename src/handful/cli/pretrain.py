"""`handful pretrain`: pretrain a backbone on images without labels."""

from pathlib import Path
from typing import Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import DataOptions


def pretrain(
    data: o.Data,
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder for the backbone.")
    ],
    recipe: Annotated[
        str,
        Option(
            "--recipe",
            "-r",
            metavar="NAME",
            help="Recipe whose losses need no label: contrastive-wrn, rotation-wrn, masked-image-wrn, selfie-wrn from "
            "random weights, contrastive or masked-image from the embedded network on; or a .toml file.",
        ),
    ] = "contrastive-wrn",
    seed: o.Seed = 0,
    set_: o.Sets = None,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: DataOptions,
) -> None:
    """Pretrain a backbone on images without labels.

    Labels of DATA are not read, and images of its val and test splits are left out. --backbone FOLDER then takes the
    backbone.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.recipes.load import load_recipe
    from handful.training.launcher import rank_and_world_size
    from handful.training.pretrain import pretrain as pretrain_backbone

    with print_to_stderr():
        done = pretrain_backbone(
            out,
            load_recipe(recipe, overrides=set_ or ()),
            read(data, data_options, unlabelled=True),
            seed=seed,
            device=device,
            resume=resume,
            overwrite=overwrite,
        )
    if rank_and_world_size()[0] > 0:
        return
    card = done.card
    if json:
        print_json({"backbone": str(out), "recipe": done.recipe.name, "card": card})
        return
    rows = [
        ("backbone", str(out)),
        ("recipe", done.recipe.name),
        ("trained on", f"{card['unlabelled_images']} images, without labels"),
        ("took", f"{card['seconds']:.0f} s, {card['steps']} steps on {card['device']}"),
    ]
    print_table(("", ""), rows, text=2)
    print_text(
        f"Next: handful evaluate DATA --recipe logistic --backbone {out}. Images that it has seen cannot be scored."
    )
