"""Weights after a training, to the last bit those of a loop that is written out: one view, one stream, one mean.

The loop here is how recipes were trained before a batch could hold more. Stages with further views, a stream of
unlabelled images or a teacher have tests of their own.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.recipes.load import load_recipe
from handful.training.optimizer import make_optimizer, reset, set_rate, train_mode
from handful.training.random_streams import Stream, derive_seed
from handful.training.schedule import batch_sizes, learning_rate, stage_order, step_generator
from tests.support.datasets import recipe, squares
from tests.training.runs import assembled, trained_weights

WRN = ("steps=3", "precision=fp32", "batch_size=6", "backbone.depth=10", "backbone.width=1")
LITE = ("steps=2", "image_size=32", "batch_size=6")
DATA: Dataset = squares(4, size=16)


def by_hand(plan: Recipe, data: Dataset) -> Mapping[str, torch.Tensor]:
    """Weights after training on one core of one process."""
    setup, assembly = assembled(plan, data)
    network, n, before = assembly.network, len(setup.tensors), 0
    sizes = batch_sizes(max(n, plan.batch_size if plan.fill_batch else 0), plan.batch_size)
    ends = np.cumsum([0, *sizes])
    labels = setup.tensors.labels.numpy().tobytes()
    total = sum(stage.steps or 0 for stage in plan.stages)
    for number, stage in enumerate(plan.stages):
        assert stage.steps is not None
        reset(network, assembly.initial[number])
        optimizer = make_optimizer(network, stage)
        train_mode(network, statistics=stage.statistics)
        for step in range(stage.steps):
            epoch, at = divmod(step, len(sizes))
            order = stage_order(stage, 0, number, epoch, labels, sum(sizes))
            index = torch.from_numpy(order[ends[at] : ends[at + 1]])
            generator, maps = step_generator(0, number, step, setup.device), None
            if assembly.views is None:
                plain = setup.tensors.batch(index, len(data.classes))
                batch = assembly.augment(plain, generator, share=(before + step) / total)
            else:
                batch, maps = assembly.views.batch(index, len(data.classes), generator)
            torch.manual_seed(derive_seed(0, Stream.DROPOUT, number, step, 0))
            with setup.accelerator.autocast():
                output = network(batch.images, maps)
            values = torch.zeros(len(index))
            for part, loss in zip(stage.losses, assembly.losses[number], strict=True):
                if part.start <= step / stage.steps < part.stop:
                    values = values + part.weight * loss(output, batch)
            optimizer.zero_grad()
            (values.sum() / len(index)).backward()  # type: ignore[no-untyped-call]
            set_rate(optimizer, learning_rate(stage.schedule, stage.optimizer.lr, step / stage.steps))
            if stage.optimizer.clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), stage.optimizer.clip)
            optimizer.step()
            if assembly.average is not None:
                assembly.average.update(network, before + step + 1)
        before += stage.steps
    return dict(assembly.trained.state_dict())


def plans() -> dict[str, Recipe]:
    mixed = replace(recipe("linear", "steps=3"), augment=(Part("mixup"), Part("cutmix", stop=0.5)))
    named = {name: load_recipe(name, overrides=WRN) for name in ("classification-wrn", "cvs-wrn", "crt-wrn")}
    named |= {name: load_recipe(name, overrides=LITE) for name in ("classification", "fine-tuned")}
    named |= {"ldam-drw-wrn": load_recipe("ldam-drw-wrn", overrides=WRN)}
    return {"mixed": mixed, "averaged": recipe("segmentation", "steps=4", "ema=0.9"), **named}


@pytest.mark.parametrize(("name", "plan"), plans().items(), ids=plans())
def test_recipes_of_one_view_and_one_stream_train_to_the_same_weights(name: str, plan: Recipe) -> None:
    expected = by_hand(plan, DATA)
    for key, value in trained_weights(plan, DATA).items():
        assert torch.equal(value, expected[key]), f"{name}: {key}"
