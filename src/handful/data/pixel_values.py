"""Conversion of pixel values of every type to uint8, and of alpha to a white background."""

from typing import Any

import numpy as np
import numpy.typing as npt

from handful.core.pixel_range import PixelRange
from handful.errors import DataError, by_interface

FULL = PixelRange.of_bits(16)


def to_uint8(array: npt.NDArray[Any], where: object, pixel_range: PixelRange | None = None) -> npt.NDArray[np.uint8]:
    """An array of any numeric type in 0..255: uint8 stays, bool is 0 and 255, others are scaled and clipped.

    Args:
        array: the values.
        where: what to name in an error.
        pixel_range: the values that become 0 and 255; None: uint16 has its full range, floats are in [0, 1], and other
            integers in 0..255.

    Raises:
        DataError: a type that is no number, or values outside what it allows without a range.
    """
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind not in "iuf":
        raise DataError(
            f"an image array has type {array.dtype}", where=where, remedy="give uint8, uint16, bool or float."
        )
    if pixel_range is not None and applies(pixel_range, floats=kind == "f"):
        if kind == "f" and np.isnan(array).any():
            raise DataError("pixel values are NaN", where=where, remedy="replace them by numbers.")
        scale = 255.0 / (pixel_range.high - pixel_range.low)
        shifted = np.clip(array, pixel_range.low, pixel_range.high) - pixel_range.low
        return np.asarray(np.rint(shifted * scale), np.uint8)
    if kind == "u" and array.dtype.itemsize == 2:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    low, high = array.min(), array.max()
    top = 1 if kind == "f" else 255
    if not (low >= 0 and high <= top):  # also true of NaN
        unit = "float images in [0, 1]" if kind == "f" else "whole numbers in 0..255"
        raise DataError(
            f"{array.dtype} pixel values reach from {low:g} to {high:g}",
            where=where,
            remedy=f"give {unit}, or uint8 in 0..255; or name the values that become black and white "
            f"({window_option(float(low), float(high))}).",
        )
    return np.rint(array * 255.0).astype(np.uint8) if kind == "f" else array.astype(np.uint8)


def applies(pixel_range: PixelRange | None, *, floats: bool) -> bool:
    """Whether deep images, of floats or of integers, are scaled by this range."""
    return pixel_range is not None and (pixel_range.window or not floats)


def refuse_outside_16_bits(low: float, high: float, where: object) -> None:
    """Refuse gray values of a file that 16 unsigned bits cannot hold, where no range was given.

    Raises:
        DataError: names the values.
    """
    if low < 0 or high > FULL.high:
        raise DataError(
            f"gray values reach from {low:g} to {high:g}, outside 16 bits",
            where=where,
            remedy="save the image with 8 or 16 unsigned bits per pixel, or name the values that become black and "
            f"white ({window_option(float(low), float(high))}).",
        )


def window_option(low: float, high: float) -> str:
    """The option that names this window, as it is written in the interface in use."""
    finite = np.isfinite(low) and np.isfinite(high) and low < high
    text = f"{low:g},{high:g}" if finite else "LOW,HIGH"
    return by_interface(command=f"--window={text}", python=f"window=({text})")


def composite_on_white(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pixels [h w 4], the last channel alpha, on a white background [h w 3]; [h w 2] is gray and alpha."""
    alpha = pixels[..., -1:].astype(np.uint16)
    return ((pixels[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
