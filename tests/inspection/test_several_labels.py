"""Inspections of images with several labels: missed and doubtful labels, and classes that cannot be told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.data.listed_classes import listed_class_findings
from handful.inspection.findings import label_errors, several_labels
from handful.inspection.image_statistics import StatisticsCollector
from handful.inspection.inspection import Inspection
from handful.inspection.measurements import Measurements
from handful.inspection.measures import examples
from handful.inspection.page import write_inspection
from handful.inspection.summary import as_values, class_rows, describe_limits, doubtful_labels
from tests.inspection.smooth_images import smooth_image

CLASSES = ("cat", "dog", "emu")


def measured(targets: np.ndarray, given: np.ndarray | None = None) -> Measurements:
    """Measurements of images labelled with `given`, whose features show `targets`."""
    labels = targets if given is None else given
    samples = tuple(
        Sample(f"{i:03d}.png", smooth_image(i), target=row.astype(np.float32)) for i, row in enumerate(labels)
    )
    collector = StatisticsCollector()
    for sample in samples:
        collector.add(np.asarray(sample.image))
    features = np.random.default_rng(0).normal(size=(len(labels), 8))
    features[:, : targets.shape[1]] += 6 * np.nan_to_num(targets)
    n = len(samples)
    return Measurements(
        Dataset(samples, CLASSES, kind="multilabel"),
        collector.result(),
        modes=("",) * n,
        bytes=np.full(n, -1),
        captures=(None,) * n,
        features=features,
    )


def shown(n: int = 80, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, 3)) < 0.4).astype(float)


def kinds(measurements: Measurements) -> dict[str, object]:
    return {f.kind: f for f in several_labels.find(measurements)}


def test_forgotten_labels_are_listed_the_surest_first_and_added_ones_too() -> None:
    targets = shown()
    given = targets.copy()
    forgotten = [(int(i), int(c)) for i, c in np.argwhere(targets == 1)[:40:10]]
    added = [(int(i), int(c)) for i, c in np.argwhere(targets == 0)[5:40:15]]
    for i, c in forgotten:
        given[i, c] = 0
    for i, c in added:
        given[i, c] = 1
    findings = several_labels.find(measured(targets, given))
    (missed,) = (f for f in findings if f.kind == "missed labels")
    (false,) = (f for f in findings if f.kind == "doubtful labels")
    named = missed.numbers["entries"]
    assert isinstance(named, dict)
    assert {(int(i[:3]), CLASSES.index(name)) for i, row in named.items() for name in row} >= set(forgotten)
    assert len(missed.where) <= len(forgotten) + 2
    values = [max(row.values()) for row in named.values()]
    assert values == sorted(values, reverse=True)
    wrong = {f"{i:03d}.png" for i, _ in added}
    assert len(wrong & set(false.ids)) >= len(wrong) - 1
    assert not label_errors.find(measured(targets, given))


def test_unknown_entries_are_not_suspects() -> None:
    targets = shown()
    given = np.where(np.random.default_rng(2).random(targets.shape) < 0.3, np.nan, targets)
    assert "missed labels" not in kinds(measured(targets, given))


def test_classes_that_are_never_absent_or_always_together_are_named() -> None:
    targets = shown()
    targets[:, 1] = targets[:, 0]
    targets[:, 2] = np.where(targets[:, 2] == 1, 1, np.nan)
    found = kinds(measured(targets))
    assert {"never absent", "always together"} <= set(found)
    assert "emu" in found["never absent"].what  # type: ignore[attr-defined]
    assert "cat and dog" in found["always together"].what  # type: ignore[attr-defined]
    assert not set(kinds(measured(shown()))) & {"never absent", "always together"}


def test_class_names_that_are_lists_of_others_are_noted() -> None:
    images = tuple(Sample(f"{i}.png", smooth_image(i), i % 3) for i in range(6))
    listed = Dataset(images, ("dent", "dent|scratch", "scratch"))
    (finding,) = listed_class_findings(listed)
    assert finding.numbers["separator"] == "|"
    assert "multilabel" in finding.remedy
    assert "candidates" in finding.remedy
    assert not listed_class_findings(replace(listed, classes=("AC/DC", "b", "c")))
    assert not listed_class_findings(replace(listed, classes=("a", "b", "c")))


def test_a_separator_that_the_names_do_not_have_is_noted() -> None:
    names = ("dent", "dent; scratch", "scratch")
    read_wrongly = replace(measured(shown()), data=replace(measured(shown()).data, classes=names))
    found = {f.kind: f for f in several_labels.find(read_wrongly)}["looks like several labels"]
    assert found.numbers == {"separator": ";", "classes": ["dent; scratch"]}
    assert "';' separates the names" in found.remedy


def test_the_page_and_the_values_have_absent_and_unknown_entries(tmp_path: Path) -> None:
    targets = shown()
    given = targets.copy()
    i, c = (int(v) for v in np.argwhere(targets == 1)[0])
    given[i, c] = 0
    given[5, 1] = np.nan
    measurements = measured(targets, given)
    inspection = Inspection(
        measurements, several_labels.find(measurements), (), None, None, None, examples.measure(measurements)
    )
    row = class_rows(inspection)[1]
    assert (row.train, row.absent, row.unknown) == (  # type: ignore[attr-defined]
        int((given[:, 1] == 1).sum()),
        int((given[:, 1] == 0).sum()),
        1,
    )
    assert as_values(inspection)["classes"]["dog"]["unknown"] == 1
    assert f"may show {CLASSES[c]}" in doubtful_labels(inspection)[f"{i:03d}.png"]
    assert "mean AP" in " ".join(describe_limits(inspection))
    page = write_inspection(inspection, tmp_path / "i.html", name="x").read_text(encoding="utf-8")
    assert f"may show {CLASSES[c]}" in page
    assert ">unknown</th>" in page
    shows = {name: set(e.representative) | set(e.unusual) for e in inspection.examples for name in [e.name]}
    assert all(given[int(name[:3]), CLASSES.index(k)] == 1 for k, names in shows.items() for name in names)
