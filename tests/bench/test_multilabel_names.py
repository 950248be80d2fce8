import numpy as np
from bench.tables.multilabel_names import (
    FINE_KNOWN,
    PER_CLASS,
    TUNING_DRAWS,
    TUNING_IMAGES,
    coarse_names,
    drawn,
    from_tree,
    one_name,
    targets_of,
)

GROUP = [0, 1, 0]  # of three fine names; two groups
LABELS = np.repeat(np.arange(3), PER_CLASS)
TARGETS = targets_of(LABELS, GROUP)


def one_known() -> np.ndarray:
    return one_name(TARGETS, np.random.default_rng(0), group=GROUP)


def test_an_image_shows_its_class_and_the_group_of_it() -> None:
    assert targets_of(np.array([1, 2]), GROUP).tolist() == [[0, 1, 0, 0, 1], [0, 0, 1, 1, 0]]


def test_names_of_groups_follow_the_hundred_classes() -> None:
    names, group = coarse_names(("trout", "shark", "bed"))
    assert (names[:3], len(names)) == (("trout", "shark", "bed"), 23)
    assert [names[3 + g] for g in group] == ["fish", "fish", "household furniture"]


def test_one_of_the_two_names_of_each_image_is_known() -> None:
    known = one_known()
    fine, coarse = ~np.isnan(known[:, :3]), ~np.isnan(known[:, 3:])
    assert (fine.all(axis=1) ^ coarse.all(axis=1)).all()
    assert (fine.any(axis=1) ^ coarse.any(axis=1)).all()
    assert np.bincount(LABELS[fine.all(axis=1)]).tolist() == [FINE_KNOWN] * 3
    assert np.array_equal(known[~np.isnan(known)], TARGETS[~np.isnan(known)])


def test_the_tree_fills_in_what_follows_and_no_more() -> None:
    known = one_known()
    filled = from_tree(known, GROUP)
    of_fine, of_coarse = ~np.isnan(known[:, 0]), ~np.isnan(known[:, 3])
    assert np.array_equal(filled[of_fine], TARGETS[of_fine])
    for row, target in zip(filled[of_coarse], TARGETS[of_coarse], strict=True):
        possible = np.array(GROUP) == target[3:].argmax()
        assert np.isnan(row[:3][possible]).all()
        assert (row[:3][~possible] == 0).all()


def test_images_that_tune_a_penalty_are_not_trained_on_and_draws_that_count_have_none() -> None:
    labels = np.repeat(np.arange(2), PER_CLASS + TUNING_IMAGES)
    trained, scored = drawn(labels, TUNING_DRAWS[0])
    assert not set(trained) & set(scored)
    assert np.bincount(labels[trained]).tolist() == [PER_CLASS] * 2
    assert np.bincount(labels[scored]).tolist() == [TUNING_IMAGES] * 2
    assert len(drawn(labels, 0)[1]) == 0
