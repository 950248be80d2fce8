"""Options that several commands share, each described once."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

Data = Annotated[
    str,
    Argument(
        metavar="DATA",
        show_default=False,
        help="Image folder, table (.csv, .parquet), archive (.npz), or a name: mnist5k, digits.",
    ),
]
Recipe = Annotated[
    str,
    Option(
        "--recipe", "-r", metavar="NAME", show_default=False, help="Recipe name (see `handful recipes`) or .toml file."
    ),
]
Masks = Annotated[
    Path | None,
    Option(metavar="PATH", show_default=False, help="Folder of masks, or a COCO, labelme or Label Studio file."),
]
PerClass = Annotated[
    int | None,
    Option("--per-class", "-m", metavar="M", min=1, show_default=False, help="Draw this many images per class."),
]
Temperature = Annotated[
    bool, Option("--temperature", help="Calibrate probabilities on held-out training images (five trainings more).")
]
Coverage = Annotated[
    float | None,
    Option(metavar="SHARE", show_default=False, help="Give sets that hold the right class this often, e.g. 0.9."),
]
Reject = Annotated[
    float | None,
    Option(
        metavar="SHARE",
        show_default=False,
        help="Reject images unlike the training ones, and about this share of the others, e.g. 0.05.",
    ),
]
Sets = Annotated[
    list[str] | None,
    Option("--set", "-s", metavar="KEY=VALUE", show_default=False, help="Override a recipe value, e.g. steps=600."),
]
Ray = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        show_default=False,
        help="Use the cores of a Ray cluster: its address, auto (this machine's) or local (a new one here).",
    ),
]
Track = Annotated[
    Literal["tensorboard", "mlflow"] | None,
    Option(show_default=False, help="Also write to a tracker: TensorBoard's files, or MLflow's local store."),
]
TRACKING = Path("tracking")
TrackTo = Annotated[Path, Option(metavar="FOLDER", help="Where the tracker's files go.")]
Seed = Annotated[int, Option(metavar="N", min=0, help="Decides draw, weights, order and augmentation.")]
Device = Annotated[str, Option(metavar="NAME", help="auto, cpu, cuda or mps.")]
Strict = Annotated[bool, Option("--strict", help="Refuse doubtful data (duplicates, empty masks) instead of warning.")]
Outside = Annotated[bool, Option("--allow-outside", help="Let a table's paths leave its folder.")]
Columns = Annotated[
    list[str] | None,
    Option("--column", metavar="ROLE=NAME", show_default=False, help="A table's own column name, e.g. path=file."),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace what an earlier run wrote there.")]
Resume = Annotated[bool, Option("--resume", help="Go on where a stopped run left off.")]
Json = Annotated[bool, Option("--json", help="Print one JSON object and nothing else.")]
Jobs = Annotated[int, Option("--jobs", "-j", metavar="N", min=1, help="Training runs at the same time.")]
Out = Annotated[
    Path, Option("--out", "-o", metavar="FOLDER", show_default=False, help="Folder to write; it must not exist yet.")
]
