import pytest

from handful.training.launcher import rank_and_world_size


@pytest.mark.parametrize(("rank", "size", "found"), [("1", "2", (1, 2)), ("", "", (0, 1)), ("x", "1.5", (0, 1))])
def test_the_rank_is_what_a_launcher_says_or_that_of_one_process(
    rank: str, size: str, found: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    assert rank_and_world_size() == found
