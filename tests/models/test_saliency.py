import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image as Picture
from scipy.stats import spearmanr

from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.errors import HandfulWarning, ModelError, OutputError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.models.network import Network
from handful.models.saliency import class_saliency, pointing, rank_correlation, saliency, share_inside, shuffled
from handful.parts import registry
from handful.parts.posthoc.class_means import over_means
from handful.parts.posthoc.thresholds import wrap as thresholded
from handful.parts.posthoc.tta import over_views
from handful.recipes.load import load_recipe
from handful.reports.explanations import TABLE, explain_to, overlay_heatmap
from handful.training.train import train
from tests.support.classifiers import mean_colour, untrained
from tests.support.datasets import CLASSES, context, recipe, several_squares, squares


def pooled(head: str = "linear") -> Classifier:
    """A plain pool-linear network: its class activation maps are known in closed form."""
    plan = replace(recipe("linear"), head=Part(head, {"norm": "none"}))
    given = replace(context("linear"), recipe=plan)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = registry.build_network(plan, given).eval().requires_grad_(False)
    return Classifier(plan, CLASSES, given.labels, network, (12, 12), np.array([1, 1, 1]))


def test_grad_cam_of_a_pooled_linear_layer_is_its_class_activation_map() -> None:
    classifier, data = pooled(), squares(2)
    network = classifier.network
    assert isinstance(network, Network)
    found = list(saliency(classifier, data))
    for one, sample in zip(found, data.samples, strict=True):
        image = torch.from_numpy(np.asarray(sample.image)).float()[None] / 255
        maps = network.feature_maps(image)
        weights = network.head.linear.weight[one.predicted]  # type: ignore[union-attr, index]
        cam = (maps * weights[None, :, None, None]).sum(dim=1, keepdim=True).relu()
        wanted = F.interpolate(cam, (12, 12), mode="bilinear")[0, 0].numpy()
        np.testing.assert_allclose(one.map, wanted / max(wanted.max(), 1e-12), atol=1e-4)
    assert [one.predicted for one in found] == classifier.predict(data).tolist()


def test_a_head_that_segments_shows_its_own_maps() -> None:
    classifier, data = untrained("segmentation"), squares(2)
    for one, own in zip(saliency(classifier, data), classifier.maps(data), strict=True):
        np.testing.assert_allclose(one.map, own[one.predicted + 1] / own[one.predicted + 1].max(), atol=1e-5)


def test_the_heat_of_large_scores_is_no_constant_map() -> None:
    classifier, data = pooled("heat_map"), squares(2)
    with torch.no_grad():
        classifier.network.get_parameter("head.linear.bias")[1] += 1e3
    assert all(np.all(own[2] == 1) for own in classifier.maps(data))
    for one, own in zip(saliency(classifier, data), classifier.log_maps(data), strict=True):
        heat = own[one.predicted + 1] - own[0]
        np.testing.assert_allclose(one.map, (heat - heat.min()) / np.ptp(heat), atol=1e-5)
        assert not one.constant


def test_maps_go_through_a_wrapped_network() -> None:
    data = squares(2)
    found = list(saliency(over_means(pooled(), data), data))
    assert len(found) == 6
    assert max(float(one.map.max()) for one in found) == pytest.approx(1)
    assert list(saliency(pooled(), Dataset((), CLASSES))) == []


def test_maps_that_are_not_finite_do_not_leave_the_program(tmp_path: Path) -> None:
    classifier, data = pooled(), squares(1)
    with torch.no_grad():
        classifier.network.get_parameter("head.linear.weight")[0, 0] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        list(saliency(classifier, data))
    with pytest.raises(ModelError, match="not finite"):
        explain_to(classifier, data, tmp_path / "maps")
    assert not (tmp_path / "maps").exists()


def test_a_constant_map_is_zero_and_said(tmp_path: Path) -> None:
    data = squares(1).select([0, 1])
    classifier = train(load_recipe("logistic-pixels"), squares(2), device="cpu", progress=False)  # one vector per image
    assert all(one.constant for one in saliency(classifier, data))
    with pytest.warns(HandfulWarning, match="2 of 2 saliency maps are constant"):
        checks = explain_to(classifier, data, tmp_path / "maps")
    assert (checks.constant, checks.similar) == (2, 0)
    assert not any(one.constant for one in saliency(pooled(), data))


def test_models_without_one_map_are_refused() -> None:
    for classifier in (over_views(pooled()), join([pooled(), pooled()]), mean_colour()):
        with pytest.raises(ModelError, match="no single map determines"):
            list(saliency(classifier, squares(1)))


