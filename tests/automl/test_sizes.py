from handful.automl.candidates import DESCRIPTIONS
from handful.automl.sizes import working_sizes
from handful.recipes.load import load_recipe


def test_the_sizes_of_all_candidates_are_known_before_they_are_chosen() -> None:
    recipes = [load_recipe(name) for name in DESCRIPTIONS]
    assert {(r.image_size, r.resize) for r in recipes if r.image_size is not None} <= working_sizes(masked=True)
