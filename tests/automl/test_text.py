import math
from dataclasses import replace
from pathlib import Path

import pytest

from handful.automl.candidate_runner import NotTried
from handful.automl.candidates import DESCRIPTIONS, choose_candidates
from handful.automl.result import Advice, ClassScore, HonestScore, RunResult, Tried, as_values
from handful.automl.text import answer, format_answer, format_extras, format_run
from handful.errors import command_line
from handful.evaluation.normal_class import NormalClassRates, Rate
from handful.recipes.backbone_names import split_name
from tests.support.datasets import squares
from tests.support.results import result, run

NAN = math.nan
LABELS = [0] * 60 + [1] * 40 + [2] * 20


def _predictions(rust: int, scab: int, healthy: int = 0) -> list[int]:
    """So many of 60 images of rust are called scab, of 40 of scab called rust, and some of them healthy."""
    return [1] * rust + [0] * (60 - rust) + [0] * scab + [2] * healthy + [1] * (40 - scab - healthy) + [2] * 20


HELD_OUT = result(
    "logistic",
    *(run(LABELS, _predictions(rust, 16), draw=draw) for draw, rust in enumerate([4, 5, 5, 5, 5])),
    classes=("rust", "scab", "healthy"),
)
SCORE = HonestScore("cross-validation", 0.792, 0.71, 0.861, 0.74, 0.70, 0.35, 120, 5, 5)
RUN = RunResult(
    folder=Path("handful-photos"),
    images=120,
    unlabelled=30,
    masks=0,
    doubts=(),
    recipe="logistic",
    description=DESCRIPTIONS["logistic"],
    score=SCORE,
    classes=(
        ClassScore("rust", 60, 60, 0.9, "scab", 0.08),
        ClassScore("scab", 40, 40, 0.6, "rust", 0.4),
        ClassScore("healthy", 20, 20, 0.99, "rust", 0.01),
    ),
    tried=(
        Tried("logistic-hog", "logistic regression on edge directions", 0.6, 0.5, False),
        Tried("logistic", "logistic regression on a pretrained network's features", 0.8, 1.0, True),
    ),
    not_tried=(NotTried("fine-tuned", "takes about 9 minutes", 700.0),),
    advice=(Advice("twice as many labelled images: about 3 more of 100 right", 0.03),),
    predicted={"rust": 30},
    seconds=42.3,
    result=HELD_OUT,
)


def test_the_answer_is_a_sentence_in_tenths_where_the_interval_is_wide() -> None:
    assert answer(SCORE) == (
        "Right for about 8 of 10 new images (95 % interval 71.0 to 86.1 %); in the worst repeat 74.0 %."
    )


def test_the_answer_is_in_hundredths_where_much_was_measured() -> None:
    score = replace(SCORE, accuracy=0.913, low=0.89, high=0.93, worst=NAN, scored_by="test images")
    assert answer(score) == "Right for about 91 of 100 new images (95 % interval 89.0 to 93.0 %)."


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "10 of 10"), (0.97, "more than 9 of 10"), (0.02, "fewer than 1 of 10")]
)
def test_nearly_all_is_not_all(share: float, text: str) -> None:
    score = replace(SCORE, accuracy=share, low=max(0, share - 0.3), high=min(1, share + 0.3), worst=NAN)
    assert f"about {text} new" in answer(score)


def test_the_object_reads_as_the_sentences() -> None:
    assert str(RUN) == format_run(RUN)
    assert "handful-photos/report.html" in RUN._repr_html_()
    assert "Right for about 8 of 10" in RUN._repr_html_()
    assert repr(RUN).startswith("RunResult('handful-photos', 'logistic', HonestScore(79.2 %, 95 % interval")


def test_the_score_says_why_it_is_lower_than_that_of_the_trials() -> None:
    text = repr(replace(SCORE, worst=NAN, tried=2, optimism=0.008))
    assert "0.8 points taken off for being the best of 2 recipes" in text
    assert "nan" not in text
    assert "worst" not in text
    assert "worst repeat 74.0 %" in repr(SCORE)
    assert "points" not in repr(SCORE)


def test_without_a_score_it_says_so_and_what_would_give_one() -> None:
    nothing = HonestScore("nothing", NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, 0)
    text = format_run(replace(RUN, score=nothing, classes=(), tried=(), advice=(), result=None))
    assert "cannot be said" in text
    assert "nan" not in text


