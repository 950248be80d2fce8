"""Class names that are lists of others ("dent|scratch" beside "dent"): several labels that were read as one."""

from handful.core.dataset import Dataset
from handful.core.text import listed
from handful.data.finding import Finding
from handful.errors import option

LISTED = "looks like several labels"  # the kind of the finding
SEPARATORS = ("|", ";", ",", "+", "&", "/")
NAMED = 5


def listed_class_findings(data: Dataset) -> tuple[Finding, ...]:
    """The finding "looks like several labels": no separator was given, or one that the labels do not have."""
    for separator in SEPARATORS:
        lists = {name: [part.strip() for part in name.split(separator)] for name in data.classes if separator in name}
        parts = [part for each in lists.values() for part in set(each)]
        others = {name for name in data.classes if name not in lists}
        known = [name for name, each in lists.items() if any(p in others or parts.count(p) > 1 for p in each)]
        if known and all(map(all, lists.values())):
            return (
                Finding(
                    LISTED,
                    "warning",
                    f"{len(known)} class {'name is a list' if len(known) == 1 else 'names are lists'} of others: "
                    f"{listed(known, NAMED)}",
                    remedy=_remedy(data, separator),
                    numbers={"separator": separator, "classes": known},
                ),
            )
    return ()


def _remedy(data: Dataset, separator: str) -> str:
    how = option("multilabel", separator)
    if data.kind != "multiclass":
        return f"if {separator!r} separates the names, say so ({how})"
    text = f"if an image may show several classes, read each by itself ({how})"
    return f"{text}; if it shows one of them, say so ({option('candidates', separator)})"
