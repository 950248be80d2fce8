from handful.automl.candidates import Candidate, run_order
from handful.recipes.load import load_recipe


def names(*recipes: str) -> list[str]:
    return [c.recipe.name for c in run_order([Candidate(load_recipe(name), False) for name in recipes])]


def test_the_promising_recipe_runs_before_a_weaker_one_on_the_same_features() -> None:
    assert names("nearest-centroid", "logistic", "logistic-pixels") == [
        "logistic",
        "nearest-centroid",
        "logistic-pixels",
    ]


def test_other_orders_stay() -> None:
    assert names("logistic-pixels", "logistic-hog") == ["logistic-pixels", "logistic-hog"]
    assert names("logistic", "nearest-centroid") == ["logistic", "nearest-centroid"]