@pytest.mark.parametrize("width", [60, 100])
def test_the_lines_say_what_happened_and_fit(width: int) -> None:
    with command_line():
        text = format_run(RUN, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    joined = " ".join(text.split())
    for part in (
        "(95 % interval 71.0 to 86.1 %)",
        "(79.2 % accuracy, 120 images held out in turn, 5 times 5 folds, corrected",
        "Always naming the most frequent class: 4 of 10. With every class counted alike: 7 of 10.",
        "Confuses: 16 of 40 images of scab are called rust; on average 4.8 of 60 images of rust are called scab.",
        "Would help: twice as many labelled images",
        "Method: logistic regression on a pretrained network's features (logistic), the best of 2 tried.",
        "Not tried: fine-tuning of a pretrained network (takes about 9 minutes).",
        "Wrote predictions.csv (30 images without a label). Took 42 s of a budget of 180 s.",
        "Next: handful predict handful-photos NEW_IMAGES",
    ):
        assert part in joined


def test_the_largest_confusions_may_be_of_one_class() -> None:
    held_out = result("logistic", run(LABELS, _predictions(3, 16, healthy=4)), classes=HELD_OUT.classes)
    text = " ".join(format_answer(replace(RUN, result=held_out)).split())
    assert "Confuses: 16 of 40 images of scab are called rust; 4 of 40 images of scab are called healthy." in text


def test_confusions_of_few_images_are_not_named() -> None:
    held_out = result("logistic", run(LABELS, _predictions(1, 0)), classes=HELD_OUT.classes)
    assert "Confuses: nothing worth naming." in format_answer(replace(RUN, result=held_out))
    assert "Confuses" not in format_answer(replace(RUN, result=None))


def test_a_method_that_is_usually_good_and_was_not_tried_is_said_right_after_the_answer() -> None:
    waiting = (NotTried("logistic", "no time was left", 700.0), NotTried("fine-tuned", "takes about 9 minutes", 800.0))
    weaker = (Tried("nearest-centroid", DESCRIPTIONS["nearest-centroid"], 0.74, 1.0, True),)
    with command_line():
        text = " ".join(format_answer(replace(RUN, tried=weaker, not_tried=waiting)).split())
    assert "74.0 %. BUT: logistic regression on a pretrained network's features was not tried (no time was" in text
    assert "The same command with --budget 15m tries it." in text
    assert "BUT" not in format_answer(RUN)
    on_two = (NotTried("logistic@lite0+lite2", "no time was left", 700.0),)
    assert "BUT" not in format_answer(replace(RUN, not_tried=on_two))


def test_a_budget_that_was_exceeded_is_said_with_what_was_left_out() -> None:
    text = " ".join(format_extras(replace(RUN, seconds=242.0, skipped=("what 3 would bring (about 40 s)",))).split())
    assert "Left out, as no time was left: what 3 would bring (about 40 s)." in text
    assert "Took 242 s of a budget of 180 s: what had begun was finished." in text


def test_no_answer_begins_with_the_name_of_a_recipe() -> None:
    assert not any(line.startswith(tuple(DESCRIPTIONS)) for line in format_run(RUN).splitlines())


def test_values_are_plain() -> None:
    values = as_values(RUN)
    assert values["format"] == 1
    assert values["score"]["scored_by"] == "cross-validation"
    assert values["not_tried"][0]["why"] == "takes about 9 minutes"


def test_every_candidate_has_a_description() -> None:
    assert {split_name(c.recipe.name)[0] for c in choose_candidates(squares(3))} <= set(DESCRIPTIONS)


def test_a_calibrated_network_says_so() -> None:
    text = " ".join(format_run(replace(RUN, temperature=1.4)).split())
    assert "Its probabilities are calibrated on held-out images (temperature 1.4)." in text
    assert "calibrated" not in format_run(RUN)


def test_what_was_not_tried_for_one_reason_is_said_together() -> None:
    others = ("partial-fine-tuning", "fine-tuned")
    run = replace(RUN, not_tried=(*(NotTried(name, "a network takes minutes") for name in others), NotTried("x", "y")))
    text = " ".join(format_run(run).split())
    names = f"{DESCRIPTIONS[others[0]]}, {DESCRIPTIONS[others[1]]}"
    assert f"Not tried: {names} (a network takes minutes); x (y)." in text


def test_where_a_class_means_nothing_is_wrong_misses_and_false_alarms_are_said() -> None:
    missed, alarms = Rate(4.5, 21, 4.5 / 21, 0.09, 0.42), Rate(1, 15, 1 / 15, 0.01, 0.3)
    run = replace(RUN, normal_class=NormalClassRates("good", True, missed, alarms))
    with command_line():
        text = " ".join(format_run(run).split())
    assert "good is taken to mean that nothing is wrong (recognized by its name; --normal-class NAME changes" in text
    assert "Missed: of the images of all other classes, 21.4 % (4.5 of 21; 95 % interval 9.0 to 42.0 %)" in text
    assert "False alarms: of the images of good, 6.7 % (1 of 15; 95 % interval 1.0 to 30.0 %)" in text
    assert as_values(run)["normal_class"]["missed"]["images"] == 21
    assert "nothing is wrong" not in format_run(RUN)


def test_labels_to_check_follow_what_would_help() -> None:
    text = " ".join(format_extras(replace(RUN, labels_to_check="Labels to check: 2 images look like others.")).split())
    assert "of 100 right. Labels to check: 2 images look like others. Wrote predictions.csv" in text
