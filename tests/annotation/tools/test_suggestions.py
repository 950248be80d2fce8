import numpy as np

from handful.annotation.tools.suggestions import suggest


def _features(n: int) -> dict[str, np.ndarray]:
    """Vectors whose first number is large for even images, and the second for images from the middle on."""
    rng = np.random.default_rng(0)
    return {
        str(i): np.array([5.0 * (i % 2 == 0), 5.0 * (i >= n / 2), *rng.normal(size=3)], dtype=np.float32)
        for i in range(n)
    }


def test_images_that_show_a_class_are_suggested_first() -> None:
    known = {str(i): {"even": i % 2 == 0, "late": i >= 20} for i in (0, 1, 6, 9, 22, 23, 34, 37)}
    entries = {name: known.get(name, {}) for name in _features(40)}
    found = suggest(_features(40), entries, ("even", "late"))
    shown = {"even": {str(i) for i in range(0, 40, 2)}, "late": {str(i) for i in range(20, 40)}}
    for label, names in shown.items():
        ranked = sorted(found[label], key=lambda name: -found[label][name])
        assert len(ranked) == 32
        assert names >= set(ranked[:12])
        assert not names & set(ranked[-12:])


def test_a_class_is_suggested_from_two_images_of_either_kind_on() -> None:
    entries: dict[str, dict[str, bool]] = {name: {} for name in _features(10)}
    entries["0"], entries["2"], entries["1"] = {"even": True}, {"even": True}, {"even": False}
    assert suggest(_features(10), entries, ("even",)) == {}
    entries["3"] = {"even": False}
    assert set(suggest(_features(10), entries, ("even",))["even"]) == {"4", "5", "6", "7", "8", "9"}


def test_images_without_features_and_classes_that_are_known_of_all_are_left_out() -> None:
    entries = {name: {"even": int(name) % 2 == 0} for name in _features(10)} | {"other": {}}
    assert suggest(_features(10), entries, ("even", "new")) == {}
    assert suggest({}, entries, ("even",)) == {}
