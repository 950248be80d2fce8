from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from handful.core.dataset import Dataset
from handful.inspection.exif import CaptureInfo
from handful.inspection.findings import group_leaks
from handful.inspection.group_inference import infer_groups
from handful.inspection.measurements import Measurements
from tests.inspection.smooth_images import measure, smooth_dataset


def _patients(*, alike: float) -> Measurements:
    """Names cat/p03_1.png; pictures of a patient share a direction in their features."""
    data = smooth_dataset(16)
    rng = np.random.default_rng(0)
    own = rng.normal(size=(len(data) // 4, 16)) * alike
    samples = [replace(s, id=f"{s.id[:4]}p{i // 4:02d}_{i % 4}.png") for i, s in enumerate(data.samples)]
    features = (own[np.arange(len(data)) // 4] + rng.normal(size=(len(data), 16))).astype(np.float32)
    return Measurements(replace(data, samples=tuple(samples)), measure(data).statistics, features=features)


def test_a_patient_in_the_names_is_guessed_where_pictures_agree() -> None:
    (found,) = group_leaks.find(_patients(alike=2.0))
    assert (found.kind, len(found.where), {len(w) for w in found.where}) == ("group guessed", 12, {4})
    assert "column group" in found.remedy
    assert group_leaks.find(_patients(alike=0.0)) == ()


def test_a_guessed_group_on_both_sides_is_an_error() -> None:
    known = _patients(alike=2.0)
    samples = [replace(s, split="test" if s.id.endswith("_3.png") else "train") for s in known.data.samples[:8]]
    rest = [replace(s, split="train") for s in known.data.samples[8:]]
    data = Dataset((*samples, *rest), known.data.classes)
    (found,) = group_leaks.find(Measurements(data, known.statistics, features=known.features))
    assert (found.kind, found.severity, len(found.where)) == ("group leak", "error", 2)


def test_given_groups_are_not_guessed_but_checked() -> None:
    known = _patients(alike=2.0)
    samples = tuple(
        replace(s, group=s.id[:7], split="test" if i in (0, 4) else "train") for i, s in enumerate(known.data.samples)
    )
    data = replace(known.data, samples=samples)
    (found,) = group_leaks.find(Measurements(data, known.statistics, features=known.features))
    assert (found.kind, len(found.where), found.numbers["source"]) == ("group leak", 2, "the group column")


def test_bursts_of_one_camera_are_groups() -> None:
    start = datetime(2020, 1, 1)
    times = [0, 2, 4, 600, 601, 5000, 5001, 5002]
    shots = [CaptureInfo("a", start + timedelta(seconds=t)) for t in times]
    shots[4] = CaptureInfo("b", shots[4].taken)
    guess = infer_groups([str(i) for i in range(8)], np.zeros(8, np.int64), None, shots)
    assert guess is not None
    first, last = "burst-0000", "burst-0001"
    assert guess.groups == (first, first, first, None, None, last, last, last)
    assert infer_groups(["0", "1"], np.zeros(2, np.int64), None, [None, None]) is None
