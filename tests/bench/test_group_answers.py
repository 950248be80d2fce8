from bench.tables.group_answers import TREE, group_of_class, left_out, scores, squared_edges

from handful.parts.hierarchies.nested_yaml import read_whole

GROUPS = group_of_class()


def test_the_tree_has_twenty_groups_of_five_classes() -> None:
    assert len(GROUPS) == 100
    assert sorted(map(list(GROUPS.values()).count, set(GROUPS.values()))) == [5] * 20


def test_each_draw_leaves_one_class_of_each_group_out() -> None:
    names = left_out(GROUPS, 0)
    assert sorted(GROUPS[name] for name in names) == sorted(set(GROUPS.values()))
    assert names == left_out(GROUPS, 0)
    assert names != left_out(GROUPS, 1)


def test_distances_are_squared_edges_of_the_tree() -> None:
    tree = read_whole(TREE, tuple(GROUPS))
    for answer in ("trout", "shark", "fish", "bed", "household furniture"):
        above, own = (set(tree.path(tree.names.index(name))) for name in (answer, "trout"))
        assert squared_edges(answer, "trout", GROUPS) == len(above ^ own) ** 2


def test_a_group_that_contains_the_class_is_right() -> None:
    found = scores(["trout", "fish", "shark", "trees"], ["trout"] * 4, GROUPS)
    assert found == {"right": 0.5, "class_right": 0.25, "groups": 0.5, "distance": (0 + 1 + 4 + 9) / 4}
