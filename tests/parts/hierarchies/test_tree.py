import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from handful.core.hierarchy import Tree
from handful.data.class_tree import leaves
from handful.errors import DataError
from handful.parts.hierarchies._tree import check_clustering, cluster, to_hierarchy

TREE = Tree("all", (Tree("animal", (Tree("dog"), Tree("cat"))), Tree("road", (Tree("wheels", (Tree("car"),)),))))


def test_a_named_tree_becomes_one_over_the_classes_in_their_order() -> None:
    found = to_hierarchy(TREE, ("car", "cat", "dog"), where="here")
    assert found.names == ("car", "cat", "dog", "all", "animal")
    assert found.parents == (3, 4, 4, -1, 3)
    assert leaves(TREE) == ["dog", "cat", "car"]


def test_prune_leaves_out_what_is_no_class_and_groups_of_one() -> None:
    found = to_hierarchy(TREE, ("car", "cat"), where="here", prune=True)
    assert found.names == ("car", "cat", "all")
    found = to_hierarchy(TREE, ("cat", "dog"), where="here", prune=True)
    assert found.names == ("cat", "dog", "animal")


@pytest.mark.parametrize(
    ("classes", "prune", "message"),
    [
        (("car", "cat", "dog", "emu"), False, r"classes are missing from the hierarchy: 'emu'"),
        (("car", "cat", "dgo"), True, r"(?s)missing from the hierarchy: 'dgo'.*did you mean 'dog'"),
        (("car", "cat"), False, r"(?s)names that are not classes: 'dog'.*prune = true"),
        (("animal", "car", "cat", "dog"), False, r"(?s)have other classes below them: 'animal'.*a class is a leaf"),
        (("cat",), False, "needs two classes"),
    ],
)
def test_trees_of_other_classes_are_refused(classes: tuple[str, ...], prune: bool, message: str) -> None:
    with pytest.raises(DataError, match=message):
        to_hierarchy(TREE, classes, where="here", prune=prune)


def test_a_class_twice_is_refused() -> None:
    twice = Tree("all", (*TREE.children, Tree("pets", (Tree("cat"), Tree("hamster")))))
    with pytest.raises(DataError, match="classes are listed twice: 'cat'"):
        to_hierarchy(twice, ("car", "cat", "dog", "hamster"), where="here")


@pytest.mark.parametrize(("method", "metric"), [("ward", "euclidean"), ("average", "cosine"), ("complete", "cosine")])
def test_clusters_equal_scikit_learns_at_every_height(method: str, metric: str) -> None:
    vectors = np.random.default_rng(0).standard_normal((9, 4))
    found = cluster(vectors, tuple("abcdefghi"), method=method, metric=metric)
    assert len(found.parents) == 17
    members = found.members()
    ours = {frozenset(np.flatnonzero(row).tolist()) for row in members[9:]}
    theirs = set()
    for n in range(1, 9):
        labels = AgglomerativeClustering(n_clusters=n, linkage=method, metric=metric).fit_predict(vectors)
        groups = [frozenset(np.flatnonzero(labels == i).tolist()) for i in range(n)]
        theirs |= {group for group in groups if len(group) > 1}
    assert ours == theirs


def test_cluster_names_say_who_is_inside() -> None:
    found = cluster(np.array([[0.0], [1.0], [5.0], [20.0]]), tuple("abcd"), method="single", metric="euclidean")
    assert found.names[4:] == ("a + b", "c + a + b", "d ... b (4)")


def test_a_long_chain_is_no_trouble() -> None:
    n = 1200
    places = np.cumsum(np.arange(1, n + 1, dtype=float))[:, None]
    found = cluster(places, [str(i) for i in range(n)], method="single", metric="euclidean")
    assert len(found.path(0)) == n


@pytest.mark.parametrize(("method", "metric"), [("ward", "cosine"), ("nearest", "cosine"), ("average", "dot")])
def test_what_cannot_be_clustered_is_refused(method: str, metric: str) -> None:
    with pytest.raises(ValueError, match="linkage"):
        check_clustering(method, metric)
    with pytest.raises(DataError, match="two classes"):
        cluster(np.ones((1, 2)), ("a",), method="average", metric="euclidean")
