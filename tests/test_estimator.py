import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from handful.errors import DataError, HandfulWarning, RecipeError, TrainingError
from handful.estimator import HandfulClassifier
from handful.image_estimator import ImageEstimator
from handful.recipes.load import load_recipe
from tests.support.datasets import recipe, several_squares, squares
from tests.support.vision_transformer import write_transformer

SKIPPED = {
    "check_array_api_input": "networks run on torch tensors made here from NumPy; other arrays are converted first",
    "check_sample_weight_equivalence_on_dense_data": "batches of repeated images are others than of weighted ones",
}


@parametrize_with_checks(
    [HandfulClassifier(recipe("linear", "steps=40", "batch_size=32"), random_state=0)],
    expected_failed_checks=lambda _: SKIPPED,
)
def test_scikit_learns_checks(estimator: HandfulClassifier, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # One check gives the constructor nonsense, which it must store; the types that tests check are not its business.
    for class_ in (HandfulClassifier, ImageEstimator):
        monkeypatch.setattr(class_, "__init__", inspect.unwrap(class_.__init__))
    check(estimator)


def pictures(per_class: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = squares(per_class, seed=seed)
    images = np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in data.samples])
    masks = np.stack([s.mask for s in data.samples if s.mask is not None])
    return images, np.array(data.classes)[data.labels], masks


def tiny(kind: str = "linear", *overrides: str, **values: Any) -> HandfulClassifier:
    return HandfulClassifier(recipe(kind, "steps=40", *overrides), random_state=0, **values)


