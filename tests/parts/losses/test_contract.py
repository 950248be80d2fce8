"""What every loss in the folder keeps to. A new file is tested from its first run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part, View
from handful.core.standardization import Scale
from handful.core.tensors import IGNORE, Batch, Output
from handful.parts import registry
from tests.support.classifiers import mean_colour
from tests.support.datasets import CLASSES, context, recipe

K, N, C, SIZE, MAPS = len(CLASSES), 4, 7, (5, 6), (3, 3)
IMAGES = 9  # of the training
TREE = Hierarchy((3, 3, 4, 4, -1), (*CLASSES, "cold", "all"))
NEEDS: dict[str, Mapping[str, Any]] = {
    "distillation": {"teacher": "somewhere"},
    "consistency": {"threshold": 0.0},  # so that every image counts
    "shrink_match": {"threshold": 0.3},
    "conr": {"width": 0.5},
}  # options that a loss cannot do without here
VARIANTS: list[tuple[str, Mapping[str, Any]]] = [(name, NEEDS.get(name, {})) for name in registry.names("losses")] + [
    ("cross_entropy", {"smoothing": 0.1}),
    ("pixel_cross_entropy", {"foreground": 0.5}),
    ("positive_class", {"smoothing": 0.1}),
    ("soft_decision_tree", {"smoothing": 0.1}),
    ("tree_supervision", {"smoothing": 0.1}),
    ("center", {"centers": "learned"}),
    ("cross_entropy", {"reweight": "inverse"}),
    ("ldam", {"reweight": "effective", "scale": 30.0}),
    ("class_balanced_focal", {"form": "softmax", "gamma": 0.5}),
    ("gcpl", {"prototype": 0.5, "smoothing": 0.1}),
    ("prototypical", {"shots": 1}),
    ("consistency", {"threshold": 0.0, "hard": True, "align": True}),
    ("shrink_match", {"threshold": 0.3, "align": False}),
    ("training_signal_annealing", {"schedule": "logarithmic"}),
    ("label_distributional_robust", {"adaptive": True}),
]
GUESSING = ("consistency", "distillation", "mean_teacher", "shrink_match")
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))


def make(name: str, options: Mapping[str, Any]) -> Any:
    torch.manual_seed(0)
    stage = replace(recipe("linear").stages[0], views=(View(), View()))
    given = replace(context(), hierarchy=TREE, features=lambda: C, load=lambda _: mean_colour(size=SIZE))
    given = replace(given, maps=lambda: (C, 2))
    given = replace(given, images=IMAGES, stage=stage, feature_maps=Patches(nn.Conv2d(3, C, 1)))
    if registry.has_trait("losses", Part(name), "needs_number"):
        scale = Scale((0.0,) * K, (1.0,) * K)
        given = replace(given, task=replace(given.task, kind="number", scale=scale))
    return registry.build("losses", Part(name, options), given)


class Patches:
    """A backbone that a loss gives images of its own."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        self.convolution = convolution

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.convolution(images))


def mixes(name: str) -> bool:
    return registry.has_trait("losses", Part(name), "mixes_images")


def skip_users_of_unlabelled(name: str) -> None:
    if registry.has_trait("losses", Part(name), "uses_unlabelled"):
        pytest.skip("this loss declares that it learns from images without a label")


def random_output(g: torch.Generator, scale: float) -> Output:
    shapes = ((N, K), (N, K), (N, C), (N, K + 1, *SIZE))
    embedding, logits, features, pixels = ((torch.randn(s, generator=g) * scale).requires_grad_() for s in shapes)
    distances = (torch.rand((N, K), generator=g) * scale**2).requires_grad_()
    maps = (torch.randn((N, C, *MAPS), generator=torch.Generator().manual_seed(1)) * scale).requires_grad_()
    return Output(embedding, logits, features, pixels, distances, maps=maps)


