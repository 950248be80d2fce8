"""Unknown regions: scores, thresholds, and regions through prediction, pictures, export and saving."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.predict_table import predict_table
from handful.deployment.server.schemas import as_prediction
from handful.errors import RecipeError
from handful.models.classifier import Classifier
from handful.models.load_onnx import load_onnx
from handful.parts import registry
from handful.parts.posthoc.unknown_regions import pixel_uncertainty
from handful.recipes.checks import check
from handful.reports.explanations import explain_to
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES, context, recipe, squares

DATA = squares(2, seed=3)


def fake_fit(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
    return untrained("segmentation", seed=seed)


def given() -> Context:
    return replace(context("segmentation"), fit=fake_fit, task=Task(CLASSES, np.array([4, 4, 4])))


def applied(**options: object) -> Classifier:
    part = registry.build("posthoc", Part("unknown_regions", options), given())
    after = part((untrained("segmentation"),), squares())
    assert isinstance(after, Classifier)
    return after


def test_scores_of_a_pixel() -> None:
    pixels = torch.tensor([[[[2.0]], [[-1.0]], [[0.5]]]])
    alpha = [float(np.log1p(np.exp(v))) + 1 for v in (2.0, -1.0, 0.5)]
    likely = np.exp([2.0, -1.0, 0.5]) / np.exp([2.0, -1.0, 0.5]).sum()
    assert float(pixel_uncertainty(pixels, "evidential")) == pytest.approx(3 / sum(alpha))
    assert float(pixel_uncertainty(pixels, "max_probability")) == pytest.approx(1 - likely[0])
    assert float(pixel_uncertainty(pixels, "energy")) == pytest.approx(-np.log(np.exp([2.0, -1.0, 0.5]).sum()))


def test_the_threshold_is_what_this_share_of_held_out_pixels_reaches() -> None:
    after = applied(false_rejection=0.2, folds=2)
    outputs = list(untrained("segmentation", seed=0).outputs(squares().without_labels()))
    values = torch.cat([pixel_uncertainty(o.pixels, "evidential") for o in outputs if o.pixels is not None])
    assert after.wrapped_by("unknown_regions").threshold == pytest.approx(np.quantile(values.numpy(), 0.8), abs=1e-5)
    assert "cross-fitted" in after.card["calibration"]["unknown_threshold_from"]


def test_the_papers_threshold_is_of_each_image() -> None:
    after = applied(threshold="image")
    for output in after.outputs(DATA):
        assert output.unknown is not None
        assert output.uncertainty is not None
        for u, unknown in zip(output.uncertainty.numpy(), output.unknown.numpy(), strict=True):
            np.testing.assert_array_equal(unknown, u >= np.float32(u.mean() + 3 * max(u.std(), 1e-6)))


def test_regions_are_in_tables_pictures_explanations_exports_and_responses(tmp_path: Path) -> None:
    after = applied(false_rejection=0.9)
    regions = list(after.unknown_regions(DATA))
    assert max(r.max() for r in regions) >= 1
    predict_table(after, DATA, tmp_path / "p.csv", maps=tmp_path / "maps")
    assert "unknown_share" in (tmp_path / "p.csv").read_text().splitlines()[0]
    assert (tmp_path / "maps" / "legend.csv").read_text().splitlines()[-1] == "unknown region,#ff00ff"
    explain_to(after, DATA, tmp_path / "explained")
    assert Picture.open(tmp_path / "explained" / f"{DATA.samples[0].id}.png").width == 3 * 12 + 2 * 4
    assert "unknown" in export_onnx(after, tmp_path / "model.onnx")
    model = load_onnx(tmp_path / "model.onnx")
    assert model.finds_unknown
    ours, theirs = after.predict_all(DATA).unknown, model.predict_all(DATA).unknown
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(ours, theirs, atol=0.02)
    outputs = {name: value[0] for name, value in model.ask([np.asarray(DATA.samples[0].image)]).items()}
    response = as_prediction(model, outputs, with_map=True)
    assert response.unknown_share == pytest.approx(float(ours[0]), abs=0.02)
    assert response.unknown is not None
    assert response.unknown.startswith("data:image/png")


def test_the_embedding_that_a_loss_learned_is_kept_and_saved(tmp_path: Path) -> None:
    losses = 'stages.0.losses=[{name="pixel_evidential"},{name="pixel_discriminative"}]'
    plan = replace(
        recipe("segmentation", "steps=1", losses), posthoc=(Part("unknown_regions", {"threshold": "image"}),)
    )
    classifier = train(plan, squares(2), progress=False)
    output = next(classifier.outputs(DATA))
    assert output.maps is None
    assert output.pixel_embedding is not None
    assert output.pixel_embedding.shape[:2] == (6, 8)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    again = next(loaded.outputs(DATA)).pixel_embedding
    assert again is not None
    assert torch.equal(again, output.pixel_embedding)


def test_a_head_that_does_not_segment_is_refused() -> None:
    with pytest.raises(RecipeError, match="reads the scores of pixels, and head 'linear' does not segment"):
        check(replace(recipe("linear"), posthoc=(Part("unknown_regions"),)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": "entropy"}, "score"),
        ({"threshold": 0.5}, "threshold"),
        ({"false_rejection": 1.0}, "false_rejection must be between 0 and 1"),
        ({"folds": 1}, "folds must be a whole number from 2 up"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        registry.build("posthoc", Part("unknown_regions", options), given())
