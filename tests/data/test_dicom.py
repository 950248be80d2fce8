from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.pixel_range import PixelRange
from handful.data.formats import ImageFile, identify
from handful.data.images import image_size, read_image
from handful.data.load import load_data
from handful.errors import DataError, HandfulWarning

pydicom = pytest.importorskip("pydicom")
VALUES = np.array([[0, 1024, 2048], [3072, 4095, 0]], np.uint16)


def _write(path: Path, values: np.ndarray = VALUES, **fields: Any) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    color = values.shape[-1] == 3 and values.dtype == np.uint8
    file.Rows, file.Columns = values.shape[:2] if color else values.shape[-2:]
    file.SamplesPerPixel = 3 if color else 1
    file.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    if color:
        file.PlanarConfiguration = 0
    file.BitsAllocated = values.dtype.itemsize * 8
    file.BitsStored = 8 if values.dtype.itemsize == 1 else 16 if values.dtype.kind == "i" else 12
    file.HighBit = file.BitsStored - 1
    file.PixelRepresentation = int(values.dtype.kind == "i")
    for name, value in fields.items():
        setattr(file, name, value)
    file.PixelData = values.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return path


def test_without_a_window_the_stored_bits_are_the_range(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dcm")
    assert image_size(path) == (2, 3)
    assert read_image(path)[0].tolist() == [[0, 64, 128], [191, 255, 0]]
    assert read_image(path, pixel_range=PixelRange.of_bits(16))[0, 0, 1] == 64  # bits of other files do not matter


def test_the_window_of_the_file_or_the_one_that_is_given_after_rescaling(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    path = _write(tmp_path / "a.dcm", WindowCenter=512.5, WindowWidth=1025, **fields)
    assert read_image(path)[0].tolist() == [[0, 0, 255], [255, 255, 0]]
    window = PixelRange(-1024, 1024, window=True)
    assert read_image(path, pixel_range=window)[0].tolist() == [[0, 128, 255], [255, 255, 0]]


def test_signed_values_have_the_range_of_their_bits(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dcm", np.array([[-32768, 0, 32767]], np.int16))
    assert read_image(path)[0].tolist() == [[0, 128, 255]]


def test_monochrome1_is_inverted_and_color_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1")
    assert read_image(path)[0].tolist() == [[255, 191, 127], [64, 0, 255]]
    color = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(read_image(_write(tmp_path / "b.dcm", color)), color.transpose(2, 0, 1))


def test_files_without_ending_are_recognized_and_the_first_frame_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "IM0001")
    assert identify(path) == ImageFile("DICOM", True)
    assert read_image(path).shape == (3, 2, 3)
    for name in ("cat", "dog"):
        _write(tmp_path / f"data/{name}/1.dcm", np.stack([VALUES, VALUES // 2]), NumberOfFrames=2)
    with pytest.warns(HandfulWarning, match="further pages or frames"):
        data = load_data(tmp_path / "data")
    assert read_image(tmp_path / "data/cat/1.dcm")[0, 1, 1] == 255
    assert data.samples[0].pixel_range is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"a\.dcm"):
        read_image(path)