def example(scale: float = 1.0) -> tuple[Output, Batch]:
    """Four labelled images; of the first the mask is missing, of the last there is no pixel of background.

    There are two further views of each, the outputs of the mean teacher and of a peer, hidden pixels, and what is known
    of the training.
    """
    g = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 1, 2, 1])
    maps = torch.where(torch.rand((N, *SIZE), generator=g) < 0.4, labels[:, None, None] + 1, 0)
    maps[0], maps[3] = IGNORE, 2
    maps[1, 0] = IGNORE
    output = random_output(g, scale)
    images = torch.rand((N, 3, *SIZE), generator=g)
    batch = Batch(images, labels, torch.eye(K)[labels], maps, index=torch.tensor([6, 0, 3, 5]), progress=0.5)
    batch = replace(batch, hidden=images[:, 0] < 0.5, unmasked=images.flip(1))
    views = tuple(replace(batch, images=images.flip(axis)) for axis in (-1, -2))
    logits = torch.randn((N, K), generator=g) * scale
    pixels = torch.randn((N, K + 1, *SIZE), generator=torch.Generator().manual_seed(1))
    teacher = Output(logits, logits, torch.randn((N, C), generator=g), pixels)
    outputs = tuple(random_output(g, scale) for _ in views)
    peers = (replace(teacher, logits=logits.flip(0)),)
    return replace(output, views=outputs, peers=peers), replace(batch, views=views, teacher_output=teacher)


def parts(output: Output) -> list[torch.Tensor]:
    tensors = []
    for one in (output, *output.views):
        assert one.pixels is not None
        assert one.distances is not None
        assert one.maps is not None
        tensors += [one.embedding, one.logits, one.features, one.pixels, one.distances, one.maps]
    return tensors


def only(output: Output, batch: Batch, i: int) -> tuple[Output, Batch]:
    one = slice(i, i + 1)
    return output.rows(one), batch.rows(one)


@every
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_one_finite_value_per_image_and_a_gradient(name: str, options: Mapping[str, Any], scale: float) -> None:
    output, batch = example(scale)
    loss = make(name, options)
    values = loss(output, batch)
    assert values.shape == (N,)
    assert values.isfinite().all()
    if name == "conr" and scale > 1:
        assert values.tolist() == [0] * N, "predictions so far apart confuse no two images"
        return
    assert values.max() > 0
    values.sum().backward()
    read = parts(output)
    if registry.has_trait("losses", Part(name), "runs_backbone"):
        read = [*loss.feature_maps.convolution.parameters()]
    grads = [t.grad for t in read if t.grad is not None]
    assert grads
    assert all(grad.isfinite().all() for grad in grads)
    assert any(bool(grad.any()) for grad in grads)


@every
def test_inputs_are_not_changed(name: str, options: Mapping[str, Any]) -> None:
    (output, batch), (same, again) = example(), example()
    make(name, options)(output, batch)
    assert all(torch.equal(a, b) for a, b in zip(parts(output), parts(same), strict=True))
    for one, other in ((batch, again), *zip(batch.views, again.views, strict=True)):
        for field in ("images", "labels", "targets", "pixel_labels", "index"):
            assert torch.equal(getattr(one, field), getattr(other, field)), field
    assert batch.teacher_output is not None
    assert again.teacher_output is not None
    assert torch.equal(batch.teacher_output.logits, again.teacher_output.logits)


@every
def test_images_are_not_mixed(name: str, options: Mapping[str, Any]) -> None:
    if mixes(name):
        pytest.skip("this loss declares that it mixes images")
    output, batch = example()
    values = make(name, options)(output, batch)
    for i in range(N):
        alone = make(name, options)(*only(output, batch, i))  # anew: a loss may remember
        torch.testing.assert_close(values[i : i + 1], alone)
        grads = torch.autograd.grad(values[i], parts(output), retain_graph=True, allow_unused=True)
        for grad in grads:
            others = [j for j in range(N) if j != i]
            assert grad is None or not grad[others].any()


@every
def test_an_image_without_any_label_costs_nothing_and_teaches_nothing(name: str, options: Mapping[str, Any]) -> None:
    skip_users_of_unlabelled(name)
    output, batch = example()
    for i in (1, 3):
        batch.labels[i], batch.targets[i], batch.pixel_labels[i] = -1, 0, IGNORE
    values = make(name, options)(output, batch)
    assert values[[1, 3]].tolist() == [0, 0]
    values[[1, 3]].sum().backward()
    for tensor in parts(output):
        assert tensor.grad is None or (tensor.grad.isfinite().all() and not tensor.grad.any())


