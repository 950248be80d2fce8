"""Proposed masks by matching, from the annotation page: no training, from the first mask on."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from handful.annotation.cell_vectors import CellVectors, QuickAttention
from handful.annotation.files.annotations import AnnotationRecord
from handful.annotation.files.project import Project, annotated
from handful.annotation.files.proposals import read_proposals, write_proposals
from handful.annotation.training import Report, drawn, record_training_images
from handful.core.dataset import Dataset, Mask, Sample
from handful.data.images import pixels
from handful.data.splits import training_split
from handful.errors import DataError, TrainingError
from handful.models.frozen_maps import FrozenMaps
from handful.parts.prepare._matching import Support
from handful.parts.prepare._propagation import completed
from handful.parts.prepare.match_masks import Matcher, certainty, is_thin

STAGE = "matching"
MOST_KEYS = 512  # cells that are compared with at once, more for each further mask
MOST_KEYS_IN_ALL = 2048
AHEAD = 32  # images that are matched before all others, so that the page has something to show


def match_and_propose(
    project: Project, record: AnnotationRecord, *, seed: int, report: Report, vectors: CellVectors | None = None
) -> dict[str, Any]:
    """Match the images without a mask to those with a drawn one, and write proposals with how certain they are.

    Points, scribbles and boxes on an image without a mask are a partial mask.

    Args:
        project: the images.
        record: their annotations.
        seed: as for `Matcher`.
        report: called with the progress, as {"stage": ..., "done": ..., "of": ...}.
        vectors: of images; those that are there are matched at once, to be refined when they are looked at. Objects
            that are thinner than a cell are matched as without.

    Returns:
        The number of masks, of proposals and of the round, as plain values.

    Raises:
        TrainingError: no image has a drawn mask.
        WeightsError: the network is not installed.
    """
    data = training_split(annotated(project, record, marks=True))
    supports = drawn(data)
    if not len(supports):
        raise TrainingError("no image has a mask to match with", where="the masks", remedy="draw one.")
    todo = [s for s in data.samples if s.mask is None or s.known is not None]
    report({"stage": STAGE, "done": 0, "of": len(todo)})
    record_training_images(project, record, supports)
    coarse: dict[str, UInt8[np.ndarray, "h w"]] = {}
    sure: dict[str, float] = {}
    if vectors is not None and _is_coarse(supports, vectors):
        coarse, sure = match_quickly(supports, [s for s in todo if s.mask is None and s.id in vectors], vectors, seed)
        todo = [s for s in todo if s.mask is not None or s.id not in vectors]
    masks: dict[str, Mask] = {}
    matcher = Matcher(supports.samples, seed=seed, maps=None if vectors is None else vectors.maps) if todo else None
    for number, sample in enumerate(todo, start=1):
        assert matcher is not None
        image = pixels(sample)
        likely = matcher.likely(image)
        mask = completed(sample, matcher.mask(image, likely))
        if mask.any() and not mask.all():
            masks[sample.id], sure[sample.id] = mask, certainty(likely)
        report({"stage": STAGE, "done": number, "of": len(todo)})
    round_ = write_proposals(project.folder, masks, sure, coarse=coarse, edges="grabcut").round
    return {"masks": len(supports), "proposals": len(sure), "round": round_}


def _is_coarse(supports: Dataset, vectors: CellVectors) -> bool:
    """Whether the drawn masks can be matched at once: some is whole, and the objects are not thinner than a cell."""
    has_whole = any(s.known is None for s in supports.samples)
    return has_whole and all(s.id in vectors for s in supports.samples) and not is_thin(supports.samples, vectors.maps)


def match_quickly(
    supports: Dataset, todo: list[Sample], vectors: CellVectors, seed: int
) -> tuple[dict[str, UInt8[np.ndarray, "h w"]], dict[str, float]]:
    """Probabilities of the object times 255 in the cells of each image, where there is some, and how certain."""
    coarse, sure = {}, {}
    with torch.inference_mode():
        given = [Support(vectors[s.id], s.mask, s.known) for s in supports.samples if s.mask is not None]
        most = min(MOST_KEYS * len(given), MOST_KEYS_IN_ALL)
        attention = QuickAttention(given, np.random.default_rng(seed), most=most)
        for sample in todo:
            likely = attention(vectors[sample.id]).numpy()
            if 0 < (likely > 0.5).sum() < likely.size:
                coarse[sample.id] = np.rint(likely * 255).astype(np.uint8)
                sure[sample.id] = certainty(likely)
    return coarse, sure


def match_ahead(
    project: Project, record: AnnotationRecord, vectors: CellVectors, *, first: str | None, seed: int
) -> bool:
    """Match the image that the page shows and a few more, before all are matched. Proposals of before stay.

    Args:
        project: the images.
        record: their annotations.
        vectors: of images; those of the masked images and of the first are added where they are not there yet.
        first: the id of the image that the page shows.
        seed: as for `match_and_propose`.

    Returns:
        Whether there are proposals: objects thinner than a cell, and proposals by a model, wait for the whole match.
    """
    data = training_split(annotated(project, record, marks=True))
    supports = drawn(data)
    todo = [s for s in data.samples if s.mask is None]
    if len(todo) <= AHEAD and all(s.id in vectors for s in todo):
        return False  # all are as soon matched
    for sample in (*supports.samples, *(s for s in todo if s.id == first)):
        if sample.id not in vectors:
            vectors.add(sample.id, pixels(sample), ahead=True)
    before = read_proposals(project.folder)
    if not _is_coarse(supports, vectors) or not before.certainty.keys() <= before.coarse.keys():
        return False
    some = sorted((s for s in todo if s.id in vectors), key=lambda s: s.id != first)[:AHEAD]
    coarse, sure = match_quickly(supports, some, vectors, seed)
    if not coarse:
        return False
    record_training_images(project, record, supports)
    matched = {s.id for s in some}
    missing = [s.id for s in todo if s.id in before.coarse and s.id not in matched]
    coarse |= {name: before.coarse[name] for name in missing}
    sure |= {name: before.certainty[name] for name in missing}
    write_proposals(project.folder, {}, sure, coarse=coarse, edges="grabcut")
    return True


def compute_vectors(
    project: Project, report: Report, *, between: Callable[[CellVectors], None] = lambda _: None
) -> CellVectors:
    """The vectors of the cells of all images that may get a mask; those that cannot be read are left out.

    Args:
        project: the images.
        report: called with the progress.
        between: called with the vectors so far before each image.

    Raises:
        WeightsError: the network is not installed.
    """
    vectors = CellVectors(FrozenMaps())
    samples = training_split(project.data).samples
    for number, sample in enumerate(samples, start=1):
        between(vectors)
        with suppress(DataError):  # the page reports it when it opens this image
            vectors.add(sample.id, pixels(sample))
        report({"stage": "vectors", "done": number, "of": len(samples)})
    vectors.choose_axes()
    return vectors
