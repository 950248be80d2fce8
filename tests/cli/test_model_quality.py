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


@pytest.mark.parametrize("failures", [None, {"confusions": [{"label": "a"}]}, {"confusions": None}])
def test_a_card_that_a_stranger_wrote_has_no_confusions(failures: object) -> None:
    assert known_confusions({"failures": failures}) == []


def test_small_confusions_are_left_out() -> None:
    rows = [{"label": "a", "predicted": "b", "share": 0.01}, {"label": "b", "predicted": "a", "share": 0.5}]
    assert [row.label for row in known_confusions({"failures": {"confusions": rows}})] == ["b"]
