"""The guard against leaks: what `Dataset.without_labels` removes, and that every prediction goes through it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import UInt8
from torch import Tensor

from handful.annotation.files.project import Project
from handful.annotation.training import propose
from handful.core.dataset import Dataset, Sample
from handful.core.pixel_range import PixelRange
from handful.core.recipe import Part, Recipe
from handful.data import in_memory
from handful.deployment.export.quantize import compare_predictions
from handful.deployment.predict_table import predict_table
from handful.errors import DataError
from handful.evaluation.job import TrainingJob, run
from handful.models import classifier as classifier_module
from handful.models import saliency as saliency_module
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.posthoc import _folds, ensemble
from handful.parts.prepare.propagate_masks import propagate
from handful.reports import gallery
from handful.reports.explanations import explain_to
from tests.support.classifiers import untrained
from tests.support.datasets import context, squares


def known_samples(per_class: int = 2) -> Dataset:
    """Samples of which everything is known: label, mask, its source, group, split and range."""
    data = squares(per_class, split="test")
    target = np.array([1, 0, np.nan], dtype=np.float32)
    known = (
        replace(
            s,
            group=f"patient {i}",
            bag=f"bag {i}",
            text="words",
            pixel_range=PixelRange(0, 255),
            target=target,
            known=np.ones((12, 12), dtype=bool),
            probabilities=np.array([0.5, 0.3, 0.2], dtype=np.float32),
            candidates=np.array([True, True, False]),
            mask_labels=np.ones((12, 12), dtype=np.int16),
        )
        for i, s in enumerate(data.samples)
    )
    return replace(data, samples=tuple(known))


def is_image_alone(sample: Sample) -> bool:
    values = (sample.label, sample.target, sample.mask, sample.mask_source, sample.group, sample.known, sample.text)
    return all(value is None for value in (*values, sample.probabilities, sample.candidates, sample.mask_labels))


def segmenter(*_: object, **__: object) -> Classifier:
    return untrained("segmentation")


def test_labels_masks_their_sources_and_groups_are_removed() -> None:
    data = known_samples()
    assert not any(value is None for s in data.samples for value in vars(s).values())
    images = data.without_labels()
    for before, after in zip(data.samples, images.samples, strict=True):
        assert is_image_alone(after)
        assert (after.id, after.split, after.pixel_range, after.bag) == (
            before.id,
            before.split,
            before.pixel_range,
            before.bag,
        )
        assert after.image is before.image
    assert images.classes == data.classes
    assert (data.labels >= 0).all(), "the data itself is left as it is"


def test_a_new_field_of_a_sample_is_either_kept_or_removed_on_purpose() -> None:
    kept, removed = (
        {"id", "image", "split", "pixel_range", "bag"},
        {"label", "target", "group", "probabilities", "candidates", "weight", "text"}
        | {"mask", "mask_source", "known", "mask_labels"},
    )
    assert set(Sample.__dataclass_fields__) == kept | removed


def _job(data: Dataset, _: Path) -> None:
    every = list(range(len(data)))
    run(TrainingJob(0, context().recipe, 0, None, None, every, every), data, device="cpu", trainer=segmenter)


def _pseudo_label(data: Dataset, _: Path) -> None:
    def fit(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
        return segmenter()

    half = replace(data, samples=tuple(replace(s, label=s.label or None) for s in data.samples))
    registry.build("prepare", Part("pseudo_label", {"recipe": "multitask-wrn"}), replace(context(), fit=fit))(half)


def _cross_fitted(data: Dataset, _: Path) -> None:
    data = replace(data, samples=tuple(replace(s, split="train") for s in data.samples))
    ensemble.cross_fitted_weights([(context().recipe, 0)], data, segmenter, folds=2, grid=(1.0,), seed=0)


def _propose(data: Dataset, folder: Path) -> None:
    data = replace(data, samples=tuple(replace(s, mask=None, mask_source=None) for s in data.samples))
    propose(Project(folder, folder, data), data, segmenter(), lambda _: None)


PREDICTIONS: dict[str, Callable[[Dataset, Path], Any]] = {
    "evaluation": _job,
    "calibration folds": lambda data, _: _folds.logits_and_features(segmenter(), data),
    "ensemble weights": _cross_fitted,
    "pseudo labels": _pseudo_label,
    "mask propagation": lambda data, _: propagate(data, segmenter(), keep=()),
    "mask proposals": _propose,
    "example pictures": lambda data, _: gallery.show_examples(data, segmenter()),
    "explanations": lambda data, folder: explain_to(segmenter(), data, folder / "maps"),
    "prediction tables": lambda data, folder: predict_table(segmenter(), data, folder / "p.csv", maps=folder / "maps"),
    "quantization": lambda data, _: compare_predictions(segmenter(), segmenter(), data, held_out=True),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_a_model_that_predicts_sees_images_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sample] = []

    def spy(samples: tuple[Sample, ...], **options: Any) -> Iterator[UInt8[Tensor, "n 3 h w"]]:
        seen.extend(samples)
        return in_memory.chunks(samples, **options)

    monkeypatch.setattr(classifier_module, "chunks", spy)
    monkeypatch.setattr(saliency_module, "chunks", spy)
    PREDICTIONS[name](known_samples(), tmp_path)
    assert seen, "the model predicts"
    assert all(is_image_alone(s) for s in seen)


def test_a_run_learns_from_unlabelled_images_alone() -> None:
    data, seen = known_samples(), list[Sample]()

    def trainer(recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        seen.extend(data.samples)
        return segmenter()

    run(TrainingJob(0, context().recipe, 0, None, None, [0, 2, 4], [0], [1, 3, 5]), data, device="cpu", trainer=trainer)
    assert [s.label for s in seen] == [0, 1, 2, None, None, None]
    assert all(is_image_alone(s) for s in seen[3:])


def test_a_mask_of_booleans_selects_where_it_is_true() -> None:
    data = Dataset(tuple(Sample(str(i), np.zeros((3, 2, 2), np.uint8)) for i in range(4)), ())
    for mask in (np.array([False, True, False, True]), [False, True, False, True]):
        assert data.select(mask).ids == ("1", "3")
    assert data.select(np.array([3, 0])).ids == ("3", "0")
    assert data.select(range(2)).ids == ("0", "1")
    assert data.select(()).ids == ()


@pytest.mark.parametrize(
    "indices", [[True, False], np.array([0.5, 1.0]), np.array(["0"]), np.array([[0, 1]]), np.array(True)]
)
def test_what_is_neither_positions_nor_a_mask_is_refused(indices: Any) -> None:
    data = Dataset(tuple(Sample(str(i), np.zeros((3, 2, 2), np.uint8)) for i in range(4)), ())
    with pytest.raises(DataError, match="for 4 samples"):
        data.select(indices)


def test_data_sets_and_samples_are_shown_in_a_line() -> None:
    pixels = np.zeros((3, 16, 20), np.uint8)
    samples = tuple(Sample(f"{i}.png", pixels, label=i % 2) for i in range(80))
    assert repr(Dataset(samples, ("ant", "bee"))) == "Dataset(80 images, 2 classes, 16x20)"
    mixed = (replace(samples[0], mask=np.ones((16, 20), bool), group="g"), Sample("b.png", Path("b.png")))
    assert repr(Dataset(mixed, ("ant",))) == "Dataset(2 images, 1 class, 1 without a label, 1 with a mask)"
    assert [repr(s) for s in mixed] == ["Sample('0.png', label=0, group='g', mask, 16x20)", "Sample('b.png')"]
