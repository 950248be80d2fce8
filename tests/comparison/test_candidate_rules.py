import pytest

from handful.comparison.candidate_rules import DataTraits, apply_rules, are_words

LARGE = DataTraits(masked=0, labelled=9, side=96, one_size=True, black_ground=False, words=False)


def test_the_first_requirement_that_fails_is_the_reason() -> None:
    reasons = {c.recipe: c.why for c in apply_rules(LARGE, pretrained=False, resized=False) if not c.taken}
    assert reasons["cvs"] == "pretrained=False"
    assert reasons["cvs-wrn"].startswith("images of 96 pixels are too large")
    reasons = {c.recipe: c.why for c in apply_rules(LARGE, pretrained=True, resized=False) if not c.taken}
    assert reasons["cvs"] == "no image has a mask (masks=PATH)"


def test_controls_whose_requirements_fail_are_not_mentioned() -> None:
    assert all(c.role == "method" for c in apply_rules(LARGE, pretrained=True, resized=False, backbones=True))


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (("cat", "police_van"), True),
        (("0", "1"), False),
        (("class1", "class2"), False),
        (("a", "b"), False),
        (("TabbyCat", "house-cat"), True),
    ],
)
def test_names_that_say_what_they_are(classes: tuple[str, ...], words: bool) -> None:
    assert are_words(classes) is words
