"""Import masks from other programs, and export annotations for them."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handful.annotation.exports import coco, label_studio, labelme, table
from handful.annotation.files.annotations import read_record, without_image
from handful.annotation.files.mask_patch import Patch
from handful.annotation.files.project import ACCEPTED, Project, annotated
from handful.annotation.files.store import AnnotationStore
from handful.core.dataset import Dataset
from handful.core.files import refuse_existing
from handful.core.left_out import LeftOut
from handful.data.left_out import merged, summary
from handful.data.masks.attach import attach_masks
from handful.data.masks.image_file import write_masks
from handful.data.masks.provenance import Provenance, images_seen, read_provenance, write_provenance
from handful.errors import DataError, OutputError, option

Format = Literal["png", "coco", "labelme", "label-studio", "table"]
IMPORTED = "import"


@dataclass(frozen=True)
class ExchangeResult:
    """Result of an import or export, as plain values and as a sentence."""

    values: dict[str, Any]
    text: str


def import_masks(project: Project, source: Path, *, overwrite: bool = False) -> ExchangeResult:
    """Import the masks at `source`, as `handful.data.masks.attach.attach_masks` finds them.

    Args:
        project: the images; each mask is saved as one stroke.
        source: a folder of mask images, or a COCO, labelme or Label Studio file.
        overwrite: replace existing masks.

    Raises:
        DataError: masks without image, of another size, or unreadable; then nothing is imported.
        OutputError: some of the images have a mask and `overwrite` is false; likewise.
    """
    data = attach_masks(project.data, source, blank="drop")
    samples = [s for s in data.samples if s.mask is not None]
    if not samples:
        raise DataError("all masks are empty, or cover the whole image", where=source, remedy="check the file.")
    with AnnotationStore(project.folder, project.data.ids) as store:
        taken = [s.id for s in samples if store[s.id].mask_source is not None]
        if taken and not overwrite:
            raise OutputError(
                f"{len(taken)} of the {len(samples)} images have a mask already",
                where=taken[0],
                remedy=f"pass {option('overwrite')} to replace these.",
            )
        for sample in samples:
            assert sample.mask is not None
            h, w = sample.mask.shape
            store.stroke(
                sample.id,
                Patch(0, 0, sample.mask),
                size=(h, w),
                base=store[sample.id].mask_version,
                key=secrets.token_hex(8),
                source=ACCEPTED if sample.mask_source == ACCEPTED else IMPORTED,
            )
    folder = project.folder / "masks"
    if any(s.mask_source == ACCEPTED for s in samples):
        write_provenance(folder, Provenance(str(source), images_seen(data)).joined(read_provenance(folder)))
    left_out = merged(data.left_out[len(project.data.left_out) :])
    values = {
        "imported": len(samples),
        "replaced": len(taken),
        "folder": str(folder),
        "left_out": [asdict(item) for item in left_out],
    }
    text = f"{len(samples)} masks imported to {folder}; {len(taken)} of them replaced existing ones."
    return ExchangeResult(values, " ".join([text, *_sentences(left_out)]))


def _sentences(left_out: Sequence[LeftOut]) -> list[str]:
    """What was not used, a sentence for each kind."""
    texts = (f"{summary(item)}; {item.remedy}." for item in left_out)
    return [text[0].upper() + text[1:] for text in texts]


def _nothing_known(data: Dataset) -> str:
    """The classes that the table has no column for, as a sentence."""
    names = [name for name, known in zip(data.classes, ~np.isnan(data.targets()).all(axis=0), strict=True) if not known]
    return f" Nothing is known of {', '.join(names)}, which the table leaves out." if names else ""


def export_annotations(
    project: Project, kind: Format, out: Path, *, outlines: bool = False, overwrite: bool = False
) -> ExchangeResult:
    """Write the annotations to a file (coco, label-studio, table) or a folder (png, labelme).

    Raises:
        OutputError: something is there and `overwrite` is false.
        DataError: there is nothing to write, or the kind has no outlines.
    """
    if outlines and kind in ("png", "table"):
        raise DataError(
            f"{kind} does not store outlines", where=option("outlines"), remedy="leave it out, or choose coco."
        )
    several = project.data.kind == "multilabel"
    if several and kind not in ("label-studio", "table"):
        raise DataError(
            f"{kind} holds masks, and with several labels per image there are none",
            where=option("export", kind),
            remedy="choose table or label-studio.",
        )
    is_folder = kind in ("png", "labelme")
    refuse_existing(out, ours=(lambda _: True) if is_folder else None, overwrite=overwrite)
    if out.resolve().is_relative_to(project.root) and out.resolve() != project.root and is_folder:
        raise OutputError("the output would lie among the images", where=out, remedy="choose a folder outside them.")
    data = annotated(project, read_record(project.folder, project.data.ids))
    left_out = without_image(project.folder, project.data.ids)
    takes_labels = kind in ("label-studio", "table")
    if not any(s.mask is not None or (s.labelled and takes_labels) for s in data.samples):
        missing = "".join(f"; {summary(item)}" for item in left_out)
        what, remedy = ("label", "give some first.") if several else ("mask", "draw some first.")
        raise DataError(f"no image has a {what} yet{missing}", where=project.folder, remedy=remedy)
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind == "png":
        count = len(write_masks(data, out, overwrite=overwrite))
    else:
        writers: dict[str, Callable[..., int]] = {
            "coco": coco.write,
            "labelme": labelme.write,
            "label-studio": label_studio.write,
            "table": table.write,
        }
        count = writers[kind](data, out, project.root, outlines=outlines)
    if kind != "table" and any(s.mask_source == ACCEPTED for s in data.samples):
        write_provenance(out, Provenance("handful annotate", images_seen(data)))
    labels = sum(s.labelled for s in data.samples)
    values = {
        "out": str(out),
        "format": kind,
        "masks": count,
        "labels": labels,
        "left_out": [asdict(item) for item in left_out],
    }
    text = f"{count} masks written to {out}."
    if kind == "table":
        outside = not project.root.is_relative_to(out.parent.resolve())
        flag = " --allow-outside" if outside else ""
        text = f"{labels} labels and {count} masks written. Use them: handful fit {out}{flag} --recipe ..."
        if several:
            entries = int((~np.isnan(data.targets())).sum())
            text = f"{entries} entries of {labels} images written.{_nothing_known(data)} "
            text += f"Use them: handful run {out}{flag} --multilabel columns"
    elif several:
        complete = int((~np.isnan(data.targets()).any(axis=1)).sum())
        rest = len(data) - complete
        text = f"Labels of {complete} images written to {out}; {rest} of which a class is unknown are left out."
    return ExchangeResult(values, " ".join([text, *_sentences(left_out)]))