def test_colour_images_in_cross_validation_and_a_pipeline() -> None:
    X, y, _ = pictures()
    assert cross_val_score(tiny(), X, y, cv=2).mean() > 0.8
    darker = make_pipeline(FunctionTransformer(lambda images: images // 2), tiny())
    assert darker.fit(X, y).score(X, y) > 0.8


def test_masks_follow_their_images_through_cross_validation() -> None:
    X, y, masks = pictures()
    groups = np.arange(len(y)) % 3
    scores = cross_val_score(
        tiny("segmentation", "steps=80"), X, y, cv=GroupKFold(3), groups=groups, params={"masks": masks}
    )
    assert scores.mean() > 0.6


def test_a_recipe_that_needs_masks_says_so() -> None:
    X, y, _ = pictures(2)
    with pytest.raises(TrainingError, match="learns from masks"):
        tiny("segmentation").fit(X, y)


def test_only_some_images_need_a_mask() -> None:
    X, y, masks = pictures(3)
    some = [mask if i % 3 == 0 else None for i, mask in enumerate(masks)]
    fitted = tiny("segmentation").fit(X, y, masks=some)
    assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_rows_of_a_square_number_are_taken_as_square_images() -> None:
    digits = load_digits()
    few = np.isin(digits.target, (0, 1))
    X, y = digits.data[few][:80], digits.target[few][:80]
    flat = tiny().fit(X, y)
    square = tiny().fit(np.rint(X.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8), y)
    assert flat.classifier_.size == square.classifier_.size == (8, 8)
    np.testing.assert_allclose(flat.predict_proba(X[:5]), square.predict_proba(X[:5].reshape(-1, 8, 8) / 16), atol=1e-6)
    assert flat.n_features_in_ == square.n_features_in_ == 64


def test_other_rows_are_images_of_one_row() -> None:
    X = np.linspace(-3, 3, 60).reshape(12, 5)
    model = make_pipeline(MinMaxScaler(), tiny()).fit(X, np.arange(12) > 5)
    assert model[-1].classifier_.size == (1, 5)
    assert model.score(X, np.arange(12) > 5) > 0.8


def test_classes_keep_their_type_and_order() -> None:
    X, y, _ = pictures(3)
    number = {"blue": 10, "green": 9, "red": -1}  # as text in another order: "-1", "10", "9"
    labels = np.array([number[name] for name in y])
    fitted = tiny("linear", "steps=80").fit(X, labels)
    assert fitted.classes_.tolist() == [-1, 9, 10]
    assert fitted.score(X, labels) == 1
    assert (fitted.classes_[fitted.predict_proba(X).argmax(axis=1)] == fitted.predict(X)).all()


def test_images_of_different_sizes_need_a_working_size() -> None:
    X, y, _ = pictures(2)
    several = [image[: 12 - i % 2] for i, image in enumerate(X)]
    fitted = tiny("linear", "image_size=[12,12]").fit(several, y)
    assert fitted.predict(several).shape == y.shape
    with pytest.raises(DataError, match="differ in size"):
        tiny().fit(several, y)


def test_the_same_seed_gives_the_same_classifier_also_when_cloned_and_pickled() -> None:
    X, y, masks = pictures(3)
    first = tiny("segmentation").fit(X, y, masks=masks)
    again = clone(first).fit(X, y, masks=masks)
    thawed = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    np.testing.assert_array_equal(first.predict_proba(X), thawed.predict_proba(X))


def test_a_recipe_by_file_takes_overrides_and_a_recipe_object_none(tmp_path: Path) -> None:
    from handful.recipes.write import to_toml

    path = tmp_path / "mine.toml"
    path.write_text(to_toml(recipe("linear")))
    X, y, _ = pictures(2)
    fitted = HandfulClassifier(path, overrides=("steps=3",), random_state=0).fit(X, y)
    assert fitted.classifier_.card["steps"] == 3
    with pytest.raises(ValueError, match="overrides"):
        tiny(overrides=("steps=3",)).fit(X, y)
    with pytest.raises(RecipeError, match="no such file"):
        HandfulClassifier("other.toml").fit(X, y)


def test_predict_takes_what_fit_took() -> None:
    X, y, _ = pictures(2)
    with pytest.raises(NotFittedError):
        tiny().predict(X)
    fitted = tiny().fit(X, y)
    with pytest.raises(ValueError, match="fitted on images"):
        fitted.predict(X.reshape(len(X), -1))
    rows = tiny().fit(X.reshape(len(X), -1), y)
    with pytest.raises(ValueError, match="fitted on rows"):
        rows.predict(X)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        tiny().fit(X, y[:-1])
    with pytest.raises(ValueError, match="one class"):
        tiny().fit(X, np.zeros(len(X)))


def test_one_image_and_images_unlike_those_of_fit() -> None:
    X, y, _ = pictures(2)
    fitted = tiny().fit(X, y)
    with pytest.raises(ValueError, match="X is one image"):
        fitted.predict(X[0])
    with pytest.warns(HandfulWarning, match="not like those of fit: they are gray"):
        fitted.predict(X[..., 0])
    with pytest.raises(RecipeError, match=r"one text instead of a list(.|\n)*overrides=\[\"steps=3\"\]"):
        HandfulClassifier("logistic-pixels", overrides="steps=3").fit(X, y)
    with pytest.raises(RecipeError, match=r"did you mean 'steps'"):
        HandfulClassifier("logistic-pixels", overrides=["step=3"]).fit(X, y)


def test_groups_labels_and_images_of_a_selection_of_pandas_are_read_by_position(tmp_path: Path) -> None:
    X, y, masks = pictures(3)
    frame = pd.DataFrame({"picture": list(X), "label": y, "group": [f"p{i}" for i in range(len(y))]})
    few = frame.sample(frac=1, random_state=0).iloc[1:]
    fitted = tiny("segmentation").fit(
        few["picture"], few["label"], masks=pd.Series(list(masks))[few.index], groups=few["group"]
    )
    plain = tiny("segmentation").fit(X[few.index], y[few.index], masks=masks[few.index])
    np.testing.assert_array_equal(fitted.predict_proba(few["picture"]), plain.predict_proba(X[few.index]))


def test_paths_and_pictures_are_fitted_like_arrays(tmp_path: Path) -> None:
    X, y, _ = pictures(2)
    paths = []
    for i, image in enumerate(X):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        paths.append(tmp_path / f"{i}.png")
    plain = tiny().fit(X, y)
    mixed = [str(paths[0]), Image.fromarray(X[1]), X[2], *paths[3:]]
    for images in (
        mixed,
        pd.Series([str(p) for p in paths], index=range(10, 10 + len(y))),
        np.array(paths).astype(str),
    ):
        fitted = tiny().fit(images, y)
        assert fitted.n_features_in_ == plain.n_features_in_
        np.testing.assert_array_equal(fitted.predict_proba(images), plain.predict_proba(X))


@pytest.mark.filterwarnings("ignore:A column-vector")
@pytest.mark.parametrize(
    ("convert", "classes"),
    [
        (lambda codes: codes[:, None], [0, 1, 2]),
        (lambda codes: codes.astype(float), [0.0, 1.0, 2.0]),
        (lambda codes: np.array([b"a", b"b", b"c"])[codes], ["a", "b", "c"]),
        (lambda codes: np.eye(3)[codes], [0, 1, 2]),
        (lambda codes: pd.Series(codes, dtype="Int64", index=codes), [0, 1, 2]),
        (lambda codes: torch.from_numpy(codes), [0, 1, 2]),
        (lambda codes: pd.get_dummies(pd.Series(list("abc")).take(codes)), ["a", "b", "c"]),
        (lambda codes: pd.Series(["x", "y", "z"]).take(codes).astype("category"), ["x", "y", "z"]),
    ],
)
def test_labels_of_every_form_are_the_same_classes(convert: Any, classes: list[object]) -> None:
    X, y, _ = pictures(2)
    codes = np.unique(y, return_inverse=True)[1]
    fitted = tiny().fit(X, convert(codes))
    assert fitted.classes_.tolist() == classes
    assert fitted.predict(X).tolist() == [classes[i] for i in codes]


def test_gaps_and_minus_one_are_unlabelled() -> None:
    X, y, _ = pictures(2)
    codes = np.unique(y, return_inverse=True)[1]
    gaps = np.array([None if i == 0 else name for i, name in enumerate(y)], dtype=object)
    with pytest.warns(HandfulWarning, match="y: 1 of 6 without a label"):
        assert tiny().fit(X, gaps).classes_.tolist() == ["blue", "green", "red"]
    codes[0] = -1
    with pytest.warns(HandfulWarning, match="y: 1 label is -1, read as unlabelled"):
        assert tiny().fit(X, codes).classes_.tolist() == [0, 1, 2]


def test_labels_with_one_name_are_refused() -> None:
    X, y, _ = pictures(2)
    with pytest.warns(HandfulWarning, match="one class"), pytest.raises(DataError, match="have the same name 'red'"):
        tiny().fit(X, np.array([*y[:-1], "red "]))


def test_by_default_the_best_of_what_is_fitted_in_seconds_is_selected() -> None:
    X, y = load_digits(return_X_y=True)
    model = HandfulClassifier(random_state=0, device="cpu").fit(X[:60], y[:60])
    assert model.recipe_ in ("logistic-pixels", "logistic-hog")
    assert model.score(X[1000:1200], y[1000:1200]) > 0.75
    assert model.cv_results_["param_recipe"][model.best_index_] == model.recipe_
    best = model.cv_results_["mean_test_score"][model.best_index_]
    score = model.honest_score_
    assert score.low < score.accuracy <= best
    assert best - score.optimism == pytest.approx(score.accuracy)
    assert (score.tried, score.images) == (2, 60)
    assert repr(model.classifier_) == f"Classifier({model.recipe_!r}, 10 classes, 60 training images, 32x32)"
    assert not hasattr(model.set_params(recipe="logistic-pixels").fit(X[:30], y[:30]), "cv_results_")
    photographs = squares(3)
    images = [s.image.transpose(1, 2, 0) for s in photographs.samples]  # type: ignore[union-attr]
    model = HandfulClassifier(random_state=0, device="cpu").fit(images, photographs.labels)
    assert model.recipe_ in ("logistic-pixels", "logistic-hog", "nearest-centroid", "logistic")


def test_the_default_passes_a_clone_and_one_image_of_each_class() -> None:
    X, y = load_digits(return_X_y=True)
    model = clone(HandfulClassifier(random_state=0, device="cpu")).fit(X[:10], y[:10])
    assert model.predict(X[:10]).tolist() == y[:10].tolist()
    assert (model.cv_results_, model.honest_score_.scored_by) == ({}, "nothing")


def test_progress_is_shown_where_somebody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    assert [HandfulClassifier(verbose=v)._shows_progress() for v in (None, True, False)] == [False, True, False]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert HandfulClassifier()._shows_progress()


@pytest.mark.filterwarnings("ignore:.*does not say which images it was trained on")
def test_a_backbone_of_ones_own_is_a_parameter(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), dtype=np.uint8)
    labels = [0, 1] * 4
    folder = write_transformer(tmp_path / "vit")
    model = HandfulClassifier("knn", backbone=folder, device="cpu", random_state=0).fit(images, labels)
    assert model.recipe_ == "knn@vit"
    assert model.get_params()["backbone"] == folder
    again = HandfulClassifier(load_recipe("knn"), backbone=folder, device="cpu", random_state=0).fit(images, labels)
    np.testing.assert_allclose(again.predict_proba(images), model.predict_proba(images), atol=1e-6)
    selected = HandfulClassifier(backbone=folder, device="cpu", random_state=0).fit(images, labels)
    assert "nearest-centroid" not in {params["recipe"] for params in selected.cv_results_["params"]}


def several(n: int = 40, *, known: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    data = several_squares(n, known=known, seed=seed)
    return np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in data.samples]), data.targets()


