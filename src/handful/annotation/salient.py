"""Proposed masks of salient objects, from the annotation page: before anybody has drawn one, with their certainty."""

from typing import Any

from handful.annotation.files.annotations import AnnotationRecord
from handful.annotation.files.project import Project, annotated
from handful.annotation.files.proposals import write_proposals
from handful.annotation.training import Report, record_training_images
from handful.core.dataset import Mask
from handful.data.images import pixels
from handful.data.splits import training_split
from handful.errors import DataError
from handful.models.u2netp import U2NetP
from handful.parts.prepare.salient import THRESHOLD, intersect

STAGE = "salient"


def propose_salient(project: Project, record: AnnotationRecord, *, seed: int, report: Report) -> dict[str, Any]:
    """Propose what U2NetP and GrabCut both call object, for the images without a mask, as certain as the two agree.

    Args:
        project: the images.
        record: their annotations.
        seed: of GrabCut's color clusters.
        report: called with the progress, as {"stage": ..., "done": ..., "of": ...}.

    Returns:
        The number of proposals and of the round, as plain values.

    Raises:
        WeightsError: the network or onnxruntime is not installed.
    """
    network = U2NetP()
    data = training_split(annotated(project, record))
    todo = [s for s in data.samples if s.mask is None]
    record_training_images(project, record, data.select([]))
    masks: dict[str, Mask] = {}
    agreement: dict[str, float] = {}
    for number, sample in enumerate(todo, start=1):
        try:
            image = pixels(sample)
        except DataError:
            continue  # the page reports it when it opens this image
        mask, agreed = intersect(image, network.saliency(image), threshold=THRESHOLD, seed=seed)
        if mask.any() and not mask.all():
            masks[sample.id], agreement[sample.id] = mask, agreed
        report({"stage": STAGE, "done": number, "of": len(todo)})
    return {"proposals": len(masks), "round": write_proposals(project.folder, masks, agreement).round}
