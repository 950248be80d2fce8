from handful.training.random_streams import Stream, derive_seed


def test_seeds_are_repeatable_and_differ_by_purpose_and_step() -> None:
    seed = derive_seed(1, Stream.DROPOUT, 2, 3)
    assert seed == derive_seed(1, Stream.DROPOUT, 2, 3)
    assert len({seed, derive_seed(1, Stream.AUGMENT, 2, 3), derive_seed(1, Stream.DROPOUT, 3, 2)}) == 3


def test_the_numbers_of_streams_stay_as_they_were() -> None:
    assert [(s.name, s.value) for s in Stream] == [
        ("WEIGHTS", 0),
        ("AUGMENT", 1),
        ("ORDER", 2),
        ("DROPOUT", 3),
        ("VIEWS", 4),
        ("HEAD", 5),
        ("UNLABELLED", 6),
        ("FURTHER_VIEWS", 7),
    ]
    assert derive_seed(0, Stream.WEIGHTS) == derive_seed(0, 0)
