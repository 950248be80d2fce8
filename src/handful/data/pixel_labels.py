"""Pixel labels of a sample at the working size, from its mask and from what is known of its classes."""

import numpy as np
from jaxtyping import Int16

from handful.core.dataset import Sample
from handful.core.tensors import IGNORE
from handful.data.resampling import Resize, fit_mask, fit_partial_mask


def pixel_labels(
    sample: Sample, classes: int, size: tuple[int, int], resize: Resize
) -> Int16[np.ndarray, "h w"] | None:
    """0 on the background, class + 1 on an object, -1 (ignored) where nothing is known; None: all of it is.

    A pixel of an object whose image shows several classes has the label of its class where masks tell them apart,
    otherwise k + 1: one of the classes that the image shows, or may show. An image that shows none of the classes is
    background, whether it has a mask or not.

    Args:
        sample: labelled or not; without a label, nothing is known of its pixels.
        classes: how many there are, k.
        size: h and w of the working size.
        resize: how the mask is resized.
    """
    if sample.shows_none:
        return np.zeros(size, dtype=np.int16)
    if sample.mask is None or not sample.labelled:
        return None
    is_object, is_known = fit_partial_mask(sample.mask, sample.known, size, resize)
    labels: Int16[np.ndarray, "h w"] = np.where(is_object, _label(sample, classes), 0).astype(np.int16)
    if sample.mask_labels is not None:
        for value in np.unique(sample.mask_labels[sample.mask]):
            labels[is_object & fit_mask(sample.mask_labels == value, size, resize)] = value
    if is_known is not None:
        labels[~is_known] = IGNORE
    return labels


def _label(sample: Sample, classes: int) -> int:
    """The label of an object's pixels."""
    if sample.target is None:
        assert sample.label is not None
        return sample.label + 1
    possible = np.flatnonzero(sample.target != 0)  # NaN, not known, may be present
    return int(possible[0]) + 1 if len(possible) == 1 and sample.mask_labels is None else classes + 1
