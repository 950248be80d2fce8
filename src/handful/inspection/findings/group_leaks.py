"""Group leaks: images of one group that lie, or may come to lie, on both sides of a split."""

from collections import defaultdict

from handful.core.dataset import Sample
from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 2


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "group leak", "group guessed" and "group crossed" (copies in different groups)."""
    return (*_guessed(measurements), *_declared(measurements), *_crossed(measurements))


def _guessed(measurements: Measurements) -> tuple[Finding, ...]:
    inferred = measurements.inferred_groups
    if inferred is None:
        return ()
    members: dict[str, list[Sample]] = defaultdict(list)
    for sample, group in zip(measurements.data.samples, inferred.groups, strict=True):
        if group is not None:
            members[group].append(sample)
    spread = [group for group in members.values() if len({s.split or "train" for s in group}) > 1]
    tested = inferred.source != "times in EXIF"
    proof = f" and are more alike than others of their class (p {inferred.p:.3f})" if tested else ""
    numbers = {"groups": len(members), "source": inferred.source, "alike": inferred.alike, "p": inferred.p}
    if spread:
        return (
            Finding(
                "group leak",
                "error",
                f"{len(spread)} of {len(members)} guessed groups lie on both sides of the split; "
                f"their pictures share {inferred.source}{proof}",
                tuple(tuple(s.id for s in group) for group in spread),
                "if they are one patient, film or burst, move each to one side; "
                "`handful inspect --fix FILE.csv` writes a table with the guess as its column group",
                numbers,
            ),
        )
    return (
        Finding(
            "group guessed",
            "warning",
            f"pictures seem to come in {len(members)} groups: they share {inferred.source}{proof}",
            tuple(tuple(s.id for s in group) for group in members.values()),
            "if they are one patient, film or burst, keep them together: `handful inspect --fix groups.csv` writes a "
            "table with a column group, and `handful run groups.csv` never learns from one part of a group and tests "
            "on the other",
            numbers,
        ),
    )


def _declared(measurements: Measurements) -> tuple[Finding, ...]:
    sides: dict[str, list[Sample]] = defaultdict(list)
    for sample in measurements.data.samples:
        if sample.group is not None:
            sides[sample.group].append(sample)
    spread = {name: group for name, group in sides.items() if len({s.split or "train" for s in group}) > 1}
    if not spread:
        return ()
    return (
        Finding(
            "group leak",
            "error",
            f"{len(spread)} of {len(sides)} groups lie on both sides of the split",
            tuple(tuple(s.id for s in group) for group in spread.values()),
            "move each whole group to one side",
            {"groups": len(sides), "source": "the group column"},
        ),
    )


def _crossed(measurements: Measurements) -> tuple[Finding, ...]:
    samples = measurements.data.samples
    crossed = [
        copies
        for copies in measurements.copies
        if all(samples[i].group is not None for i in copies) and len({samples[i].group for i in copies}) > 1
    ]
    if not crossed:
        return ()
    return (
        Finding(
            "group crossed",
            "warning",
            "nearly the same picture is in several groups",
            tuple(tuple(samples[i].id for i in copies) for copies in crossed),
            "see whether these groups are one, and give them one name",
        ),
    )