@every
def test_masks_are_read_where_the_loss_declares_it(name: str, options: Mapping[str, Any]) -> None:
    output, batch = example()
    without = replace(batch, pixel_labels=torch.full_like(batch.pixel_labels, IGNORE))
    same = torch.equal(make(name, options)(output, batch), make(name, options)(output, without))
    assert same != registry.has_trait("losses", Part(name), "reads_masks")


@every
def test_class_probabilities_are_read_in_place_of_the_label_where_the_loss_declares_it(
    name: str, options: Mapping[str, Any]
) -> None:
    if not registry.has_trait("losses", Part(name), "soft_targets"):
        pytest.skip("this loss declares that it reads labels")
    output, batch = example()
    soft = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.0, 0.9], [0.4, 0.6, 0.0]])
    views = tuple(replace(view, targets=soft) for view in batch.views)
    batch = replace(batch, targets=soft, views=views)
    views = tuple(replace(view, labels=(view.labels + 1) % K) for view in batch.views)
    other = replace(batch, labels=(batch.labels + 1) % K, views=views)
    assert torch.equal(make(name, options)(output, batch), make(name, options)(output, other))


@every
def test_a_single_candidate_is_a_label_where_the_loss_declares_it(name: str, options: Mapping[str, Any]) -> None:
    if not registry.has_trait("losses", Part(name), "candidates"):
        pytest.skip("this loss declares that it reads labels")
    if name in GUESSING:
        pytest.skip("this loss guesses labels, of images with candidates among these")
    if options.get("reweight", "none") != "none":
        pytest.skip("weights of classes are for labels")
    output, batch = example()
    single = torch.eye(K, dtype=torch.bool)[batch.labels]
    known = replace(batch, candidates=torch.zeros_like(single))
    among = replace(batch, labels=torch.full((N,), -1), targets=torch.zeros(N, K), candidates=single)
    values = [make(name, options)(output, one) for one in (batch, among, known)]  # built anew: some draw at random
    torch.testing.assert_close(values[1], values[0])
    assert torch.equal(values[2], values[0])


@every
def test_a_batch_without_any_label_costs_nothing(name: str, options: Mapping[str, Any]) -> None:
    skip_users_of_unlabelled(name)
    output, batch = example()
    none = replace(
        batch,
        labels=torch.full_like(batch.labels, -1),
        targets=torch.zeros_like(batch.targets),
        pixel_labels=torch.full_like(batch.pixel_labels, IGNORE),
    )
    values = make(name, options)(output, none)
    assert values.tolist() == [0] * N
    values.sum().backward()
    assert all(t.grad is None or (t.grad.isfinite().all() and not t.grad.any()) for t in parts(output))


@every
def test_a_view_of_the_unlabelled_images_alone_is_read_row_by_row(name: str, options: Mapping[str, Any]) -> None:
    """The values are those of a view of all images, for losses on views that learn from images without a label."""
    if not registry.has_trait("losses", Part(name), "needs_views"):
        pytest.skip("this loss reads one view")
    if not registry.has_trait("losses", Part(name), "uses_unlabelled"):
        pytest.skip("this loss declares that it learns from labelled images only")
    if mixes(name):
        pytest.skip("this loss declares that it compares the images of a batch")
    output, batch = example()
    for i in (1, 3):
        batch.labels[i], batch.targets[i], batch.pixel_labels[i] = -1, 0, IGNORE
        for view in batch.views:
            view.targets[i] = 0
    expected = make(name, options)(output, batch)
    pile = batch.labels < 0
    views = tuple(view.rows(pile) for view in batch.views)
    outputs = tuple(one.rows(pile) for one in output.views)
    values = make(name, options)(replace(output, views=outputs), replace(batch, views=views))
    torch.testing.assert_close(values[pile], expected[pile])
    values.sum().backward()
    read = (part for view in output.views for part in (view.logits, view.features))
    assert any(part.grad is not None and bool(part.grad[pile].any()) for part in read)
