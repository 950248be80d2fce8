"""Fingerprint of a data set: a short hash that identifies the data that a score was measured on."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from handful.core.dataset import Dataset, DeepImage, Image, Sample
from handful.data.images import pixels
from handful.errors import DataError

DIGEST = 6  # bytes of an image digest
TRAINED_ON = "trained_on"  # entry of a model's card: the digests of its training images


def fingerprint(data: Dataset) -> str:
    """12 hex digits over classes, ids, labels or targets, groups, splits, masks and image content, in order.

    Image files are hashed by their bytes and their pixel range, arrays by their pixels: the same images in another
    format are other data.

    Raises:
        DataError: an image file cannot be read.
    """
    total = hashlib.sha256()
    total.update(repr(data.classes).encode())
    if data.kind != "multiclass":
        total.update(data.kind.encode())
    for sample in data.samples:
        total.update(_sample(sample))
    return total.hexdigest()[:12]


def part_fingerprints(data: Dataset) -> dict[str, str]:
    """16 hex digits for each thing that a training run reads, in the order of ids: to say what of the data differs.

    The keys are "classes", "labels" (with the ids), "pixels" (of labelled samples), "ranges" (of deep images), "masks",
    "groups" and "unlabelled" (ids and pixels of the other samples). A file is hashed once in a process.

    Raises:
        DataError: an image file cannot be read.
    """
    names = ("classes", "labels", "pixels", "ranges", "masks", "groups", "unlabelled")
    hashes = {name: hashlib.sha256() for name in names}
    hashes["classes"].update(repr(data.classes).encode())
    for sample in sorted(data.samples, key=lambda s: s.id):
        if not sample.labelled:
            hashes["unlabelled"].update(repr(sample.id).encode() + _image_hash(sample.image))
        else:
            known = sample.label if sample.target is None else sample.target.tolist()
            hashes["labels"].update(repr((sample.id, known)).encode())
            hashes["pixels"].update(_image_hash(sample.image))
        if sample.probabilities is not None:
            hashes["labels"].update(repr((sample.id, sample.probabilities.tolist())).encode())
        if sample.candidates is not None:
            hashes["labels"].update(repr((sample.id, sample.candidates.tolist())).encode())
        if sample.weight != 1:
            hashes["labels" if sample.labelled else "unlabelled"].update(repr((sample.id, sample.weight)).encode())
        if sample.text is not None:
            hashes["labels" if sample.labelled else "unlabelled"].update(repr((sample.id, sample.text)).encode())
        if sample.pixel_range is not None:
            hashes["ranges"].update(repr((sample.id, sample.pixel_range)).encode())
        if sample.mask is not None:
            hashes["masks"].update(repr((sample.id, sample.mask.shape)).encode() + sample.mask.tobytes())
            if sample.known is not None:
                hashes["masks"].update(b"known" + sample.known.tobytes())
            if sample.mask_labels is not None:
                hashes["masks"].update(b"labels" + sample.mask_labels.tobytes())
        if sample.bag is not None:
            hashes["groups"].update(b"bag" + repr((sample.id, sample.bag)).encode())
        if sample.group is not None:
            hashes["groups"].update(repr((sample.id, sample.group)).encode())
    return {name: total.hexdigest()[:16] for name, total in hashes.items()}


def image_digest(sample: Sample) -> str:
    """12 hex digits over the content of a sample's image: bytes of a file, pixels of an array. A file is hashed once.

    Raises:
        DataError: the image file cannot be read.
    """
    return _image_hash(sample.image)[:DIGEST].hex()


def pack_digests(digests: Iterable[str]) -> str:
    """Image digests as one text of eight characters each, sorted."""
    return b64encode(bytes.fromhex("".join(sorted(set(digests))))).decode()


def unpack_digests(text: str) -> frozenset[str]:
    """Image digests from the text of `pack_digests`.

    Raises:
        ValueError: it is no such text.
    """
    content = b64decode(text, validate=True)
    if len(content) % DIGEST:
        raise ValueError(f"{len(content)} bytes are not digests of {DIGEST} bytes")
    return frozenset(content[i : i + DIGEST].hex() for i in range(0, len(content), DIGEST))


def ids_hash(train_ids: Iterable[str], test_ids: Iterable[str]) -> str:
    """12 hex digits over the ids of the training samples and of the scored samples, in order."""
    text = repr((tuple(train_ids), tuple(test_ids)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _sample(sample: Sample) -> bytes:
    header = repr((sample.id, sample.label, sample.group, sample.split)).encode()
    if isinstance(sample.image, Path):
        one = _with_content(header, sample.image, *_status(sample.image)).copy()
        if sample.pixel_range is not None:
            one.update(repr(sample.pixel_range).encode())
    else:
        one, image = hashlib.sha256(header), pixels(sample)
        one.update(repr(image.shape).encode() + image.tobytes())
    if sample.text is not None:
        one.update(b"text" + repr(sample.text).encode())
    if sample.weight != 1:
        one.update(b"weight" + repr(sample.weight).encode())
    if sample.bag is not None:
        one.update(b"bag" + repr(sample.bag).encode())
    if sample.probabilities is not None:
        one.update(b"probabilities" + sample.probabilities.tobytes())
    if sample.candidates is not None:
        one.update(b"candidates" + sample.candidates.tobytes())
    if sample.target is not None:
        one.update(b"target" + sample.target.tobytes())
    if sample.mask is not None:
        one.update(b"mask" + repr(sample.mask.shape).encode() + sample.mask.tobytes())
        one.update(b"known" + sample.known.tobytes() if sample.known is not None else b"")
        one.update(b"labels" + sample.mask_labels.tobytes() if sample.mask_labels is not None else b"")
        one.update(b"propagated" if sample.mask_source == "propagated" else b"")  # it may be made anew in each split
    return one.digest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", where=path, remedy="check the file and its permissions."
        ) from error


def _image_hash(image: Path | Image | DeepImage) -> bytes:
    if not isinstance(image, Path):
        return hashlib.sha256(repr((image.shape, str(image.dtype))).encode() + image.tobytes()).digest()
    return _with_content(b"", image, *_status(image)).digest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hex digits.

    Raises:
        DataError: the file cannot be read.
    """
    return _with_content(b"", path, *_status(path)).hexdigest()


def _status(path: Path) -> tuple[int, ...]:
    """What changes with a file's content; empty for a file that cannot be found."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=100_000)
def _with_content(header: bytes, path: Path, *status: int) -> "hashlib._Hash":  # noqa: ARG001
    """The hash of a header and a file's content, which is read again only when the file has changed."""
    return hashlib.sha256(header + _read(path))
