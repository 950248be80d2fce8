"""Distillation against the formula by hand; what it does to a recipe; learning from unlabelled images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe, Stage
from handful.core.tensors import Batch, Output
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.parts import registry
from handful.parts.losses.distillation import distilled
from handful.recipes.checks import check
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.classifiers import mean_colour, untrained
from tests.support.datasets import context, recipe, squares
from tests.support.resume import stopped_and_resumed

PART = Part("distillation", {"teacher": "somewhere", "temperature": 3.0, "labels": 0.25})


def batch(n: int = 5) -> Batch:
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 3
    labels[-1] = -1
    targets = torch.eye(3)[labels] * (labels >= 0)[:, None]
    return Batch(torch.rand(n, 3, 12, 12, generator=g), labels, targets, torch.full((n, 12, 12), -1))


def output(n: int = 5) -> Output:
    logits = torch.randn(n, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    return Output(logits, logits, logits)


def teaching(teacher: Classifier, part: Part = PART) -> object:
    return registry.build("losses", part, replace(context(), load=lambda _: teacher))


def test_the_formula_by_hand() -> None:
    teacher = join([mean_colour(), untrained()], [3, 1])
    loss, seen, said = teaching(teacher), batch(), output()
    values = loss(said, seen)  # type: ignore[operator]
    probabilities = teacher.of_images(seen.images).logits.softmax(dim=1).double().numpy()
    z = said.logits.detach().double().numpy()
    for i in range(5):
        soft = probabilities[i] ** (1 / 3)
        soft /= soft.sum()
        student = np.exp(z[i] / 3) / np.exp(z[i] / 3).sum()
        kl = sum(soft[c] * np.log(soft[c] / student[c]) for c in range(3))
        hard = 0.0 if i == 4 else -np.log(np.exp(z[i]) / np.exp(z[i]).sum())[i % 3]
        assert values[i].item() == pytest.approx(0.75 * 9 * kl + 0.25 * hard, rel=1e-4)


def test_of_an_image_with_candidates_the_teacher_predicts_among_these() -> None:
    teacher, seen, said = mean_colour(), batch(), output()
    candidates = torch.zeros(5, 3, dtype=torch.bool)
    candidates[4, :2] = True
    values = teaching(teacher)(said, replace(seen, candidates=candidates))  # type: ignore[operator]
    plain = teaching(teacher)(said, seen)  # type: ignore[operator]
    assert torch.equal(values[:4], plain[:4])
    soft = (teacher.of_images(seen.images).logits[4].clone() / 3).softmax(0)[:2]
    soft = soft / soft.sum()
    student = (said.logits[4].detach() / 3).log_softmax(0)[:2]
    hard = -said.logits[4].detach().softmax(0)[:2].sum().log()
    assert values[4].item() == pytest.approx(
        float(0.75 * 9 * (soft * (soft.log() - student)).sum() + 0.25 * hard), rel=1e-4
    )


def test_gradients_reach_the_network_and_not_the_teacher() -> None:
    teacher, said = untrained(), output()
    teaching(teacher)(said, batch()).sum().backward()  # type: ignore[operator]
    assert said.logits.grad is not None
    assert said.logits.grad.abs().min() > 0
    assert all(p.grad is None for p in teacher.network.parameters())


def test_a_network_that_agrees_with_its_teacher_loses_nothing() -> None:
    seen = batch()
    z = mean_colour().of_images(seen.images).logits.clone()
    loss = teaching(mean_colour(), Part("distillation", {"teacher": "x", "labels": 0.0}))
    assert loss(Output(z, z, z), seen).abs().max() < 1e-5  # type: ignore[operator]


def test_refusals() -> None:
    other = replace(mean_colour(), classes=("blue", "green", "white"))
    with pytest.raises(ModelError, match="somewhere: its classes differ: red missing; white too many"):
        teaching(other)
    for options in ({"temperature": 0.0}, {"labels": 1.5}):
        with pytest.raises(RecipeError, match=next(iter(options))):
            teaching(mean_colour(), Part("distillation", {"teacher": "x", **options}))
    plan = distilled(recipe("linear"), Path("x"))
    with pytest.raises(RecipeError, match="losses/distillation cannot be combined with cache_views"):
        check(replace(plan, cache_views=2))


def test_it_takes_the_place_of_cross_entropy_or_joins_the_others() -> None:
    late = Part("cross_entropy", {"smoothing": 0.1}, weight=0.5, start=0.2)
    base = recipe("linear")
    stages = (replace(base.stages[0], losses=(late,)), Stage((Part("pixel_cross_entropy"),), steps=3))
    plan = distilled(replace(base, stages=stages, posthoc=(Part("tta"),)), Path("t"), temperature=2.0, labels=0.3)
    options = {"teacher": "t", "temperature": 2.0, "labels": 0.3}
    assert plan.stages[0].losses == (Part("distillation", options, weight=0.5, start=0.2),)
    assert plan.stages[1].losses == (Part("pixel_cross_entropy"), Part("distillation", options))
    assert plan.posthoc == ()


def test_unlabelled_images_teach_through_the_teacher(tmp_path: Path) -> None:
    """Labels that are all wrong, and of weight 0: what is learnt comes from the teacher."""
    folder = save_classifier(train(recipe("linear", "steps=60"), squares(), progress=False), tmp_path / "teacher")
    data = squares(1, masks=False)
    wrong = tuple(replace(s, label=(s.label or 0) + 1 if (s.label or 0) < 2 else 0) for s in data.samples)
    extra = tuple(replace(s, label=None) for s in squares(8, seed=4, masks=False).samples)
    plan = distilled(recipe("linear", "steps=80"), folder, labels=0.0)
    student = train(plan, Dataset(wrong + extra, data.classes), progress=False)
    assert (student.card["train_images"], student.card["unlabelled_images"]) == (3, 24)
    test = squares(8, seed=1)
    assert (student.predict(test) == test.labels).mean() > 0.8
    assert not any("teacher" in name for name in student.network.state_dict())


def with_teacher(name: str, *overrides: str) -> Recipe:
    """The tiny recipe, on the probabilities of another."""
    base = recipe("linear", *overrides)
    part = Part("distillation", {"recipe": name, "labels": 0.0})
    return replace(base, stages=(replace(base.stages[0], losses=(part,)),))


def test_a_recipe_teaches_from_the_images_of_the_run() -> None:
    """The teacher learns from the labels and is asked about all images; the outer run goes on in its own precision."""
    data = squares(4, masks=False)
    extra = squares(8, seed=4, masks=False).without_labels().samples
    both = Dataset((*data.samples, *(replace(s, id=f"pile/{s.id}") for s in extra)), data.classes)
    student = train(with_teacher("logistic-pixels", "steps=80", "precision=bf16"), both, progress=False)
    assert (student.card["train_images"], student.card["unlabelled_images"]) == (12, 24)
    assert student.card["precision"] == "bfloat16"
    test = squares(8, seed=1)
    assert (student.predict(test) == test.labels).mean() > 0.8


def test_a_stopped_run_continues_with_the_same_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, data = with_teacher("logistic-pixels"), squares(3, masks=False)
    whole = train(plan, data, progress=False).network.state_dict()
    resumed = stopped_and_resumed(plan, data, tmp_path / "run", monkeypatch, at=5).network.state_dict()
    assert all(value.equal(resumed[name]) for name, value in whole.items())


def test_one_teacher_is_needed() -> None:
    for options in ({}, {"teacher": "x", "recipe": "logistic"}):
        with pytest.raises(RecipeError, match="distillation needs one teacher"):
            teaching(mean_colour(), Part("distillation", options))
    with pytest.raises(RecipeError, match="did you mean 'logistic'"):
        train(with_teacher("logistik"), squares(2), progress=False)
