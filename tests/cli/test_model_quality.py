import pytest

from handful.cli._model_quality import describe_quality, known_confusions

SCORES = {"rows": [{"metric": "accuracy", "mean": 0.853, "low": 0.795, "high": 0.897, "worst": 0.853}]}
MEASURED = [{"measure": "expected calibration error", "mean": "6.1", "low": "3.0"}]


def test_the_score_of_the_card_comes_first_and_the_probabilities_are_judged() -> None:
    assert describe_quality({"scores": SCORES, "measured": MEASURED}) == (
        "Right for about 85 of 100 new images (95 % interval 79.5 to 89.7 %), if they are like those it learned from. "
        "Its probabilities are not calibrated: on held-out images they were off by about 6 points."
    )


def test_of_calibrated_probabilities_nothing_is_said() -> None:
    text = describe_quality({"scores": SCORES, "calibration": {"temperature": 1.2}})
    assert "calibrated" not in text


@pytest.mark.parametrize("card", [{}, {"scores": {"rows": []}}, {"scores": {"rows": [{"metric": "accuracy"}]}}])
def test_a_card_without_a_score_says_what_measures_one(card: dict[str, object]) -> None:
    assert "`handful run` measures one" in describe_quality(card)


def test_mean_ap_and_macro_f1_of_the_card_are_said_of_several_labels() -> None:
    rows = [
        {"metric": "mean AP", "mean": 0.912, "low": 0.85, "high": 0.95, "worst": 0.9},
        {"metric": "macro F1", "mean": 0.8, "low": 0.7, "high": 0.875, "worst": 0.8},
    ]
    assert describe_quality({"kind": "multilabel", "scores": {"rows": rows}}) == (
        "On images that were held out: mean AP 91.2 % (95 % interval 85.0 to 95.0), "
        "macro F1 80.0 % (95 % interval 70.0 to 87.5)."
    )


@pytest.mark.parametrize("scores", [None, {"rows": [{"metric": "mean AP", "mean": None, "low": 0.1, "high": 0.2}]}])
def test_several_labels_without_a_score_say_what_measures_one(scores: object) -> None:
    assert "`handful evaluate` measures it" in describe_quality({"kind": "multilabel", "scores": scores})


def test_the_error_that_a_run_expects_of_numbers_is_repeated() -> None:
    card = {"kind": "number", "expected": ["age: off by 3.1 on average.", "Nothing has to be added."]}
    assert describe_quality(card) == "age: off by 3.1 on average. Nothing has to be added."
    assert "`handful evaluate` measures it" in describe_quality({"kind": "number"})


@pytest.mark.parametrize("failures", [None, {"confusions": [{"label": "a"}]}, {"confusions": None}])
def test_a_card_that_a_stranger_wrote_has_no_confusions(failures: object) -> None:
    assert known_confusions({"failures": failures}) == []


def test_small_confusions_are_left_out() -> None:
    rows = [{"label": "a", "predicted": "b", "share": 0.01}, {"label": "b", "predicted": "a", "share": 0.5}]
    assert [row.label for row in known_confusions({"failures": {"confusions": rows}})] == ["b"]
