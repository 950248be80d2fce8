import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl.fit import fit_to
from handful.comparison.compare import compare
from handful.core.dataset import Dataset
from handful.errors import HandfulWarning, command_line, name_options
from handful.evaluation.evaluate import Protocol, evaluate
from handful.recipes.load import load_recipe
from handful.training.missing_unlabelled import spreads_labels, warn_without_unlabelled
from tests.support.datasets import squares

SPREADING = load_recipe("label-propagation", overrides=('backbone={name="pixels"}', "image_size=[12,12]"))
TEXT = "label-propagation gets no image without a label, so that it learns from the labelled ones alone; "


def mixed() -> Dataset:
    """Four labelled images of each class, and three without a label."""
    data = squares(4)
    bare = tuple(replace(s, id=f"bare{i}", label=None, mask=None) for i, s in enumerate(squares(1, seed=1).samples))
    return replace(data, samples=(*data.samples, *bare))


def test_recipes_that_label_what_has_no_label_are_told_from_those_that_may_use_it() -> None:
    names = ("label-propagation", "pseudo-labels", "logistic", "cvs", "fine-tuned")
    assert [spreads_labels(load_recipe(name)) for name in names] == [True, True, False, False, False]


def test_fit_warns_where_there_is_no_such_image(tmp_path: Path) -> None:
    with pytest.warns(HandfulWarning, match=TEXT + "add samples whose label is None"):
        fit_to(tmp_path / "without", SPREADING, squares(4), device="cpu")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", TEXT)
        fit_to(tmp_path / "with", SPREADING, mixed(), device="cpu")


def test_a_score_without_the_unlabelled_images_of_the_data_says_so(tmp_path: Path) -> None:
    protocol = Protocol((0,), per_class=2, score_on="rest")
    with pytest.warns(HandfulWarning, match=TEXT + r"Protocol\(unlabelled=.given.\) of evaluate"):
        evaluate(SPREADING, mixed(), protocol=protocol, device="cpu", progress=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", TEXT)
        evaluate(SPREADING, mixed(), protocol=replace(protocol, unlabelled="given"), device="cpu", progress=False)
    with pytest.warns(HandfulWarning, match=TEXT):
        compare(
            [SPREADING],
            mixed(),
            folder=tmp_path / "comparison",
            per_class=[2],
            protocol=protocol,
            trials=1,
            device="cpu",
            progress=False,
        )


def test_the_remedy_names_an_option_only_where_the_command_has_it() -> None:
    with command_line():
        name_options(["--unlabelled"])
        with pytest.warns(HandfulWarning, match="; --unlabelled given scores with those of the data"):
            warn_without_unlabelled([SPREADING], mixed())
        name_options(["--out"])
        with pytest.warns(HandfulWarning, match="; `handful evaluate --unlabelled given` scores"):
            warn_without_unlabelled([SPREADING], mixed())


def test_images_with_candidates_get_labels_so_that_nothing_is_missing() -> None:
    data = mixed()
    first = replace(data.samples[0], label=None, candidates=np.array([True, True, False]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_without_unlabelled([SPREADING], replace(data, samples=(first, *data.samples[1:])))
