"""What a run reads and what is doubtful in it, in sentences that are said before PyTorch is imported."""

from handful.core.dataset import Dataset
from handful.core.text import capitalize
from handful.data.listed_classes import listed_class_findings
from handful.data.splits import training_split
from handful.errors import DataError
from handful.inspection.measurements import Measurements
from handful.inspection.quick_check import quick_findings

MOST_DOUBTS = 3  # that are said; `handful inspect` shows all


def describe_data(data: Dataset) -> str:
    """What was read, in a sentence.

    Raises:
        DataError: no image that may be learned from has a label.
    """
    pool = training_split(data)
    counts = pool.counts
    labelled = int(counts.sum())
    if not labelled:
        raise DataError("no image has a label", where="the data", remedy="put images into folders named after classes.")
    spread = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    text = f"Found {labelled} images of {len(data.classes)} classes ({spread} of each)"
    parts = (
        (sum(not s.supervised for s in data.samples), "without a label"),
        (sum(s.candidates is not None for s in data.samples), "labelled with several candidates"),
        (sum(s.mask is not None for s in pool.samples), "with a mask"),
        (int(data.split("test").counts.sum()), "to test on"),
    )
    further = [f"{n} {what}" for n, what in parts if n]
    return text + (f"; {', '.join(further)}." if further else ".")


def describe_doubts(measurements: Measurements) -> tuple[str, ...]:
    """What class names and the images' statistics say against the data; copies are dealt with elsewhere."""
    quick = quick_findings(measurements.data, measurements.statistics)
    findings = (*listed_class_findings(measurements.data), *quick)
    shown = [f for f in findings if f.severity != "note" and "duplicate" not in f.kind]
    return tuple(f"{capitalize(f.message)}. To do: {f.remedy}." for f in shown[:MOST_DOUBTS])
