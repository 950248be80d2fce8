"""Proposed masks by matching, from the annotation page: no training, from the first mask on."""

from collections.abc import Callable
from typing import Any

from handful.annotation.files.annotations import AnnotationRecord
from handful.annotation.files.project import Project, annotated
from handful.annotation.files.proposals import write_proposals
from handful.annotation.training import drawn, record_training_images
from handful.core.dataset import Mask
from handful.data.images import pixels
from handful.data.splits import training_split
from handful.errors import TrainingError
from handful.parts.prepare.match_masks import Matcher, certainty

Report = Callable[[dict[str, Any]], None]
STAGE = "matching"


def match_and_propose(project: Project, record: AnnotationRecord, *, seed: int, report: Report) -> dict[str, Any]:
    """Match the images without a mask to those with a drawn one, and write proposals with how certain they are.

    Args:
        project: the images.
        record: their annotations.
        seed: as for `Matcher`.
        report: called with the progress, as {"stage": ..., "done": ..., "of": ...}.

    Returns:
        The number of masks, of proposals and of the round, as plain values.

    Raises:
        TrainingError: no image has a drawn mask.
        WeightsError: the network is not installed.
    """
    data = training_split(annotated(project, record))
    supports = drawn(data)
    if not len(supports):
        raise TrainingError("no image has a mask to match with", where="the masks", remedy="draw one.")
    todo = [s for s in data.samples if s.mask is None]
    report({"stage": STAGE, "done": 0, "of": len(todo)})
    record_training_images(project, record, supports)
    matcher = Matcher(supports.samples, seed=seed)
    masks: dict[str, Mask] = {}
    sure: dict[str, float] = {}
    for number, sample in enumerate(todo, start=1):
        image = pixels(sample)
        likely = matcher.likely(image)
        mask = matcher.mask(image, likely)
        if mask.any() and not mask.all():
            masks[sample.id], sure[sample.id] = mask, certainty(likely)
        report({"stage": STAGE, "done": number, "of": len(todo)})
    round_ = write_proposals(project.folder, masks, sure).round
    return {"masks": len(supports), "proposals": len(masks), "round": round_}