def test_shuffled_weights_keep_their_values_and_no_order() -> None:
    classifier = untrained("linear")
    other = shuffled(classifier, seed=1)
    for (name, a), b in zip(classifier.network.state_dict().items(), other.network.state_dict().values(), strict=True):
        np.testing.assert_array_equal(np.sort(a.numpy(), axis=None), np.sort(b.numpy(), axis=None), err_msg=name)
    assert not np.allclose(classifier.probabilities(squares(1)), other.probabilities(squares(1)))


def test_checks_by_hand() -> None:
    map_ = np.array([[0.0, 1.0], [0.5, 0.5]])
    mask = np.array([[False, True], [False, False]])
    assert pointing(map_, mask)
    assert not pointing(map_, ~mask)
    assert share_inside(map_, mask) == pytest.approx(0.5)
    assert share_inside(np.zeros((2, 2)), mask) == 0
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 5)).round(1), rng.random((5, 5))
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert rank_correlation(a, a) == pytest.approx(1)
    assert rank_correlation(np.zeros((5, 5)), b) == 0


def test_pictures_a_table_and_the_checks(tmp_path: Path) -> None:
    data = squares(2, size=17)
    seen: list[int] = []
    checks = explain_to(untrained("segmentation"), data, tmp_path / "maps", advance=seen.append)
    assert sum(seen) == 6
    with Picture.open(tmp_path / "maps" / f"{data.samples[0].id}.png") as picture:
        assert picture.size == (12 + 4 + 12, 12)
    rows = list(csv.DictReader((tmp_path / "maps" / TABLE).open()))
    assert [row["id"] for row in rows] == list(data.ids)
    assert {row["pointed"] for row in rows} <= {"True", "False"}
    assert checks.masked == checks.images == checks.compared == 6
    assert checks.pointed == np.mean([row["pointed"] == "True" for row in rows])
    assert checks.chance == pytest.approx(np.mean([float(row["mask_share"]) for row in rows]), abs=1e-4)
    assert -1 <= checks.similar <= 1
    with pytest.raises(OutputError, match="overwrite=True"):
        explain_to(untrained("segmentation"), data, tmp_path / "maps")
    bare = squares(1, masks=False)
    again = explain_to(untrained("linear"), bare, tmp_path / "maps", overwrite=True)
    assert (again.masked, again.pointed, again.images) == (0, None, 3)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("keep me")
    with pytest.raises(OutputError, match="holds other files"):
        explain_to(untrained("linear"), bare, tmp_path / "mine", overwrite=True)


def test_heat_is_stronger_where_the_map_is() -> None:
    image = np.full((3, 4, 4), 128, dtype=np.uint8)
    map_ = np.zeros((4, 4))
    map_[0, 0] = 1
    painted = overlay_heatmap(image, map_).astype(int)
    assert np.ptp(painted[:, 0, 0]) > np.ptp(painted[:, 3, 3])


def test_each_class_that_a_multilabel_model_names_has_its_class_activation_map(tmp_path: Path) -> None:
    data, classifier = several_squares(6), replace(pooled(), kind="multilabel")
    p = classifier.probabilities(data)
    limits = [float(np.sort(column)[2]) for column in p.T]  # four of the six images show each class
    classifier = replace(classifier, network=thresholded(classifier.network, thresholds=limits).eval())
    network = pooled().network
    assert isinstance(network, Network)
    named = p >= np.array(limits, dtype=np.float32)
    found = list(class_saliency(classifier, data))
    for maps, row, probabilities, sample in zip(found, named, p, data.samples, strict=True):
        wanted = sorted(map(int, np.flatnonzero(row)), key=lambda c: -probabilities[c]) or [int(probabilities.argmax())]
        assert [one.predicted for one in maps] == wanted
        image = torch.from_numpy(np.asarray(sample.image)).float()[None] / 255
        for one in maps:
            weights = network.head.linear.weight[one.predicted]  # type: ignore[union-attr, index]
            cam = (network.feature_maps(image) * weights[None, :, None, None]).sum(dim=1, keepdim=True).relu()
            own = F.interpolate(cam, (12, 12), mode="bilinear")[0, 0].numpy()
            np.testing.assert_allclose(one.map, own / max(own.max(), 1e-12), atol=1e-4)
            assert one.probability == pytest.approx(probabilities[one.predicted], abs=1e-5)
    assert [len(maps) for maps in class_saliency(classifier, data, most=1)] == [1] * 6

    checks = explain_to(classifier, data, tmp_path / "maps")
    assert checks.images == 6
    with (tmp_path / "maps" / TABLE).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, found))
    truth = data.targets()[list(data.ids).index(rows[0]["id"]), CLASSES.index(rows[0]["prediction"])]
    assert rows[0]["label"] == ("present" if truth else "absent")
    width = Picture.open(tmp_path / "maps" / f"{data.samples[0].id}.png").width
    assert width == 12 + 16 * len(found[0])