def test_an_indicator_matrix_is_several_labels_per_image() -> None:
    X, Y = several()
    test, truth = several(20, seed=1)
    estimator = HandfulClassifier("logistic-pixels", overrides=("image_size=[12,12]",), device="cpu").fit(X, Y)
    predicted = estimator.predict(test)
    assert predicted.shape == truth.shape
    assert set(np.unique(predicted)) <= {0, 1}
    assert (predicted == truth).mean() > 0.75
    assert estimator.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(predicted, estimator.predict_proba(test) >= 0.5)
    assert estimator.score(test, truth.astype(int)) == (predicted == truth).all(axis=1).mean()


def test_unknown_entries_of_an_indicator_matrix_are_nan() -> None:
    X, Y = several(known=0.6)
    assert np.isnan(Y).any()
    estimator = tiny().fit(X, Y)
    assert np.isfinite(estimator.predict_proba(X)).all()
    assert estimator.classifier_.card["known_entries"] == (~np.isnan(Y)).sum()


def test_the_columns_of_a_frame_are_the_classes() -> None:
    X, Y = several()
    frame = pd.DataFrame(Y, columns=["z", "b", "a"])
    estimator = HandfulClassifier("logistic-pixels", overrides=("image_size=[12,12]",), device="cpu").fit(X, frame)
    assert estimator.classes_.tolist() == ["z", "b", "a"]
    plain = HandfulClassifier("logistic-pixels", overrides=("image_size=[12,12]",), device="cpu").fit(X, Y)
    np.testing.assert_allclose(estimator.predict_proba(X), plain.predict_proba(X), atol=1e-2)


