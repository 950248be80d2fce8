"""Image formats: which files are images, which of these can be read here, and what the others need."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath

from PIL import features

HEAD = 132  # bytes from which the format of a file is recognized: DICOM has its mark at byte 128


@dataclass(frozen=True)
class ImageFormat:
    """An image format.

    Attributes:
        name: its usual name, such as "HEIC".
        suffixes: endings of its files, in lower case.
        decoder: Pillow's name of its decoder; "": handful does not read this format.
        extra: the extra that installs the decoder; "": part of the default installation.
        module: the module of that extra.
        feature: the feature that Pillow must be built with.
        remedy: what to do with its files, where handful does not read them.
    """

    name: str
    suffixes: tuple[str, ...]
    decoder: str = ""
    extra: str = ""
    module: str = ""
    feature: str = ""
    remedy: str = "convert them to PNG, TIFF or JPEG"

    @property
    def readable(self) -> bool:
        """Whether its files can be read with what is installed."""
        return _installed(self)

    @property
    def how_to_read(self) -> str:
        """What would make its files readable, in the form of a remedy."""
        if self.readable or not self.decoder:
            return self.remedy
        if self.extra:
            return f'pip install "handful[{self.extra}]" reads them; or {self.remedy}'
        return f"this build of Pillow lacks {self.name}: update Pillow, or {self.remedy}"


FORMATS = (
    ImageFormat("PNG", (".png", ".apng"), "PNG"),
    ImageFormat("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "JPEG"),
    ImageFormat("BMP", (".bmp", ".dib"), "BMP"),
    ImageFormat("TIFF", (".tif", ".tiff"), "TIFF"),
    ImageFormat("WebP", (".webp",), "WEBP"),
    ImageFormat("GIF", (".gif",), "GIF"),
    ImageFormat("JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"), "JPEG2000", feature="jpg_2000"),
    ImageFormat("PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"), "PPM"),
    ImageFormat("AVIF", (".avif", ".avifs"), "AVIF", feature="avif"),
    ImageFormat("HEIC", (".heic", ".heif", ".heics", ".heifs", ".hif"), "HEIF", "heif", "pillow_heif"),
    ImageFormat("DICOM", (".dcm", ".dicom"), "DICOM", "dicom", "pydicom"),
)
NOT_READ = (
    ImageFormat("JPEG XL", (".jxl",)),
    ImageFormat(
        "camera raw",
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw"),
        remedy="develop them to JPEG or TIFF",
    ),
    ImageFormat("SVG", (".svg", ".svgz"), remedy="render them to PNG"),
    ImageFormat("PDF", (".pdf",), remedy="render their pages to PNG"),
    ImageFormat("Photoshop", (".psd", ".psb")),
    ImageFormat("OpenEXR", (".exr",)),
    ImageFormat("Radiance HDR", (".hdr",)),
    ImageFormat("TGA", (".tga",)),
    ImageFormat("icon", (".ico", ".icns", ".cur")),
    ImageFormat(
        "volume",
        (".nii", ".nrrd", ".mha", ".mhd"),
        remedy="export their slices to PNG or TIFF",
    ),
    ImageFormat(
        "microscope slide",
        (".svs", ".ndpi", ".scn", ".mrxs", ".czi", ".lif", ".nd2", ".vsi"),
        remedy="export regions of them to PNG or TIFF",
    ),
    ImageFormat(
        "video",
        (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"),
        remedy="export single frames to PNG or JPEG",
    ),
)
ENDINGS = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}  # that mean the same
_BY_SUFFIX = {suffix: f for f in (*FORMATS, *NOT_READ) for suffix in f.suffixes}
_BY_DECODER = {f.decoder: f for f in FORMATS}
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
# Files that hold no image, whatever their first bytes are: they are not opened.
_NO_IMAGE = frozenset(
    [
        ".txt",
        ".md",
        ".json",
        ".jsonl",
        ".csv",
        ".tsv",
        ".parquet",
        ".xml",
        ".yaml",
        ".yml",
        ".toml",
        ".html",
        ".py",
        ".ipynb",
        ".npy",
        ".npz",
        ".pt",
        ".pth",
        ".onnx",
        ".safetensors",
        ".h5",
        ".zip",
        ".tar",
        ".gz",
        ".tgz",
        ".log",
    ]
)


@cache
def _installed(image_format: ImageFormat) -> bool:
    if not image_format.decoder:
        return False
    if image_format.module:
        return find_spec(image_format.module) is not None
    return not image_format.feature or bool(features.check(image_format.feature))


DECODERS = tuple(f.decoder for f in FORMATS if f.readable and not f.extra)  # Pillow's own, by its names
SUFFIXES = frozenset(suffix for f in FORMATS if f.readable for suffix in f.suffixes)
ALL_SUFFIXES = frozenset(suffix for f in FORMATS for suffix in f.suffixes)  # with those that an extra reads


@dataclass(frozen=True)
class ImageFile:
    """What a file is, for readers that list files.

    Attributes:
        kind: the format's name, such as "HEIC"; for an image under the ending of something else with a note of it.
        readable: whether it is read as an image.
        remedy: what would make it readable; "" if it is.
    """

    kind: str
    readable: bool
    remedy: str = ""


def identify(path: Path) -> ImageFile | None:
    """What an existing file is, by its ending; None: not an image.

    A file without an ending, or whose ending is a number (as DICOM archives have them), is recognized by its first
    bytes. So is a file of another ending, which is not read but named: ".jpg_large" and ".jpg~" hold images too.
    """
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX:
        found = _BY_SUFFIX[suffix]
        return ImageFile(found.name, True) if found.readable else ImageFile(found.name, False, found.how_to_read)
    if suffix in _NO_IMAGE:
        return None
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    content = format_of(head)
    if content is None:
        return None
    if suffix and not suffix[1:].isdigit():
        remedy = f"give them the ending {content.suffixes[0]}"
        return ImageFile(f"{content.name} with another ending ({path.suffix})", False, remedy)
    return ImageFile(content.name, True) if content.readable else ImageFile(content.name, False, content.how_to_read)


def count_endings(paths: Iterable[Path]) -> dict[str, int]:
    """Number of files of each ending, the most frequent first: "png" and "PNG" are one, "jpeg" is "jpg"."""
    endings = Counter(ENDINGS.get(p.suffix.lower(), p.suffix.lower()).removeprefix(".").upper() for p in paths)
    return {ending or "without an ending": n for ending, n in endings.most_common()}


def is_image_name(name: str) -> bool:
    """Whether a name ends as an image's, of a format that is read, here or with an extra."""
    return PurePath(name).suffix.lower() in ALL_SUFFIXES


def format_of(head: bytes) -> ImageFormat | None:
    """The format of a file by its first `HEAD` bytes; None: not a known image format."""
    name = _decoder_of(head)
    return None if name is None else _BY_DECODER[name]


def _decoder_of(head: bytes) -> str | None:
    for mark, name in (
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"II+\0", "TIFF"),
        (b"MM\0+", "TIFF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
        (b"\xff\x4f\xff\x51", "JPEG2000"),
    ):
        if head.startswith(mark):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), _box_length(head)), 4))}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF" if brands & _HEIC_BRANDS else None
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456f" and head[2:3] in b" \t\r\n":
        return "PPM"
    return None


def _box_length(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")
