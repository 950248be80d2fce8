"""Masks from second photographs that show the object alone: ultraviolet light on fluorescent paint, a fluorescence
channel, a stain, or flash (LUV, Takahashi and others 2023).

The two photographs are of one scene and one size, from a camera that did not move. What is bright in the second is the
mask of the first: brighter than a threshold, or than what separates it best (Otsu 1979), without specks.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from handful.core.dataset import Dataset, Mask
from handful.core.left_out import LeftOut
from handful.data.images import read_image, sample_size
from handful.data.left_out import merged
from handful.data.masks.attach import find_masks
from handful.errors import DataError, hint

SOURCE = "paired"
SPECK = 5e-4  # share of the image up to which a bright spot is left out
CONTRAST = 16  # gray levels between the bright and the dark side of a photograph that shows something


def attach_paired_masks(data: Dataset, source: str | Path, *, threshold: float | None = None) -> Dataset:
    """Attach masks from second photographs in a folder that mirrors the images, matched as `attach_masks` does.

    Samples without a second photograph are unchanged; photographs that show nothing are in `left_out`.

    Args:
        data: the samples.
        source: folder of the second photographs.
        threshold: brightness of the object, in (0, 1), as share of the brightest that a pixel can be; None: Otsu's rule
            in each photograph, which has to show something.

    Raises:
        DataError: not a folder, no photograph that belongs to an image or shows anything, two of one image, or one of
            another size than its image; names the file.
    """
    source = Path(source)
    if threshold is not None and not 0 < threshold < 1:
        raise DataError(
            f"the threshold of second photographs is {threshold}", where=source, remedy="give a share between 0 and 1."
        )
    if source.exists() and not source.is_dir():
        raise DataError(
            "second photographs lie in a folder, and this is none",
            where=source,
            remedy="name the folder that mirrors the images.",
        )
    found, positions = find_masks(data, source)
    samples, blank = list(data.samples), []
    origins: dict[int, str] = {}
    missing = [d.names[-1] for d, i in zip(found.drawings, positions, strict=True) if i is None]
    for i, drawing in zip(positions, found.drawings, strict=True):
        if i is None:
            continue
        if i in origins:
            what = f"two masks for {samples[i].id}; the other is {origins[i]}"
            raise DataError(what, where=drawing.where, remedy="keep one of them.")
        origins[i] = drawing.where
        photograph = read_image(Path(drawing.where))
        size = sample_size(samples[i])
        if photograph.shape[1:] != size:
            raise DataError(
                f"the second photograph is {photograph.shape[1]}x{photograph.shape[2]} and its image {samples[i].id} "
                f"{size[0]}x{size[1]} (height x width)",
                where=drawing.where,
                remedy="take both with a camera that does not move, and save them at the same size and rotation.",
            )
        mask = bright(np.asarray(photograph.max(axis=0)), threshold)
        if mask.any() and not mask.all():
            samples[i] = replace(samples[i].without_mask(), mask=mask, mask_source=SOURCE)
        else:
            blank.append(samples[i].id)
    if not origins:
        raise DataError(
            "no second photograph belongs to an image",
            where=source,
            remedy="name them after their images (cat/001.png for cat/001.jpg).",
        )
    if len(blank) == len(origins):
        lower = "give a threshold" if threshold is None else "give a lower threshold"
        raise DataError(
            "the second photographs show nothing, or all",
            where=source,
            remedy=f"look at them, and {lower}{hint('paired_threshold', 'SHARE')}, or take them again.",
        )
    left_out = [
        *found.left_out,
        LeftOut("second photographs without image", tuple(missing), "name them after their images"),
        LeftOut("second photographs that show nothing, or all", tuple(blank), "take them again, or give a threshold"),
    ]
    return replace(
        data,
        samples=tuple(samples),
        left_out=(*data.left_out, *merged([item for item in left_out if item.paths])),
    )


def bright(gray: UInt8[np.ndarray, "h w"], threshold: float | None) -> Mask:
    """The bright pixels of a photograph, without specks; none where it has no contrast.

    Args:
        gray: the brightest channel of each pixel.
        threshold: as for `attach_paired_masks`.
    """
    if threshold is None:
        level, _ = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        above = gray > level
        if above.all() or not above.any() or gray[above].mean() - gray[~above].mean() < CONTRAST:
            return np.zeros(gray.shape, dtype=bool)
    else:
        above = gray > threshold * 255
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)
    large = statistics[:, cv2.CC_STAT_AREA] > SPECK * gray.size
    large[0] = False  # the dark side
    return np.asarray(large[labels]) if count > 1 else np.zeros(gray.shape, dtype=bool)
