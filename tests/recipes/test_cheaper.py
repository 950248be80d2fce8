from handful.recipes.cheaper import cheaper_than
from handful.recipes.load import load_recipe


def test_a_pretrained_network_has_a_fitted_head_beside_it_with_the_scores_of_both() -> None:
    fine_tuned = load_recipe("fine-tuned-lite0")
    text = cheaper_than(fine_tuned) or ""
    assert text.startswith("Cheaper: logistic-lite0, seconds a run")
    assert fine_tuned.about["expected"] in text


def test_what_was_not_measured_together_is_not_compared() -> None:
    text = cheaper_than(load_recipe("classification-wrn")) or ""
    assert text.startswith("Cheaper: logistic-hog, ")
    assert "Accuracy" not in text


def test_the_cheapest_has_no_cheaper_one() -> None:
    assert cheaper_than(load_recipe("logistic-lite0")) is None
