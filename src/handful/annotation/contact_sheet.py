"""Contact sheet: thumbnails of images with their masks, for visual inspection."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.data.images import pixels
from handful.data.masks.quality import iou
from handful.reports.overlay import paint_regions, palette

SIDE = 128  # pixels of a tile
_LINE = 14


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture with its mask, and two lines below."""

    image: Image
    mask: Mask | None
    title: str
    note: str


def tiles(after: Dataset, before: Dataset, *, per_class: int, seed: int) -> list[list[Tile]]:
    """Rows of tiles, one row per class and one of unlabelled images.

    A row shows at most `per_class` images: up to half of it the new masks that agree least with the old ones
    (where there are any to compare with), the others at random.

    Args:
        after: samples with the masks to show.
        before: the same samples with the masks they had; matched by id.
        per_class: tiles in a row, at least 1.
        seed: decides which images are shown.
    """
    rng = np.random.default_rng(seed)
    old = {s.id: s for s in before.samples}
    rows = []
    for label in (*range(len(after.classes)), None):
        members = [s for s in after.samples if s.label == label]
        if not members:
            continue
        scores = {s.id: score for s in members if (score := _agreement(s, old[s.id])) is not None}
        worst = sorted(scores, key=lambda name: scores[name])[: per_class // 2]
        others = [s for s in members if s.id not in worst]
        shown = [s for s in members if s.id in worst]
        for i in rng.permutation(len(others))[: per_class - len(shown)]:
            shown.append(others[int(i)])
        shown.sort(key=lambda s: (scores.get(s.id, 2.0), s.id))
        rows.append([_tile(s, scores.get(s.id), after) for s in shown])
    return rows


def _agreement(new: Sample, old: Sample) -> float | None:
    if new.mask is None or old.mask is None or new.mask is old.mask or old.known is not None:
        return None
    return iou(new.mask, old.mask)


def _tile(sample: Sample, score: float | None, data: Dataset) -> Tile:
    name = "no label" if sample.label is None else data.classes[sample.label]
    source = "no mask" if sample.mask is None else sample.mask_source or "mask"
    note = source if score is None else f"{source}, IoU {score:.2f}"
    return Tile(pixels(sample), sample.mask, f"{name}: {sample.id.rsplit('/', 1)[-1]}", note)


def draw_sheet(rows: Sequence[Sequence[Tile]], *, side: int = SIDE) -> Picture.Image:
    """The rows as one picture; images are enlarged or reduced to fit `side` x `side`."""
    gap, font = 6, ImageFont.load_default(size=11)
    width = max((len(row) for row in rows), default=1)
    height = side + 2 * _LINE + gap
    sheet = Picture.new("RGB", (gap + width * (side + gap), gap + len(rows) * (height + gap)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            x, y = gap + j * (side + gap), gap + i * (height + gap)
            sheet.paste(_picture(tile, side), (x, y))
            for k, text in enumerate((tile.title, tile.note)):
                pen.text((x, y + side + 2 + k * _LINE), _ellipsize(text, pen, font, side), fill="black", font=font)
    return sheet


def write_sheet(path: Path, rows: Sequence[Sequence[Tile]]) -> None:
    """Write the sheet as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(rows).save(path, format="PNG")


def _picture(tile: Tile, side: int) -> Picture.Image:
    h, w = tile.image.shape[1:]
    scale = side / max(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    resampling = Picture.Resampling.NEAREST if scale > 1 else Picture.Resampling.LANCZOS
    image = Picture.fromarray(tile.image.transpose(1, 2, 0)).resize(size, resampling)
    if tile.mask is not None:
        mask = np.asarray(Picture.fromarray(tile.mask).resize(size, Picture.Resampling.NEAREST))
        shown = paint_regions(np.asarray(image).transpose(2, 0, 1), mask.astype(np.int64), palette(1), tint=0.3)
        image = Picture.fromarray(shown.transpose(1, 2, 0))
    square = Picture.new("RGB", (side, side), "white")
    square.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def _ellipsize(
    text: str, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    """The text, shortened in the middle if it is wider than `width` pixels."""
    if pen.textlength(text, font) <= width:
        return text
    keep = len(text) - 1
    while keep > 2 and pen.textlength(f"{text[: keep // 2]}…{text[-(keep // 2) :]}", font) > width:
        keep -= 1
    return f"{text[: keep // 2]}…{text[-(keep // 2) :]}"
