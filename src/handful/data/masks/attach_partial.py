"""Partial masks of a folder or an annotation file, matched to the images by their file names."""

from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset
from handful.data.images import sample_size
from handful.data.masks.attach import find_masks, with_provenance
from handful.data.masks.provenance import read_provenance
from handful.errors import DataError


def attach_partial_masks(data: Dataset, source: str | Path) -> Dataset:
    """Attach masks that speak of some pixels only, as `handful.data.masks.partial` reads them.

    Files are found and matched as `handful.data.masks.attach.attach_masks` does. Samples without a mark are unchanged.

    Raises:
        DataError: as `attach_masks`; or a mask image with other values, or no mark that belongs to an image.
    """
    source = Path(source)
    found, positions = find_masks(data, source)
    samples = list(data.samples)
    origins: dict[int, str] = {}
    for i, drawing in zip(positions, found.drawings, strict=True):
        if i is None or drawing.partial is None:
            continue
        if i in origins:
            what = f"two masks for {samples[i].id}; the other is {origins[i]}"
            raise DataError(what, where=drawing.where, remedy="keep one of them.")
        size = sample_size(samples[i])
        stated = drawing.size or size
        mask, known = drawing.partial(size)
        for h, w in (stated, mask.shape):
            if (h, w) != size:
                raise DataError(
                    f"the mask is {h}x{w} and its image {samples[i].id} {size[0]}x{size[1]} (height x width)",
                    where=drawing.where,
                    remedy="export the mask at the image's own size, with the same rotation.",
                )
        if known.any():
            origins[i] = drawing.where
            whole = None if known.all() else known
            samples[i] = replace(samples[i].without_mask(), mask=mask, known=whole, mask_source=drawing.source())
    if not origins:
        raise DataError(
            "no point, line, box or shape in it belongs to an image",
            where=source,
            remedy="draw some, or check both paths.",
        )
    return with_provenance(replace(data, samples=tuple(samples)), data, read_provenance(source))
