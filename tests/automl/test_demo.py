import numpy as np

from handful.automl.demo import demo_data


def test_the_digits_are_five_of_each_and_the_test_part_is_fixed_and_stratified() -> None:
    data, other = demo_data(), demo_data(seed=1)
    train, test = data.split("train"), data.split("test")
    assert train.counts.tolist() == [5] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    assert test.ids == other.split("test").ids
    assert set(train.ids) != set(other.split("train").ids)
    assert not set(train.ids) & set(test.ids)
