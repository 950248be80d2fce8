import pytest
import torch

from handful.core.recipe import Part
from handful.data.in_memory import load_tensors
from handful.errors import TrainingError
from handful.parts import registry
from handful.training.augmentation import Compose
from handful.training.train import train
from handful.training.view_cache import cache_views
from tests.support.datasets import context, recipe, squares

LITE = ("backbone={name='efficientnet_lite0',freeze=2,stride=8,expand=false}", "image_size=32", "lr=0.03", "steps=40")


def test_maps_kept_or_made_on_the_way_give_the_same_output() -> None:
    built = context()
    network = registry.build_network(recipe("segmentation", *LITE), built).eval()
    images = torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network(images)
        kept = network(torch.zeros(1).expand(3, 3, 32, 32), network.frozen_maps(images))
    torch.testing.assert_close(whole.logits, kept.logits)
    assert kept.pixels is not None
    assert kept.pixels.shape == (3, 4, 32, 32)


def test_views_are_augmented_differently_and_masks_move_along() -> None:
    network = registry.build_network(recipe("segmentation", *LITE), context())
    part = Part("affine", {"translate": 0.3})
    augment = Compose([(part, registry.build("augment", part, context()))])
    held = load_tensors(squares(2, size=32), size=(32, 32))
    views = cache_views(network, held, augment, precision="fp32", views=3, classes=3, seed=0)
    assert views.maps.shape[:2] == (3, 6)
    assert views.pixel_labels.shape == (3, 6, 32, 32)
    assert not torch.equal(views.pixel_labels[0], views.pixel_labels[1])
    batch, maps = views.batch(torch.tensor([0, 5]), 3, torch.Generator().manual_seed(1))
    assert batch.labels.tolist() == [0, 2]
    assert batch.targets.argmax(dim=1).tolist() == [0, 2]
    assert maps.shape[0] == 2
    assert any(torch.equal(maps[0], views.maps[v, 0]) for v in range(3))


def test_training_on_kept_maps_learns_and_leaves_the_frozen_stages_alone() -> None:
    wish = recipe("linear", *LITE, "cache_views=2")
    first = train(wish, squares(size=32), progress=False)
    again = train(wish, squares(size=32), progress=False)
    untouched = registry.build_network(wish, context("linear")).backbone.state_dict()
    trained = first.network.get_submodule("backbone").state_dict()
    same = {name for name, value in untouched.items() if torch.equal(value, trained[name])}
    assert {n for n in untouched if n.startswith(("stages.0.", "stages.1."))} <= same
    assert len(same) < len(untouched)
    test = squares(8, size=32, seed=1)
    assert (first.predict(test) == test.labels).mean() > 0.8
    assert (first.probabilities(test) == again.probabilities(test)).all()


def test_nothing_frozen_nothing_to_keep() -> None:
    with pytest.raises(TrainingError, match=r"(?s)first stages are frozen.*cache_views = 0"):
        train(recipe("linear", "cache_views=2"), squares(), progress=False)
