"""The table of a selection, as GridSearchCV keeps it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from handful.automl.candidates import Candidate
from handful.automl.cv_results import cv_results
from handful.automl.select import Selection
from handful.evaluation.score_table import pooled_accuracy
from handful.evaluation.selection_bias import selected_score
from tests.support.datasets import recipe
from tests.support.results import result, run


def test_a_row_for_each_recipe_and_a_column_for_each_quantity() -> None:
    worse, better = (
        result(name, run([0, 1, 0, 1], right)) for name, right in (("a", [0, 0, 1, 1]), ("b", [0, 1, 1, 1]))
    )
    candidates = tuple(Candidate(replace(recipe("linear"), name=name), False) for name in ("first", "second"))
    score = selected_score([worse, better], "accuracy", resamples=5)
    selection = Selection(candidates[1], (worse, better), candidates, score, "accuracy", ())
    table = pd.DataFrame(cv_results(selection))
    assert table["param_recipe"].tolist() == ["first", "second"]
    assert table["mean_test_score"].tolist() == [pooled_accuracy(worse.runs), pooled_accuracy(better.runs)]
    assert table["rank_test_score"].tolist() == [2, 1]
    assert np.isfinite(table["mean_fit_time"]).all()


def test_without_held_out_images_it_is_empty() -> None:
    candidate = Candidate(recipe("linear"), False)
    assert cv_results(Selection(candidate, (), (), None, "accuracy", ())) == {}
