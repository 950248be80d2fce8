import pytest

from handful.errors import RecipeError
from handful.recipes.label_space import hierarchy_recipe, labels_recipe


def test_without_a_recipe_labels_are_word_embeddings_of_the_source() -> None:
    labels = labels_recipe(source="words", path="glove.txt").labels
    assert labels.name == "word_embeddings"
    assert labels.options == {"source": "words", "path": "glove.txt"}
    with pytest.raises(RecipeError, match="one-hot"):
        labels_recipe("classification-wrn")


def test_a_source_replaces_the_hierarchy_of_a_recipe() -> None:
    default = hierarchy_recipe().hierarchy
    assert default is not None
    assert default.name == "embeddings"
    named = hierarchy_recipe("classification-wrn", source="classifier_weights").hierarchy
    assert named is not None
    assert named.name == "classifier_weights"
    with pytest.raises(RecipeError, match="no hierarchy"):
        hierarchy_recipe("classification-wrn")
