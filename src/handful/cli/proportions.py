"""`handful proportions`: labels for images of which only the class shares of their bags are known."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from handful.cli import _options as o
from handful.cli._data_options import BagOptions

if TYPE_CHECKING:
    from handful.core.dataset import Dataset


def proportions(
    data: o.Data,
    shares: Annotated[
        Path,
        Option(
            metavar="FILE",
            show_default=False,
            help="Table with a row for each bag: its name in the column that --bag names (or bag), and the share of "
            "each class, such as 0.25, in a column of the class's name.",
        ),
    ],
    out: Annotated[
        Path, Option("--out", "-o", metavar="FILE", show_default=False, help="Table to write, .csv: a label per image.")
    ],
    backbone: o.Backbone = None,
    overwrite: o.Overwrite = False,
    device: o.Device = "auto",
    json: o.Json = False,
    *,
    data_options: BagOptions,
) -> None:
    """Infer labels from class shares.

    Of each bag of images (--bag), such as a batch of parts, it is known which share of its images is of which class.
    Writes a label for each image, so that each bag has its shares; fit then trains on that table. Score the model on
    images that somebody has labelled: an accuracy on inferred labels is none.
    """
    from handful.cli._data import read
    from handful.cli._output import print_json, print_text, print_to_stderr
    from handful.core.files import lock_output, refuse_existing
    from handful.data.readers.share_table import read_shares
    from handful.models.device import select_device
    from handful.training.label_proportions import labels_from_proportions

    with print_to_stderr():
        _check(out, data, data_options.bag)
        assert data_options.bag is not None, "checked above"
        refuse_existing(out, overwrite=overwrite)
        chosen = select_device(device)
        table = read_shares(shares, bag=data_options.bag)
        samples = read(data, data_options, any_layout=True)
        labelled = labels_from_proportions(samples, table, backbone=backbone, device=chosen)
        with lock_output(out):
            refuse_existing(out, overwrite=overwrite)
            outside = write_labels(out, samples, labelled)
    counts = dict(zip(labelled.classes, labelled.counts.tolist(), strict=True))
    bags = len({sample.bag for sample in samples.samples})
    if json:
        print_json({"out": out, "images": len(labelled), "bags": bags, "images_per_class": counts})
        return
    spread = ", ".join(f"{number} {name}" for name, number in counts.items())
    print_text(f"{len(labelled)} images in {bags} bags: {spread}. Wrote {out}.")
    allowed = " --allow-outside" if outside else ""
    print_text(f"Train on it: handful fit {out}{allowed} --out MODEL")


def _check(out: Path, source: str, bag: str | None) -> None:
    """Refuse what can be refused before anything is read.

    Raises:
        DataError: no bags, or an archive.
        OutputError: the table to write is not CSV.
    """
    from handful.data.readers.packed import is_packed
    from handful.errors import DataError, OutputError

    if out.suffix.lower() != ".csv":
        raise OutputError("the labels are written as CSV", where=out, remedy="name a file that ends in .csv.")
    if bag is None:
        raise DataError(
            "shares are known of bags of images", where="--bag", remedy="name the column of bags, or folders."
        )
    if Path(source).is_file() and is_packed(Path(source)):
        raise DataError("the table of labels names image files", where=source, remedy="unpack the archive.")


def write_labels(out: Path, samples: "Dataset", labelled: "Dataset") -> bool:
    """Write path, label, bag and, where there are some, group of each image; returns whether a path leaves the folder.

    Args:
        out: the table; paths are relative to its folder.
        samples: the images in their bags.
        labelled: the same images with labels.
    """
    import csv

    from handful.core.files import write_atomically

    grouped = any(sample.group for sample in samples.samples)
    header, rows = ["path", "label", "bag", *(["group"] if grouped else [])], []
    for sample, label in zip(samples.samples, labelled.labels, strict=True):
        assert isinstance(sample.image, Path), "bags of the command line are files"
        path = os.path.relpath(sample.image.resolve(), out.parent.resolve()).replace("\\", "/")
        rows.append([path, labelled.classes[label], sample.bag or "", *([sample.group or ""] if grouped else [])])
    with write_atomically(out) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return any(row[0].startswith("../") for row in rows)
