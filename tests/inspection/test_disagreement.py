"""Images on which annotators disagree, the most evenly divided first."""

import numpy as np

from handful.data.votes import with_votes
from handful.inspection.findings import disagreement
from handful.inspection.image_statistics import StatisticsCollector
from handful.inspection.measurements import Measurements
from tests.support.datasets import squares


def measured(votes: list[list[float]]) -> Measurements:
    """Measurements of three images with these votes."""
    data = squares(1, masks=False)
    collector = StatisticsCollector()
    for sample in data.samples:
        collector.add(np.asarray(sample.image))
    data = with_votes(data, np.array(votes, dtype=np.float64), data.classes, where="votes")
    return Measurements(data, collector.result(), modes=("",) * 3, bytes=np.full(3, -1), captures=(None,) * 3)


def test_the_most_evenly_divided_come_first() -> None:
    given = measured([[9, 1, 0], [0, 4, 0], [2, 2, 2.1]])
    (found,) = disagreement.find(given)
    names = given.data.ids
    assert [where for (where,) in found.where] == [names[2], names[0]]
    assert "in 2 of 3 labelled images" in found.message
    assert found.numbers["notes"] == {names[2]: "red 34 %, blue 33 %, green 33 %", names[0]: "blue 90 %, green 10 %"}


def test_labels_against_most_votes_are_counted_and_agreement_is_no_finding() -> None:
    (found,) = disagreement.find(measured([[1, 9, 0], [0, 4, 0], [0, 0, 1]]))
    assert "the label of 1 is not what most named" in found.message
    assert disagreement.find(measured(np.eye(3).tolist())) == ()
