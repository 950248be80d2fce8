import pytest

from handful.data.split_names import parse_split, split_of, split_words
from handful.errors import DataError

SPELLINGS = {
    "train": "train Train TRAIN training Training TRAINING training_set training-set trainset TrainSet train_data "
    "train_images seg_train train2017 trn TrainingSet train_set",
    "val": "val VAL valid Valid validation VALIDATION validation_set valset eval evaluation dev Dev devset seg_val "
    "val2017 validationSet",
    "test": "test Test TESTING test_set testset seg_test test-images tst testdata hold_out holdout test2017 hold-out",
}


@pytest.mark.parametrize(("name", "split"), [(n, s) for s, names in SPELLINGS.items() for n in names.split()])
def test_usual_spellings_in_any_case(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    "name", ["tram", "trainer", "contest", "testes", "set", "cat", "devil", "2017", "", "train_test"]
)
def test_other_names_are_no_splits(name: str) -> None:
    assert split_of(name) is None


def test_spaces_around_and_within() -> None:
    assert split_of(" Training set ") == "train"
    assert split_of("Hold out") == "test"


def test_words_keep_what_is_not_the_split() -> None:
    assert split_words("chest_xrayTrainset") == ["chest", "xray", "train", "set"]


def test_a_cell_is_a_split_empty_or_an_error() -> None:
    assert parse_split("Validation", "t.csv, line 2") == "val"
    assert parse_split("  ", "t.csv, line 2") is None
    with pytest.raises(DataError, match=r"t\.csv, line 2: unknown split 'trian'(.|\n)*did you mean 'train'"):
        parse_split("trian", "t.csv, line 2")
