import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Part
from handful.errors import HandfulWarning, TrainingError
from handful.saving.checkpoint import FILE, Checkpoint
from handful.training.train import train
from tests.support.datasets import recipe, squares


def weights(classifier) -> dict[str, torch.Tensor]:  # type: ignore[no-untyped-def]
    return dict(classifier.network.state_dict())


def same(a, b) -> bool:  # type: ignore[no-untyped-def]
    return all(torch.equal(x, y) for x, y in zip(weights(a).values(), weights(b).values(), strict=True))


@pytest.mark.parametrize("kind", ["segmentation", "linear"])
def test_learns_to_tell_colours(kind: str) -> None:
    classifier = train(recipe(kind, "steps=60"), squares(), progress=False)
    test = squares(8, seed=1, masks=False)
    assert (classifier.predict(test) == test.labels).mean() > 0.9
    assert classifier.probabilities(test).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_same_seed_same_result_and_the_order_of_samples_does_not_matter() -> None:
    data = squares()
    first = train(recipe(), data, seed=3, progress=False)
    again = train(recipe(), data.select(range(len(data) - 1, -1, -1)), seed=3, progress=False)
    other = train(recipe(), data, seed=4, progress=False)
    assert same(first, again)
    assert not same(first, other)


def test_the_callers_random_state_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(recipe("linear", "steps=2"), squares(), progress=False)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("overrides", [(), ("ema=0.9",), ("stages.0.optimizer.name=adamw", "lr=0.003")])
def test_stopped_by_ctrl_c_and_resumed_equals_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...]
) -> None:
    whole = train(recipe("segmentation", *overrides), squares(), progress=False)
    advance = Progress.advance
    seen = []

    def interrupt_at_seven(self: Progress, loss: float, steps: int = 1) -> None:
        seen.append(steps)
        if sum(seen) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        advance(self, loss, steps)

    monkeypatch.setattr(Progress, "advance", interrupt_at_seven)
    with pytest.raises(KeyboardInterrupt):
        train(recipe("segmentation", *overrides), squares(), folder=tmp_path, progress=False)
    monkeypatch.setattr(Progress, "advance", advance)
    assert Checkpoint(tmp_path, recipe("segmentation", *overrides), 0, squares()).position()[1] == 7
    resumed = train(recipe("segmentation", *overrides), squares(), folder=tmp_path, resume=True, progress=False)
    assert same(whole, resumed)


def test_resume_across_stages(tmp_path: Path) -> None:
    two = recipe()
    two = replace(two, stages=(replace(two.stages[0], trainable=("head",)), two.stages[0]))
    whole = train(two, squares(), progress=False, folder=tmp_path)
    resumed = train(two, squares(), progress=False, folder=tmp_path, resume=True)
    assert same(whole, resumed)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(recipe("linear"), squares(), folder=tmp_path, progress=False)
    with pytest.raises(TrainingError, match="its seed differs"):
        train(recipe("linear"), squares(), seed=1, folder=tmp_path, resume=True, progress=False)
    with pytest.raises(TrainingError, match="other data: what differs is images or their labels"):
        train(recipe("linear"), squares(3), folder=tmp_path, resume=True, progress=False)
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match=r"(?s)cannot be read.*delete it"):
        train(recipe("linear"), squares(), folder=tmp_path, resume=True, progress=False)


def test_a_loss_that_explodes_stops_and_says_what_to_try(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"(?s)not finite at step.*lower the learning rate.*1e\+07.*clip"):
        train(recipe("linear", "lr=1e8", "steps=200"), squares(), folder=tmp_path, progress=False)


def test_a_stage_moves_only_what_it_names() -> None:
    base = recipe("segmentation", "steps=3")
    only_head = replace(base, stages=(replace(base.stages[0], trainable=("head",)),))
    start = weights(
        train(replace(base, stages=(replace(base.stages[0], steps=1, trainable=("head",)),)), squares(), progress=False)
    )
    end = weights(train(only_head, squares(), progress=False))
    moved = {k for k in end if not torch.equal(start[k], end[k])}
    assert moved
    assert all(k.startswith("head.") for k in moved), moved
    nothing = replace(base, stages=(replace(base.stages[0], trainable=("nonsense",)),))
    with pytest.raises(TrainingError, match="no parameter is trainable"):
        train(nothing, squares(), progress=False)


