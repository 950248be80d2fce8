import numpy as np
import pytest

from handful.core.hierarchy import Hierarchy

TREE = Hierarchy((3, 3, 4, 4, -1), ("cat", "dog", "car", "animal", "thing"))


def test_a_hierarchy_knows_its_paths_and_members() -> None:
    assert (TREE.leaves, TREE.root) == (3, 4)
    assert TREE.path(0) == (0, 3, 4)
    assert TREE.path(2) == (2, 4)
    assert TREE.children(4) == (2, 3)
    assert TREE.children(0) == ()
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]
    np.testing.assert_array_equal(TREE.members(), np.array(expected, dtype=bool))


@pytest.mark.parametrize("parents", [(1, -1, -1), (1, 0, -1), (-1, 0, 1), (3, 3, 3, 4, 3, -1)])
def test_what_is_no_tree_over_leading_leaves_is_not_built(parents: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        Hierarchy(parents, tuple("abcdef"[: len(parents)]))
