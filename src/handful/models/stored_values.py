"""Checks of the values that a model's files state: class names, sizes, counts, and the entries of its card.

The files may come from a stranger. Each function returns the value, or raises a `ValueError` that says what is wrong.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, get_args

from handful.core.kind import Kind
from handful.core.standardization import Scale

MAX_CLASSES = 100_000
MAX_NAME = 1000  # characters of a class name
MAX_SIDE = 16_384  # pixels of an input's height and width
MAX_PIXELS = 2**26  # of an input
MAX_COUNT = 10**12  # images of a class


def table(value: Any, what: str) -> dict[str, Any]:
    """A table of keys and values."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a table")
    return value


def texts(value: Any, what: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{what} is not a list of texts")
    return tuple(value)


def class_names(value: Any) -> tuple[str, ...]:
    """Class names: one to 100,000 different texts."""
    names = texts(value, "the list of classes")
    if not 0 < len(names) <= MAX_CLASSES:
        raise ValueError(f"{len(names)} class names; 1 to {MAX_CLASSES:,} are possible")
    if len(set(names)) < len(names) or any(not 0 < len(name) <= MAX_NAME for name in names):
        raise ValueError(f"class names must be different, and of 1 to {MAX_NAME:,} characters")
    return names


def image_size(value: Any) -> tuple[int, int]:
    """Height and width of a network's input."""
    if not isinstance(value, list) or len(value) != 2 or not all(map(is_whole, value)):
        raise ValueError("the size is not two whole numbers, height and width")
    h, w = value
    if not (0 < h <= MAX_SIDE and 0 < w <= MAX_SIDE and h * w <= MAX_PIXELS):
        raise ValueError(f"an input of {h} x {w} pixels; sides may have {MAX_SIDE:,}, and both {MAX_PIXELS:,} pixels")
    return h, w


def counts(value: Any, classes: int) -> tuple[int, ...]:
    """Images of each class."""
    if not isinstance(value, list) or not all(is_whole(n) and 0 <= n <= MAX_COUNT for n in value):
        raise ValueError("the images of each class are not whole numbers of 0 or more")
    if len(value) != classes:
        raise ValueError(f"{classes} class names but the images of {len(value)} classes")
    return tuple(value)


def kind(value: Any) -> Kind:
    """Whether a model names one class per image, or several."""
    if value not in get_args(Kind):
        raise ValueError(f"the kind is {_short(value)}")
    known: Kind = value
    return known


def scale(value: Any, kind: Kind, quantities: int) -> Scale | None:
    """Mean and deviation of the numbers of such a model; None: of other models."""
    if kind != "number":
        return None
    entries = table(value, "the scale")
    rows = [
        tuple(number(v, f"the {name} of a number", low=-1e30, high=1e30) for v in entries[name])
        for name in ("mean", "deviation")
    ]
    if any(len(row) != quantities for row in rows) or min(rows[1]) <= 0:
        raise ValueError(f"the scale does not fit {quantities} numbers")
    return Scale(*rows)


def number(value: Any, what: str, *, low: float = -float("inf"), high: float = float("inf")) -> float:
    """A finite number from `low` to `high`."""
    if not _is_number(value) or not low <= value <= high:
        limits = f" from {low:g} to {high:g}" if isfinite(low) and isfinite(high) else ""
        raise ValueError(f"{what} is {_short(value)}, not a number{limits}")
    return float(value)


def coverage(value: Any) -> dict[str, Any] | None:
    """What an exported model says of its conformal sets; None: it has none."""
    if value is None:
        return None
    entries = table(value, "coverage")
    number(entries["coverage"], "coverage", low=0, high=1)
    number(entries["heaviest"], "the largest weight of a class", low=0, high=1e12)
    if not isinstance(entries["by_class"], bool) or not is_whole(entries["images"]) or entries["images"] < 0:
        raise ValueError("coverage is not stated as `handful export` states it")
    return entries


def card(value: Any) -> dict[str, Any]:
    """The content of a model card; entries that handful reads have the types that it writes."""
    entries = table(value, "the card")
    for key, fits in _CARD.items():
        if key in entries and not fits(entries[key]):
            raise ValueError(f"{key} of the card is {_short(entries[key])}")
    calibration = entries.get("calibration", {})
    for key, fits in _CALIBRATION.items():
        if key in calibration and not fits(calibration[key]):
            raise ValueError(f"calibration.{key} of the card is {_short(calibration[key])}")
    return entries


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; True is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_optional_number(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_table_of(**entries: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(key in value and fits(value[key]) for key, fits in entries.items())
    )


def _is_mapping_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def _counts_cross_validation(value: Any) -> bool:
    """Whether scores have whole numbers of folds and images, where they have any."""
    return isinstance(value, dict) and all(is_whole(value.get(key, 0)) for key in ("folds", "images"))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


_RATE = dict.fromkeys(("count", "images", "share", "low", "high"), _is_number)
_INTERVAL = dict.fromkeys(("mean", "low", "high"), _is_optional_number)
_CALIBRATION: Mapping[str, Callable[[Any], bool]] = {
    "temperature": _is_number,
    "temperature_from": _is_text,
    "platt_scaling": _is_mapping_of(_is_table_of(slope=_is_number, offset=_is_number)),
    "platt_scaling_from": _is_text,
    "platt_scaling_shared": _is_list_of(_is_text),
    "platt_scaling_fewest": is_whole,
    "coverage": _is_number,
    "coverage_by_class": lambda value: isinstance(value, bool),
    "coverage_frequencies": _is_list_of(_is_number),
    "coverage_images": is_whole,
    "coverage_folds": is_whole,
    "expected_set_size": _is_number,
    "false_rejection": _is_number,
    "rejection_score": _is_text,
    "rejection_images": is_whole,
}
_CARD: Mapping[str, Callable[[Any], bool]] = {
    "handful": _is_text,
    "torch": _is_text,
    "use": _is_text,
    "limits": _is_text,
    "device": _is_text,
    "precision": _is_text,
    "seconds": _is_number,
    "steps": is_whole,
    "seed": is_whole,
    "train_images": is_whole,
    "bags": is_whole,
    "unlabelled_images": is_whole,
    "candidate_images": is_whole,
    "labels_removed": is_whole,
    "masks": is_whole,
    "images_per_class": lambda value: isinstance(value, dict) and all(map(is_whole, value.values())),
    "data": _is_table,
    "calibration": _is_table,
    "normal_class": lambda value: (
        value is None
        or _is_table_of(name=_is_text, missed=_is_table_of(**_RATE), false_alarms=_is_table_of(**_RATE))(value)
    ),
    "scores": lambda value: (
        value is None
        or (
            _counts_cross_validation(value)
            and _is_table_of(
                draws=is_whole,
                n_train=_is_number,
                n_test=_is_number,
                design=_is_text,
                rows=_is_list_of(_is_table_of(metric=_is_text, worst=_is_optional_number, **_INTERVAL)),
            )(value)
        )
    ),
    "measured": _is_list_of(_is_table_of(measure=_is_text, mean=_is_text, low=_is_text, high=_is_text, worst=_is_text)),
    "failures": lambda value: (
        value is None
        or _is_table_of(
            recall=_is_list_of(_is_table_of(name=_is_text, images=_is_number, **_INTERVAL)),
            confusions=_is_list_of(_is_table_of(label=_is_text, predicted=_is_text, share=_is_number)),
        )(value)
    ),
}