def test_one_hot_rows_are_one_label_unless_said_otherwise() -> None:
    X, y, _ = pictures()
    rows = np.eye(3)[np.unique(y, return_inverse=True)[1]]
    assert tiny().fit(X, rows).predict(X).shape == (len(y),)
    assert tiny(multilabel=True).fit(X, rows).predict(X).shape == rows.shape
    with pytest.raises(ValueError, match="no indicator matrix"):
        tiny(multilabel=True).fit(X, y)


def test_auto_is_logistic_regression_for_several_labels() -> None:
    _, Y = several(24)
    rows = np.random.default_rng(0).random((24, 16))
    estimator = HandfulClassifier(random_state=0, device="cpu").fit(rows, Y)
    assert estimator.recipe_ == "logistic-pixels"
    assert estimator.predict(rows).shape == Y.shape


def plain_pixels(*overrides: str) -> HandfulClassifier:
    size = "image_size=[12,12]"
    return HandfulClassifier("logistic-pixels", overrides=(size, *overrides), random_state=0, device="cpu")


def test_a_weight_of_two_is_an_image_that_is_there_twice() -> None:
    X, y, _ = pictures(3, seed=1)
    fixed = plain_pixels("head.C=1.0", "head.center=false")  # the mean of the features does not weigh images
    weighted: Any = fixed.fit(X, y, sample_weight=1 + np.arange(len(y)) % 2).classifier_.network
    repeated = np.repeat(np.arange(len(y)), 1 + np.arange(len(y)) % 2)
    twice: Any = clone(fixed).fit(X[repeated], y[repeated]).classifier_.network
    torch.testing.assert_close(weighted.head.weight, twice.head.weight, atol=2e-3, rtol=0)
    once: Any = clone(fixed).fit(X, y).classifier_.network
    assert (once.head.weight - twice.head.weight).abs().max() > 0.01


