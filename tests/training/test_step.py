"""One step: the loss by hand, its gradients by autograd, the update by a plain optimizer."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Optimizer, Part, Recipe, Schedule
from handful.core.tensors import Batch, Output
from handful.training.assembly import Assembly
from handful.training.batches import StepInput, teacher_output
from handful.training.optimizer import make_optimizer, train_mode
from handful.training.random_streams import Stream, derive_seed
from handful.training.setup import Setup
from handful.training.step import TrainingStep
from tests.support.datasets import recipe
from tests.support.two_streams import half_labelled, two_streams
from tests.training.runs import assembled


def plan(*losses: Part, optimizer: Optimizer | None = None, schedule: Schedule | None = None) -> Recipe:
    """A linear head that is trained with these losses."""
    base = recipe("linear", "steps=10")
    stage = replace(
        base.stages[0],
        losses=losses or base.stages[0].losses,
        optimizer=optimizer or base.stages[0].optimizer,
        schedule=schedule or base.stages[0].schedule,
    )
    return replace(base, stages=(stage,))


def training(own: Recipe) -> tuple[Setup, Assembly, TrainingStep]:
    setup, assembly = assembled(own)
    optimizer = make_optimizer(assembly.network, setup.recipe.stages[0])
    train_mode(assembly.network)
    return setup, assembly, TrainingStep(setup, assembly, 0, optimizer)


def made(logits: torch.Tensor, labels: torch.Tensor) -> tuple[Output, StepInput]:
    n, k = logits.shape
    batch = Batch(torch.zeros(n, 3, 2, 2), labels, torch.eye(k)[labels], torch.full((n, 2, 2), -1))
    return Output(logits, logits, logits), StepInput(batch, None, n)


@pytest.mark.parametrize(
    ("step", "active"),
    [(0, (True, False)), (2, (True, True)), (4, (True, True)), (5, (False, True)), (9, (False, False))],
)
def test_losses_are_weighted_and_active_from_start_to_before_stop(step: int, active: tuple[bool, bool]) -> None:
    first = Part("cross_entropy", weight=0.5, stop=0.5)
    second = Part("cross_entropy", {"smoothing": 0.3}, weight=2.0, start=0.2, stop=0.9)
    _, _, steps = training(plan(first, second))
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 2, 1, 1, 0])
    output, given = made(logits, labels)
    expected = torch.zeros(())
    if active[0]:
        expected = expected + 0.5 * F.cross_entropy(logits, labels)
    if active[1]:
        expected = expected + 2.0 * F.cross_entropy(logits, labels, label_smoothing=0.3)
    torch.testing.assert_close(steps.total_loss(output, given, step), expected)


def test_the_mean_is_over_the_batch_of_all_processes() -> None:
    _, _, steps = training(plan())
    output, given = made(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]))
    whole = steps.total_loss(output, given, 0)
    rows = []
    for i in range(2):
        some, _ = made(output.logits[i::2], given.batch.labels[i::2])
        part = replace(given, batch=given.batch.rows(slice(i, None, 2)))
        rows.append(steps.total_loss(some, part, 0))
    torch.testing.assert_close(rows[0] + rows[1], whole)


def test_gradients_are_those_of_the_loss_written_by_hand() -> None:
    own = plan(Part("cross_entropy", weight=0.7))
    setup, assembly, steps = training(own)
    loss = steps.gradients(3)
    _, other, _ = training(own)
    given = steps.batches.batch(3)
    torch.manual_seed(derive_seed(setup.seed, Stream.DROPOUT, 0, 3, 0))
    logits = other.network(given.batch.images).logits
    by_hand = 0.7 * F.cross_entropy(logits, given.batch.labels)
    parameters = dict(other.network.named_parameters())
    gradients = torch.autograd.grad(by_hand, list(parameters.values()))
    torch.testing.assert_close(loss, by_hand)
    for (name, parameter), gradient in zip(assembly.network.named_parameters(), gradients, strict=True):
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad, gradient, msg=name)


def test_dropout_is_a_function_of_the_step() -> None:
    _, _, steps = training(recipe("linear", "backbone.dropout=0.5"))
    given = steps.batches.batch(0)
    first = steps.forward(given, 0).logits
    torch.manual_seed(99)
    assert torch.equal(steps.forward(given, 0).logits, first)
    assert not torch.equal(steps.forward(given, 1).logits, first)


def test_gradients_of_the_step_before_are_gone() -> None:
    _, assembly, steps = training(plan())
    steps.gradients(0)
    steps.gradients(3)
    _, once, other = training(plan())
    other.forward(other.batches.batch(0), 0)  # the batch statistics of the first step
    other.gradients(3)
    for a, b in zip(assembly.network.parameters(), once.network.parameters(), strict=True):
        assert a.grad is not None
        assert b.grad is not None
        torch.testing.assert_close(a.grad, b.grad)


def test_an_update_is_that_of_sgd_at_the_scheduled_rate() -> None:
    optimizer = Optimizer(name="sgd", lr=0.2, momentum=0.0, nesterov=False, weight_decay=0.0)
    _, assembly, steps = training(
        plan(optimizer=optimizer, schedule=Schedule("step", 0.0, milestones=(0.5,), factor=0.1))
    )
    for step, rate in ((4, 0.2), (5, 0.02)):
        steps.gradients(step)
        before = [p.detach().clone() for p in assembly.network.parameters()]
        assert steps.update(step) == pytest.approx(rate)
        for parameter, value in zip(assembly.network.parameters(), before, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.detach(), value - rate * parameter.grad)


def test_gradients_are_clipped_to_the_norm_that_the_stage_gives() -> None:
    optimizer = Optimizer(name="sgd", lr=1.0, momentum=0.0, nesterov=False, weight_decay=0.0, clip=1e-3)
    _, assembly, steps = training(plan(optimizer=optimizer, schedule=Schedule("constant", 0.0)))
    steps.gradients(0)
    before = torch.cat([p.detach().flatten().clone() for p in assembly.network.parameters()])
    steps.update(0)
    after = torch.cat([p.detach().flatten() for p in assembly.network.parameters()])
    assert float((after - before).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_the_average_follows_after_each_update() -> None:
    setup, assembly = assembled(recipe("linear", "ema=0.9"))
    steps = TrainingStep(setup, assembly, 0, make_optimizer(assembly.network, setup.recipe.stages[0]))
    assert assembly.average is not None
    weights = [assembly.network.get_parameter("head.linear.weight").detach().clone()]
    expected = weights[0]
    for step in range(3):
        steps.gradients(step)
        steps.update(step)
        weight = assembly.network.get_parameter("head.linear.weight").detach()
        decay = assembly.average.get_decay(step + 1)
        expected = decay * expected + (1 - decay) * weight
    assert assembly.averaged is not None
    torch.testing.assert_close(assembly.averaged.get_parameter("head.linear.weight"), expected)


def test_with_two_streams_each_has_its_own_mean() -> None:
    _, _, steps = training(plan())
    output, given = made(torch.randn(5, 3), torch.tensor([0, 1, 0, 0, 0]))
    labels = torch.tensor([0, 1, -1, -1, -1])
    given = replace(given, batch=replace(given.batch, labels=labels), images=2, unlabelled=3)
    each = F.cross_entropy(output.logits, torch.tensor([0, 1, 0, 0, 0]), reduction="none")
    torch.testing.assert_close(steps.total_loss(output, given, 0), each[:2].mean() + each[2:].mean())
    shares = []
    for i in range(2):
        some, _ = made(output.logits[i::2], torch.tensor([0, 1, 0, 0, 0])[i::2])
        shares.append(steps.total_loss(some, replace(given, batch=given.batch.rows(slice(i, None, 2))), 0))
    torch.testing.assert_close(shares[0] + shares[1], steps.total_loss(output, given, 0))


def test_of_two_streams_an_image_with_candidates_is_in_that_of_the_labelled_images() -> None:
    _, _, steps = training(plan())
    output, given = made(torch.randn(5, 3), torch.tensor([0, 0, 0, 0, 0]))
    labels, candidates = torch.tensor([0, -1, -1, -1, -1]), torch.zeros(5, 3, dtype=torch.bool)
    candidates[1, :2] = True
    targets = given.batch.targets * torch.tensor([1.0, 0, 1, 1, 1])[:, None]
    batch = replace(given.batch, labels=labels, targets=targets, candidates=candidates)
    given = replace(given, batch=batch, images=2, unlabelled=3)
    each = F.cross_entropy(output.logits, torch.zeros(5, dtype=torch.int64), reduction="none")
    among = -output.logits[1].softmax(dim=0)[:2].sum().log()
    expected = (each[0] + among) / 2 + each[2:].mean()
    torch.testing.assert_close(steps.total_loss(output, given, 0), expected)


def test_all_views_go_through_the_network_in_one_pass() -> None:
    setup, assembly = assembled(two_streams("backbone.dropout=0.0"), half_labelled())
    steps = TrainingStep(setup, assembly, 0, make_optimizer(assembly.network, setup.recipe.stages[0]))
    assembly.network.eval()  # each image by itself, so that the rows can be compared
    given = steps.batches.batch(1)
    output = steps.forward(given, 1)
    torch.testing.assert_close(output.logits, assembly.network(given.batch.images).logits)
    assert len(output.views) == 2
    for view, batch in zip(output.views, given.batch.views, strict=True):
        torch.testing.assert_close(view.logits, assembly.network(batch.images).logits)
        assert len(view.features) == len(batch.labels)


def test_the_teacher_is_the_averaged_network_and_gets_no_gradient() -> None:
    setup, assembly = assembled(two_streams(), half_labelled())
    steps = TrainingStep(setup, assembly, 0, make_optimizer(assembly.network, setup.recipe.stages[0]))
    train_mode(assembly.network)
    for step in range(3):
        steps.gradients(step)
        steps.update(step)
    assert steps.reads_teacher
    given = steps.batches.batch(3)
    assert assembly.averaged is not None
    with torch.no_grad():
        expected = assembly.averaged(given.batch.images).logits
    output = teacher_output(assembly.averaged, setup.accelerator, given.batch.images)
    assert torch.equal(output.logits, expected)
    assert not output.logits.requires_grad
    assert not torch.equal(expected, assembly.network.eval()(given.batch.images).logits)
    assert not training(plan())[2].reads_teacher


def test_the_loss_of_an_image_is_multiplied_by_its_weight() -> None:
    _, _, steps = training(plan())
    labels = torch.tensor([0, 1, 2, 1])
    output, given = made(torch.randn(4, 3), labels)
    weights = torch.tensor([1.0, 0.0, 2.5, 0.5])
    weighted = replace(given, batch=replace(given.batch, weights=weights))
    each = F.cross_entropy(output.logits, labels, reduction="none")
    torch.testing.assert_close(steps.total_loss(output, weighted, 0), (each * weights).mean())
