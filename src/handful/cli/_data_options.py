"""Options of commands that read data: one dataclass for each group of options, whose fields become options."""

import inspect
import shlex
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

from typer import Option

from handful.cli._options import Columns
from handful.errors import FLAGS


@dataclass(frozen=True)
class SourceOptions:
    """How a source is read. A field is named as the argument of `handful.data.load.ReadOptions` that gets its value.

    Attributes:
        unavailable: names of fields that the command has no option for; they keep their defaults.
    """

    unavailable: ClassVar[frozenset[str]] = frozenset()
    columns: Columns = None
    allow_outside: Annotated[
        bool, Option("--allow-outside", help="Allow paths in a table that lead out of its folder.")
    ] = False
    root: Annotated[Path, Option("--root", metavar="FOLDER", help="Folder of torchvision data sets.")] = Path("data")
    download: Annotated[
        bool, Option("--download", help="Download a torchvision data set that is missing from --root.")
    ] = False
    multilabel: Annotated[
        str | None,
        Option(
            "--multilabel",
            metavar="FORM",
            show_default=False,
            help="Several labels per image: the separator of names in a table's column label, such as '|'; columns (or "
            "columns:NAME,NAME): one of 1 and 0 per class; folders: images in several class folders; annotations: a "
            "COCO, LVIS or Label Studio file.",
        ),
    ] = None
    unlisted: Annotated[
        Literal["absent", "unknown"] | None,
        Option(
            "--unlisted",
            show_default=False,
            help="What a class is that --multilabel lists, or an empty cell, do not name; default: absent in lists, "
            "folders and annotations (of LVIS, unknown), unknown in columns.",
        ),
    ] = None
    number: Annotated[
        str | None,
        Option(
            metavar="COLUMN",
            show_default=False,
            help="Predict a number instead of a class: the column of a table that holds it, such as age; or several, "
            "age,area.",
        ),
    ] = None
    bag: Annotated[
        str | None,
        Option(
            metavar="COLUMN",
            show_default=False,
            help="Labels belong to bags of images, such as the tiles of a slide: the column of a table that names the "
            "bag; folders: class/bag/images.",
        ),
    ] = None
    tree: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            show_default=False,
            help="Labels may name groups of classes: nested YAML of the groups. Their images show one of the classes "
            "below; they are learned from, and never scored. Scores are also given by group.",
        ),
    ] = None
    candidates: Annotated[
        str | None,
        Option(
            metavar="SEPARATOR",
            show_default=False,
            help="A label may list classes of which the image shows one: their separator, such as '|'.",
        ),
    ] = None


@dataclass(frozen=True)
class ImageOptions(SourceOptions):
    """And how the pixels are read, for commands without a model that knows it."""

    bit_depth: Annotated[
        int | None,
        Option(
            "--bit-depth",
            metavar="N",
            min=1,
            max=16,
            show_default=False,
            help="Bits per channel of 16-bit images, e.g. 12; default: found over the data set.",
        ),
    ] = None
    window: Annotated[
        str | None,
        Option(
            metavar="LOW,HIGH",
            show_default=False,
            help="Values that become black and white, in 16-bit, signed, float or DICOM images, e.g. "
            "--window=-200,800.",
        ),
    ] = None


@dataclass(frozen=True)
class BagOptions(ImageOptions):
    """Of images in bags without labels: what says how labels are written has no meaning."""

    unavailable: ClassVar[frozenset[str]] = frozenset({"multilabel", "unlisted", "number"})


@dataclass(frozen=True)
class MaskOptions(SourceOptions):
    """And the masks, for commands with a model."""

    masks: Annotated[
        Path | None,
        Option(
            metavar="PATH",
            show_default=False,
            help="Segmentation masks: a folder, or a COCO, labelme or Label Studio file.",
        ),
    ] = None
    partial_masks: Annotated[
        bool,
        Option(
            "--partial-masks",
            help="The masks speak of some pixels only: points, lines, boxes, or PNGs with 128 where nothing is known.",
        ),
    ] = False
    paired_masks: Annotated[
        bool,
        Option(
            "--paired-masks",
            help="The masks are second photographs of the same size, in which only the object is bright (ultraviolet, "
            "fluorescence, flash).",
        ),
    ] = False
    paired_threshold: Annotated[
        float | None,
        Option(
            metavar="SHARE",
            show_default=False,
            help="Brightness of the object in --paired-masks, 0 to 1; default: by Otsu's rule in each.",
        ),
    ] = None


@dataclass(frozen=True)
class DataOptions(MaskOptions, ImageOptions):
    """All of them."""


def source_arguments(source: str, options: SourceOptions) -> str:
    """A source and the options that say how it is read, for another command line."""
    words = [source]
    for field in fields(options):
        flag, value = f"--{FLAGS.get(field.name, field.name).replace('_', '-')}", getattr(options, field.name)
        if value is True:
            words.append(flag)
        elif value != field.default:
            words += [f"{flag}={v}" for v in (value if isinstance(value, list | tuple) else [value])]
    return shlex.join(words)


def _refuse_missing(data: Any) -> None:
    """Refuse paths that do not exist before the command imports what it needs, which takes seconds."""
    from handful.data.sources import is_pattern, refuse_missing

    several = not isinstance(data, str)  # only new images to predict are given as several paths
    for source in data or [] if several else [data]:
        if not is_pattern(source):
            refuse_missing(source, to_predict=several)


def _available(group: type[SourceOptions]) -> list[Field[Any]]:
    """The fields of a group that become options."""
    return [field for field in fields(group) if field.name not in group.unavailable]


def flatten(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of its parameters that hold options."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[SourceOptions]] = {}
    for parameter in inspect.signature(command).parameters.values():
        group = parameter.annotation
        if not (isinstance(group, type) and issubclass(group, SourceOptions)):
            parameters.append(parameter)
            continue
        groups[parameter.name] = group
        hints = get_type_hints(group, include_extras=True)
        for field in _available(group):
            parameters.append(parameter.replace(name=field.name, default=field.default, annotation=hints[field.name]))

    @wraps(command)
    def flat(**values: Any) -> None:
        _refuse_missing(values.get("data"))
        given = {
            name: group(**{f.name: values.pop(f.name) for f in _available(group)}) for name, group in groups.items()
        }
        command(**values, **given)

    flat.__annotations__ = {p.name: p.annotation for p in parameters}
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    return flat
