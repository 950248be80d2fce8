"""A contact sheet: images with the outlines of their masks on one page, to look at before training on them."""

from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from handful.core.dataset import Dataset, Sample
from handful.data.images import pixels
from handful.data.in_memory import fit_mask
from handful.errors import DataError, OutputError

COLOURS = {"hand": (0, 220, 60), "propagated": (255, 0, 200)}
OTHER = (255, 140, 0)
GAP, LINE, MOST = 6, 22, 2000


def contact_sheet(
    data: Dataset,
    path: Path,
    *,
    columns: int = 10,
    per_class: int | None = 10,
    side: int = 96,
    overwrite: bool = False,
) -> None:
    """Write a PNG with the images of each class under its name, and their masks as outlines.

    Outlines are green for hand-made masks, magenta for propagated ones, orange for others; an image without a mask
    has none. Unlabelled images come last.

    Args:
        data: the samples.
        path: the PNG to write.
        columns: images per row.
        per_class: images per class, spread evenly over its samples; None: all.
        side: length of an image's longer side on the sheet, in pixels.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
        DataError: more images than fit on a page that can be looked at, or none.
    """
    if path.exists() and not overwrite:
        raise OutputError("there is a file already", where=path, remedy="choose another place, or overwrite.")
    groups = _groups(data, per_class)
    shown = sum(len(samples) for _, samples in groups)
    if not 0 < shown <= MOST:
        what = f"a contact sheet of {shown} images" if shown else "no images for a contact sheet"
        raise DataError(what, where=path, remedy=f"show 1 to {MOST}: choose per_class, or select samples.")
    cell = side + GAP
    rows = sum(-(-len(samples) // columns) for _, samples in groups)
    sheet = Picture.new("RGB", (columns * cell + GAP, LINE + len(groups) * LINE + rows * cell + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    _legend(pen, font)
    top = LINE
    for title, samples in groups:
        pen.text((GAP, top + 4), title, fill="black", font=font)
        top += LINE
        for i, sample in enumerate(samples):
            sheet.paste(_thumbnail(sample, side), (GAP + i % columns * cell, top + i // columns * cell))
        top += -(-len(samples) // columns) * cell
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, format="PNG")


def _legend(pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
    left = float(GAP)
    for name, colour in (("hand-made", COLOURS["hand"]), ("propagated", COLOURS["propagated"]), ("other", OTHER)):
        pen.rectangle((left, 8, left + 10, 18), fill=colour)
        pen.text((left + 15, 4), f"{name} mask", fill="black", font=font)
        left += 35 + pen.textlength(f"{name} mask", font=font)


def _groups(data: Dataset, per_class: int | None) -> list[tuple[str, list[Sample]]]:
    groups = []
    for label, name in [*enumerate(data.classes), (None, "no label")]:
        samples = [s for s in data.samples if s.label == label]
        masks = sum(s.mask is not None for s in samples)
        few = len(samples) if per_class is None else min(per_class, len(samples))
        picked = [samples[i] for i in np.linspace(0, len(samples) - 1, few).round().astype(int)]
        if picked:
            shown = f"{len(picked)} of {len(samples)} images shown" if few < len(samples) else f"{few} images"
            groups.append((f"{name}: {shown}, {masks} with a mask", picked))
    return groups


def _thumbnail(sample: Sample, side: int) -> Picture.Image:
    image = pixels(sample)
    _, h, w = image.shape
    size = (max(1, round(h * side / max(h, w))), max(1, round(w * side / max(h, w))))
    way = Picture.Resampling.NEAREST if max(h, w) < side else Picture.Resampling.BOX
    small = Picture.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).resize((size[1], size[0]), way)
    if sample.mask is None:
        return small
    flat = np.array(small)
    mask = np.pad(fit_mask(sample.mask, size, "squash"), 1, mode="edge")
    inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    outer = mask[1:-1, 1:-1] | mask[:-2, 1:-1] | mask[2:, 1:-1] | mask[1:-1, :-2] | mask[1:-1, 2:]
    flat[outer & ~inner] = COLOURS.get(sample.mask_source or "", OTHER)
    return Picture.fromarray(flat)
