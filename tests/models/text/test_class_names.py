import pytest

from handful.models.text.class_names import joined_forms, same_words, singulars, split_digits, split_name, word_forms


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cat", ("cat",)),
        ("golden_retriever", ("golden", "retriever")),
        ("black-footed ferret", ("black", "footed", "ferret")),
        ("PoliceVan", ("Police", "Van")),
        ("HTTPServer", ("HTTP", "Server")),
        ("African_huntingDog", ("African", "hunting", "Dog")),
        ("iPod", ("iPod",)),
        ("TShirt", ("TShirt",)),
        ("boeing737", ("boeing737",)),
        ("n01440764", ("n01440764",)),
        ("0", ("0",)),
        (" _school  bus_", ("school", "bus")),
        ("jack-o'-lantern", ("jack", "o", "lantern")),
        ("ÄpfelBirnen", ("Äpfel", "Birnen")),
        ("__", ()),
    ],
)
def test_names_are_split_as_people_write_them(name: str, words: tuple[str, ...]) -> None:
    assert split_name(name) == words


def test_digits_are_split_from_letters_only_when_asked() -> None:
    assert split_digits("boeing737max") == ("boeing", "737", "max")
    assert split_digits("ferret") == ("ferret",)


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("cats", "cat"),
        ("ponies", "pony"),
        ("wolves", "wolf"),
        ("knives", "knife"),
        ("olives", "olive"),
        ("buses", "bus"),
        ("boxes", "box"),
        ("watches", "watch"),
        ("tomatoes", "tomato"),
        ("houses", "house"),
        ("mice", "mouse"),
        ("firemen", "fireman"),
        ("children", "child"),
    ],
)
def test_singulars_hold_the_right_one(plural: str, expected: str) -> None:
    assert expected in singulars(plural)


@pytest.mark.parametrize("word", ["cat", "bus", "glass", "cactus", "iris", "gas"])
def test_words_that_look_singular_have_none(word: str) -> None:
    assert singulars(word) == ()


def test_forms_go_from_the_word_itself_to_its_singular() -> None:
    assert word_forms("Wolves") == ("Wolves", "wolves", "wolf", "wolfe", "wolve")
    assert word_forms("cat") == ("cat",)
    assert joined_forms("New York") == ("New York", "New_York", "New-York", "new_york", "new-york")
    assert joined_forms("cat") == ()


def test_a_name_read_as_its_own_words_needs_no_mention() -> None:
    assert same_words("Arctic_fox", "arctic + fox")
    assert same_words("black-footed ferret", "black + footed + ferret")
    assert not same_words("komondor", "sheepdog")
    assert not same_words("buses", "bus")
