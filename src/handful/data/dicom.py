"""DICOM images (https://www.dicomstandard.org), as a decoder for Pillow; needs the extra `dicom`.

Values are rescaled (slope and intercept, such as to Hounsfield units) and scaled by the window that the file names, or
else by the range of its bits; one window for all files may be given instead. MONOCHROME1 is inverted. Of several frames
the first is read.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageFile

from handful.core.pixel_range import PixelRange

INVERTED = "inverted"  # key of `Image.info`: white is the lowest value
WINDOW = "window"  # key of `Image.info`: the range that the file names


class DicomImageFile(ImageFile.ImageFile):
    """A DICOM file: mode "F" with rescaled values if it is gray, "RGB" if it is in color."""

    format = "DICOM"
    format_description = "DICOM"

    def _open(self) -> None:
        import pydicom

        self._header: Any = pydicom.dcmread(self.fp, stop_before_pixels=True)
        self._size = int(self._header.Columns), int(self._header.Rows)
        color = int(self._header.get("SamplesPerPixel", 1)) > 1 or self._header.PhotometricInterpretation.startswith(
            "PALETTE"
        )
        self._mode = "RGB" if color else "F"
        self.is_animated = int(self._header.get("NumberOfFrames", 1) or 1) > 1
        if not color:
            window = _window(self._header)
            self.info[WINDOW] = window
            self.info[INVERTED] = self._header.PhotometricInterpretation == "MONOCHROME1"

    def load(self) -> Any:
        """Decode the first frame."""
        if self._im is None:
            import pydicom
            from pydicom.pixels import apply_color_lut, apply_rescale, pixel_array

            content: Any = self.fp
            content.seek(0)
            file = pydicom.dcmread(content)
            values: npt.NDArray[Any] = pixel_array(file, index=0)
            if self._mode == "F":
                values = apply_rescale(values, file).astype(np.float32)
            elif file.PhotometricInterpretation.startswith("PALETTE"):
                values = _eight_bits(apply_color_lut(values, file))
            else:
                values = _eight_bits(values)
            self.im = Pillow.fromarray(np.ascontiguousarray(values)).im
        return Pillow.Image.load(self)


def register() -> None:
    """Let Pillow open DICOM files."""
    Pillow.register_open(DicomImageFile.format, DicomImageFile)


def _eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return values if values.dtype == np.uint8 else (values // 257).astype(np.uint8)


def _window(header: Any) -> PixelRange:
    """The window that a file names, by its first center and width; or the range of its bits after rescaling."""
    center, width = _first(header.get("WindowCenter")), _first(header.get("WindowWidth"))
    if center is not None and width is not None and width > 1:  # as PS3.3 C.11.2.1.2 defines it
        return PixelRange(center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2, window=True)
    bits, signed = int(header.BitsStored), bool(int(header.get("PixelRepresentation", 0)))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope = _first(header.get("RescaleSlope")) or 1.0
    intercept = _first(header.get("RescaleIntercept")) or 0.0
    low, high = sorted((low * slope + intercept, high * slope + intercept))
    return PixelRange(low, high, window=True)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value if isinstance(value, int | float | str) else value[0] if hasattr(value, "__len__") else value)
