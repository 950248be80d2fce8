"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from handful.cli._names import check_backbone, check_backbones, check_recipes

Data = Annotated[
    str,
    Argument(
        metavar="DATA",
        show_default=False,
        help="Image folder, also as an archive (.zip, .tar); table (.csv, .tsv, .parquet); arrays (.npz); Hugging Face "
        "folder or Parquet file; torchvision:NAME; or an embedded data set (mnist5k, digits).",
    ),
]
Recipe = Annotated[
    str,
    Option(
        "--recipe",
        "-r",
        metavar="NAME",
        callback=check_recipes,
        show_default=False,
        help="Recipe name (see `handful recipes`) or .toml file.",
    ),
]
Backbone = Annotated[
    str | None,
    Option(
        "--backbone",
        "-b",
        metavar="NAME",
        callback=check_backbone,
        show_default=False,
        help="Backbone instead of the recipe's: lite0, lite2, lite0+lite2, pixels, hog, a model of timm "
        "(vit_small_patch14_dinov2.lvd142m), MODEL=FILE, or a folder with a model.",
    ),
]
Backbones = Annotated[
    list[str] | None,
    Option(
        "--backbone",
        "-b",
        metavar="NAME[,NAME...]",
        callback=check_backbones,
        show_default=False,
        help="Backbones to compare, as for fit: lite0, lite2, lite0+lite2, a model of timm, MODEL=FILE, or a folder.",
    ),
]
PerClass = Annotated[
    int | None,
    Option(
        "--per-class",
        "-m",
        metavar="M",
        min=1,
        show_default=False,
        help="Number of labelled images to draw from each class; default: all.",
    ),
]
Thresholds = Annotated[
    bool,
    Option(
        "--thresholds",
        help="Choose each class's threshold by cross-validation, for several labels per image; default: 0.5.",
    ),
]
Temperature = Annotated[
    bool,
    Option(
        "--temperature",
        help="Calibrate probabilities by temperature scaling, of several labels each class by itself; cross-validated "
        "(five more trainings).",
    ),
]
Coverage = Annotated[
    float | None,
    Option(metavar="SHARE", show_default=False, help="Coverage of conformal prediction sets, e.g. 0.9."),
]
Missed = Annotated[
    float | None,
    Option(
        metavar="SHARE",
        show_default=False,
        help="Of several labels per image: one threshold, with about this share of an image's labels missed, e.g. 0.1.",
    ),
]
Reject = Annotated[
    float | None,
    Option(
        metavar="SHARE",
        show_default=False,
        help="Reject out-of-distribution images, with about this false rejection rate, e.g. 0.05.",
    ),
]
Sets = Annotated[
    list[str] | None,
    Option(
        "--set", "-s", metavar="KEY=VALUE", show_default=False, help="Override an option of the recipe, e.g. steps=600."
    ),
]
Ray = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        show_default=False,
        help="Address of a Ray cluster to run on; auto: the one of this machine; local: start one here.",
    ),
]
Track = Annotated[
    Literal["tensorboard", "mlflow"] | None,
    Option(show_default=False, help="Also log to an experiment tracker: TensorBoard files, or MLflow's local store."),
]
TRACKING = Path("tracking")
TrackTo = Annotated[Path, Option(metavar="FOLDER", help="Folder of the experiment tracker.")]
Seed = Annotated[
    int, Option(metavar="N", min=0, help="Random seed of the draw, initial weights, batch order and augmentation.")
]
Device = Annotated[str, Option(metavar="NAME", help="Device to compute on: auto, cpu, cuda or mps.")]
Strict = Annotated[bool, Option("--strict", help="Fail on doubtful data (duplicates, empty masks) instead of warning.")]
Columns = Annotated[
    list[str] | None,
    Option(
        "--column",
        metavar="ROLE=NAME",
        show_default=False,
        help="What a column of the table is for (path, label, mask, group, split; text: words beside the image; or "
        "weight: of the image's loss), and its name there: label=species.",
    ),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the output of an earlier run.")]
Resume = Annotated[bool, Option("--resume", help="Resume an interrupted run.")]
Json = Annotated[bool, Option("--json", help="Print the result as one JSON object.")]
Jobs = Annotated[int, Option("--jobs", "-j", metavar="N", min=1, help="Number of training runs in parallel.")]
JobsPerCore = Annotated[
    int | None,
    Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        show_default=False,
        help="Number of training runs in parallel; default: one per core.",
    ),
]
Out = Annotated[
    Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Output folder; it must not exist yet.")
]
