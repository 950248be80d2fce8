import torch

from handful.training.setup import prepare_run
from handful.training.timing import StepTimes, time_first_steps
from tests.support.datasets import recipe, squares
from tests.training.runs import no_fit, trained_weights


def test_the_total_is_the_set_up_and_every_step() -> None:
    assert StepTimes(setup=2.0, views=3.0, step=0.5, steps=20).total == 15.0


def test_every_stage_counts_and_all_times_are_measured() -> None:
    plan = recipe("linear", "steps=7")
    times = time_first_steps(plan, squares(), seed=0, device="cpu", fit=no_fit, steps=3)
    assert times.steps == prepare_run(plan, squares(), seed=0, device="cpu", fit=no_fit).plan.total == 7
    assert times.setup > 0
    assert times.step > 0
    assert times.views == 0


def test_of_cached_views_one_is_computed_and_all_are_counted() -> None:
    overrides = ("steps=2", 'backbone={name="efficientnet_lite0",pretrained=false,freeze=1}', "image_size=32")
    one, many = (
        time_first_steps(
            recipe("linear", *overrides, f"cache_views={n}"), squares(), seed=0, device="cpu", fit=no_fit, steps=1
        )
        for n in (1, 1000)
    )
    assert 0 < one.views < many.views


def test_a_training_after_it_is_the_same_as_without() -> None:
    plan = recipe("linear", "steps=3")
    before = trained_weights(plan, squares())
    state = torch.get_rng_state()
    time_first_steps(plan, squares(), seed=5, device="cpu", fit=no_fit, steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    after = trained_weights(plan, squares())
    assert all(torch.equal(before[name], after[name]) for name in before)
