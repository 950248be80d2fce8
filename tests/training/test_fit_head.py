from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError
from handful.models.network import Network
from handful.parts import registry
from handful.recipes.checks import check
from handful.recipes.load import from_toml
from handful.saving.classifier import load_classifier, save_classifier
from handful.training import fit_head as fit_head_module
from handful.training.train import train
from tests.support.datasets import recipe, squares

NAMES = ("conse", "pseudo_labels_names", "similarity")  # need a backbone that knows words: see their own tests
FITTED = tuple(
    name
    for name in registry.names("heads")
    if registry.has_trait("heads", Part(name), "fitted")
    and not registry.has_trait("heads", Part(name), "needs_bag")  # fit bags alone: tests/parts/heads/test_bags.py
    and not registry.has_trait("heads", Part(name), "needs_multilabel")
    and name not in NAMES
)
PLAN = """
image_size = [16, 16]
precision = "fp32"
[backbone]
name = "wide_resnet"
depth = 10
width = 1
[head]
name = "nearest_centroid"
"""


def plan(*overrides: str, head: str = "nearest_centroid") -> Recipe:
    return from_toml(PLAN.replace("nearest_centroid", head), where="fitted", overrides=overrides)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """The feature cache switched on in a folder of its own; how many images each pass of the backbone took."""
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path / "cache"))
    seen: list[int] = []
    normalise = Network._normalise

    def counted(self: Network, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return normalise(self, images)

    monkeypatch.setattr(Network, "_normalise", counted)
    return seen


@pytest.mark.parametrize("head", FITTED)
def test_a_fitted_classifier_learns_and_is_saved_whole(head: str, tmp_path: Path) -> None:
    data = squares(6)
    classifier = train(plan("backbone={name='pixels'}", head=head), data, progress=False)
    held_out = squares(6, seed=1)
    probabilities = classifier.probabilities(held_out)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == held_out.labels).mean() > 0.9
    assert classifier.card["steps"] == 0
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(held_out), probabilities)


@pytest.mark.parametrize("head", FITTED)
def test_one_image_of_each_class_and_two_classes_do(head: str) -> None:
    data = squares(1)
    two = Dataset(data.samples[:2], ("blue", "green"))
    for part in (data, two):
        classifier = train(plan("backbone={name='pixels',size=4}", head=head), part, progress=False)
        assert (classifier.predict(part) == part.labels).all()


def test_the_backbone_stays_as_it_was_and_seeds_repeat() -> None:
    first, again = (train(plan("cache_views=2", "augment=['flip']"), squares(), progress=False) for _ in range(2))
    states = [c.network.state_dict() for c in (first, again)]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    norms = [m for m in first.network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert all(int(m.num_batches_tracked or 0) == 0 for m in norms)


def test_views_are_added_to_the_plain_image(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[torch.Tensor] = []
    head = registry.part_module("heads", "nearest_centroid").NearestCentroid
    fit = head.fit

    def noted(self: nn.Module, features: torch.Tensor, labels: torch.Tensor, *, seed: int) -> None:
        shapes.append(features)
        fit(self, features, labels, seed=seed)

    monkeypatch.setattr(head, "fit", noted)
    for views, augment in ((0, "[]"), (2, "['noise']")):
        train(plan(f"cache_views={views}", f"augment={augment}"), squares(2), progress=False)
    assert [tuple(x.shape[:2]) for x in shapes] == [(6, 1), (6, 3)]
    torch.testing.assert_close(shapes[1][:, 0], shapes[0][:, 0])
    assert not torch.equal(shapes[1][:, 1], shapes[1][:, 2])


def test_each_image_passes_the_backbone_once(passes: list[int], tmp_path: Path) -> None:
    data, test = squares(), squares(5, seed=1)
    classifier = train(plan(), data, progress=False)
    found = classifier.probabilities(test)
    assert sum(passes) == len(data) + len(test)
    other = train(plan(head="ridge"), data, progress=False)
    other.probabilities(test)
    np.testing.assert_array_equal(train(plan(), data, progress=False).probabilities(test), found)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(test), found)
    assert sum(passes) == len(data) + len(test)


@pytest.mark.parametrize("changed", ["weights in place", "other weights", "size", "pixels", "precision", "options"])
def test_nothing_stale_is_used(passes: list[int], changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, test = squares(2), squares(2, seed=1)
    classifier = train(plan(), data, progress=False)
    classifier.probabilities(test)
    before = sum(passes)
    if changed == "weights in place":
        with torch.no_grad():
            next(iter(classifier.network.get_submodule("backbone").parameters())).mul_(1.5)
    elif changed == "pixels":
        image = np.array(test.samples[0].image)
        image[0, 0, 0] ^= 1
        test = replace(test, samples=(replace(test.samples[0], image=image), *test.samples[1:]))
    else:
        wish = {"other weights": (), "size": ("image_size=18",), "precision": ('precision="bf16"',)}
        options = wish.get(changed, ("backbone.strides=[1,1,2]",))
        classifier = train(plan(*options), data, seed=changed == "other weights", progress=False)
        before = sum(passes) - len(data)
    found = classifier.probabilities(test)
    fresh = 1 if changed == "pixels" else len(test) + (0 if changed == "weights in place" else len(data))
    assert sum(passes) - before == fresh
    monkeypatch.setenv("HANDFUL_CACHE", "off")
    np.testing.assert_allclose(classifier.probabilities(test), found, atol=1e-5)


def test_features_of_two_lengths_are_cached_apart(passes: list[int]) -> None:
    """The pixels of a recipe with other image sizes are as many: only the recipe says how many."""
    data = squares(2)
    for size in (4, 6, 4):
        train(plan("backbone={name='pixels'}", f"image_size={size}"), data, progress=False)
    assert passes == [len(data)] * 2


def test_a_stopped_run_goes_on_where_it_was(passes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_head_module, "CHUNK", 4)
    with monkeypatch.context() as patch:

        def stop(self: Progress, loss: float, steps: int = 1) -> None:
            if sum(passes) >= 8:
                raise KeyboardInterrupt

        patch.setattr(Progress, "advance", stop)
        with pytest.raises(KeyboardInterrupt):
            train(plan(), squares(), progress=False)
    assert sum(passes) == 8
    train(plan(), squares(), progress=False)
    assert sum(passes) == 12


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (("cache_views=2",), "(?s)augmented views are drawn in advance.*give both"),
        (("augment=['flip']",), "(?s)augmented views are drawn in advance.*give both"),
        (("cache_views=2", "augment=[{name='flip',stop=0.5}]"), "'flip' cannot start or stop"),
        (("cache_views=2", "augment=['mixup']"), "cannot be combined with cache_views"),
        (("ema=0.9",), "ema averages over steps"),
        (("head.centroid=1",), "did you mean 'center'"),
    ],
)
def test_what_cannot_be_fitted_is_one_clear_error(wish: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        plan(*wish)


def test_stages_go_with_trained_heads_and_only_with_these() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'nearest_centroid' is fitted.*leave the stages out"):
        check(replace(plan(), stages=(Stage((), steps=1),)))
    with pytest.raises(RecipeError, match="needs a stage"):
        check(replace(recipe(), stages=()))


def test_test_time_augmentation_goes_on_top(passes: list[int]) -> None:
    classifier = train(plan('posthoc=[{name="tta",views="flip"}]'), squares(2), progress=False)
    found = classifier.probabilities(squares(2, seed=1))
    np.testing.assert_array_equal(classifier.probabilities(squares(2, seed=1)), found)
    assert sum(passes) == 6 + 2 * 6
