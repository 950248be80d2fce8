"""A WordNet of a few nouns, in the format of the real one (wndb(5WN)), with two files only."""

from pathlib import Path

# name: (lemmas, hypernym)
NOUNS = {
    "entity": (("entity",), None),
    "animal": (("animal", "beast"), "entity"),
    "dog": (("dog", "domestic_dog"), "animal"),
    "poodle": (("poodle", "poodle_dog"), "dog"),
    "cat": (("cat",), "animal"),
    "crane": (("crane",), "entity"),
    "crane bird": (("crane",), "animal"),
    "golden_retriever": (("golden_retriever",), "dog"),
    "bus": (("bus",), "entity"),
}


def write_wordnet(folder: Path, *, cycle: bool = False) -> dict[str, str]:
    """Write `index.noun` and `data.noun`; returns each noun's id, as ImageNet writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    above = {noun: hypernym for noun, (_, hypernym) in NOUNS.items()}
    if cycle:
        above["entity"] = "dog"
    heading = "  1 a licence would stand here  \n"

    def line(noun: str, places: dict[str, int]) -> str:
        lemmas = NOUNS[noun][0]
        words = " ".join(f"{lemma} 0" for lemma in lemmas)
        parent = above[noun]
        pointers = "000" if parent is None else f"001 @ {places[parent]:08d} n 0000"
        return f"{places[noun]:08d} 05 n {len(lemmas):02x} {words} {pointers} | what a {noun} is  \n"

    blank = dict.fromkeys(NOUNS, 0)
    places: dict[str, int] = {}
    at = len(heading)
    for noun in NOUNS:
        places[noun] = at
        at += len(line(noun, blank))
    (folder / "data.noun").write_text(heading + "".join(line(noun, places) for noun in NOUNS))
    senses: dict[str, list[int]] = {}
    for noun, (lemmas, _) in NOUNS.items():
        for lemma in lemmas:
            senses.setdefault(lemma, []).append(places[noun])
    rows = [
        f"{lemma} n {len(found)} 1 @ {len(found)} 0 {' '.join(f'{place:08d}' for place in found)}  \n"
        for lemma, found in sorted(senses.items())
    ]
    (folder / "index.noun").write_text(heading + "".join(rows))
    return {noun: f"n{place:08d}" for noun, place in places.items()}