def test_an_image_of_weight_zero_is_left_out() -> None:
    X, y, masks = pictures(3)
    weights = np.ones(len(y))
    weights[[0, 4]] = 0
    rest = weights > 0
    model = tiny("segmentation").fit(X, y, masks=masks, sample_weight=weights)
    np.testing.assert_array_equal(
        model.predict_proba(X), tiny("segmentation").fit(X[rest], y[rest], masks=masks[rest]).predict_proba(X)
    )
    without_red = tiny().fit(X, y, sample_weight=pd.Series(y != "red", index=range(5, 5 + len(y))).astype(float))
    assert without_red.classes_.tolist() == ["blue", "green"]
    several_X, Y = several(24)
    late = np.arange(24) >= 4
    model = plain_pixels("head.C=1.0").fit(several_X, Y, sample_weight=late)
    expected = plain_pixels("head.C=1.0").fit(several_X[4:], Y[4:]).predict_proba(several_X)
    np.testing.assert_array_equal(model.predict_proba(several_X), expected)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1.0, -1.0], DataError, r"sample_weight\[1\]: the weight of a sample is -1.0"),
        ([1.0, np.nan], DataError, r"sample_weight\[1\]"),
        ([1.0], ValueError, r"sample_weight of shape \[1\] .* for 2 images"),
        ([["a"], ["b"]], ValueError, "sample_weight of shape"),
        ([0, 0], ValueError, "all 2 weights are zero"),
    ],
)
def test_what_is_no_weight_is_refused(weights: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tiny().fit(np.zeros((2, 8, 8), np.uint8), ["a", "b"], sample_weight=weights)


def test_weights_are_refused_by_recipes_that_do_not_weigh_images_and_auto_selects_one_that_does() -> None:
    X, y = load_digits(return_X_y=True)
    weights = 1.0 + y[:40] % 2
    with pytest.raises(TrainingError, match=r"head 'knn' does not weigh samples(.|\n)*logistic"):
        HandfulClassifier("knn", device="cpu").fit(X[:40].reshape(-1, 8, 8) / 16, y[:40], sample_weight=weights)
    with pytest.raises(TrainingError, match="does not weigh samples"):
        plain_pixels().fit(*several(12), sample_weight=1.0 + np.arange(12))
    photographs = squares(3)
    images = np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in photographs.samples])
    model = HandfulClassifier(random_state=0, device="cpu")
    model.fit(images, photographs.labels, sample_weight=1.0 + np.arange(9))
    tried = {params["recipe"] for params in model.cv_results_["params"]}
    assert "logistic" in tried
    assert "nearest-centroid" not in tried


def test_weights_reach_a_classifier_in_a_pipeline() -> None:
    X, y, _ = pictures(3)
    model = make_pipeline(FunctionTransformer(), tiny())
    model.fit(X, y, handfulclassifier__sample_weight=np.where(y == "red", 5.0, 1.0))
    assert not np.allclose(model.predict_proba(X), tiny().fit(X, y).predict_proba(X))