def test_a_stage_goes_on_from_the_one_before() -> None:
    base = recipe("linear", "steps=40")
    last = replace(base.stages[0], steps=1, trainable=("head",), optimizer=replace(base.stages[0].optimizer, lr=1e-9))
    test = squares(8, seed=1)
    classifier = train(replace(base, stages=(base.stages[0], last)), squares(), progress=False)
    assert (classifier.predict(test) == test.labels).mean() > 0.9


def test_refusals_before_training() -> None:
    with pytest.raises(TrainingError, match=r"(?s)no training image has one.*binarize"):
        train(recipe(), squares(masks=False), progress=False)
    data = squares()
    inner = tuple(replace(s, known=s.mask) for s in data.samples)
    with pytest.raises(TrainingError, match=r"(?s)mark the object alone, and no background.*a box around"):
        train(recipe(), replace(data, samples=inner), progress=False)
    with pytest.raises(TrainingError, match="no training image of red"):
        train(recipe("linear"), Dataset(tuple(s for s in data.samples if s.label != 2), data.classes), progress=False)
    with pytest.raises(TrainingError, match="two classes"):
        train(recipe("linear"), Dataset(data.samples[:3], ("blue",)), progress=False)
    if not torch.cuda.is_available():
        with pytest.raises(TrainingError, match="no cuda"):
            train(recipe("linear"), data, device="cuda", progress=False)
    with pytest.raises(TrainingError, match="fp16"):
        train(recipe("linear", "precision=fp16"), data, device="cpu", progress=False)


def test_a_class_without_a_mask_is_named_where_masks_are_all_that_is_learned() -> None:
    data = squares()
    red = tuple(replace(s, mask=None, mask_source=None) if s.label == 2 else s for s in data.samples)
    with pytest.warns(HandfulWarning, match="learns from masks alone, and no training image of red has one"):
        train(recipe("segmentation", "steps=1"), replace(data, samples=red), progress=False)


def test_unlabelled_images_and_other_masks_do_not_change_the_classifier() -> None:
    data = squares()
    extra = tuple(replace(s, id=f"zz{s.id}", label=None) for s in squares(2, seed=9).samples)
    assert same(
        train(recipe(), data, progress=False),
        train(recipe(), Dataset(data.samples + extra, data.classes), progress=False),
    )


def test_images_of_one_per_class_fill_a_batch() -> None:
    classifier = train(recipe("linear", "batch_size=8", "fill_batch=true", "steps=2"), squares(1), progress=False)
    assert classifier.card["steps"] == 2
    assert classifier.card["images_per_class"] == {"blue": 1, "green": 1, "red": 1}


def test_bf16_stays_close_to_fp32() -> None:
    test = squares(8, seed=1)
    low = train(recipe("linear", "steps=40", "precision=bf16"), squares(), progress=False)
    assert low.card["precision"] == "bfloat16"
    assert (low.predict(test) == test.labels).mean() > 0.9


def test_loss_weights_and_times_are_kept() -> None:
    base = recipe("segmentation", "steps=4")
    both = (Part("pixel_cross_entropy"), Part("cross_entropy", weight=0.5, start=0.5))
    late = train(replace(base, stages=(replace(base.stages[0], losses=both),)), squares(), progress=False)
    never = (Part("pixel_cross_entropy"), Part("cross_entropy", weight=0.0))
    assert not same(late, train(base, squares(), progress=False))
    silent = train(replace(base, stages=(replace(base.stages[0], losses=never),)), squares(), progress=False)
    np.testing.assert_allclose(
        silent.probabilities(squares(2)), train(base, squares(), progress=False).probabilities(squares(2)), atol=1e-5
    )
