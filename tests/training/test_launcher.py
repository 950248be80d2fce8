import pytest

from handful.errors import ProtocolError
from handful.training.launcher import check_launcher, rank_and_world_size


@pytest.mark.parametrize(("rank", "size", "found"), [("1", "2", (1, 2)), ("", "", (0, 1)), ("x", "1.5", (0, 1))])
def test_the_rank_is_what_a_launcher_says_or_that_of_one_process(
    rank: str, size: str, found: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    assert rank_and_world_size() == found


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"RANK": "abc"}, "RANK='abc' is not a whole number"),
        ({"WORLD_SIZE": "-1"}, "WORLD_SIZE='-1' is not a whole number"),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "1.5"}, "LOCAL_RANK='1.5' is not a whole number"),
        ({"RANK": "3", "WORLD_SIZE": "2"}, "RANK=3 is not below WORLD_SIZE=2"),
    ],
)
def test_variables_that_no_launcher_sets_are_refused(
    values: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_launcher()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProtocolError, match=message):
        check_launcher()
