"""Each attribute of any catalog gets the words a person would say, or is never said."""

from collections.abc import Sequence

import pytest

from genrec.data.labels import Labels
from genrec.schema import AttributeValue, Item

Values = Sequence[AttributeValue]
RATINGS = ("G", "PG", "PG-13", "R", "UNRATED")


def labels_of(columns: dict[str, Values], text: str = "It is the story of a man and the sea.") -> Labels:
    """The labels of twelve items with these attributes, each running through its values."""
    items = [
        Item(item_id=f"i{n}", title=f"Thing {n}", text=text, attributes={k: v[n % len(v)] for k, v in columns.items()})
        for n in range(12)
    ]
    return Labels.of(items)


@pytest.mark.parametrize(
    ("attribute", "values", "said"),
    [
        ("category", ("umbrella", "lamp"), "is an umbrella"),
        ("genres", (("Thriller",), ("Drama", "Crime")), "is a thriller"),
        ("genres", (("Crime", "Drama"),), "is a crime drama"),
        ("genres", (("Comedy", "Romance"),), "is a comedy and a romance"),
        ("genres", (("Action", "Sci-Fi"),), "has the genres action and sci-fi"),
        ("genres", (("Children's", "Animation"),), "is children's animation"),
        ("genre", ("Hip Hop", "Jazz"), "has the genre hip hop"),
        ("type", ("TV", "OVA"), "has the type TV"),
        ("product_type_name", ("Trousers", "Dress"), "is a pair of trousers"),
        ("product_type_name", ("Books", "Maps"), "is a book"),
        ("product_type_name", ("Earring", "Ring"), "is an earring"),
        ("product_type_name", ("Clothing", "Ring"), "is clothing"),
        ("product_type_name", ("Hair/alice band", "T-shirt"), "is a hair/alice band"),
        ("product_type_name", ("T-shirt", "Dress"), "is a T-shirt"),
        ("category", ("Home > Kitchen > Mugs", "Home > Light > Lamps"), "is a mug"),
        ("category", ("Home & Garden", "Toys"), "is home & garden"),
        ("category", ("Economic", "Party Game"), "is economic"),
        ("colour_group_name", ("Dark Blue", "Red"), "is dark blue"),
        ("cuisine", ("Italian", "Thai"), "is Italian"),
        ("material", ("wood", "metal"), "is made of wood"),
        ("style", ("elegant", "retro"), "has an elegant style"),
        ("director", (("Stanley Kubrick",), ("Jane Campion",)), "is directed by Stanley Kubrick"),
        ("actors", (("Al Pacino", "Robert De Niro"),), "stars Al Pacino and Robert De Niro"),
        ("language_code", ("de", "en-US"), "is in German"),
        ("language_code", ("eng", "fre"), "is in English"),
        ("country", ("US", "FR"), "is from the United States"),
        ("year", (1995.0, 1996.0), "is from 1995"),
        ("release_date", ("1994-09-23", "2001-01-01"), "is from 1994"),
        ("yearpublished", (1995.0, 2004.0), "is from 1995"),
        ("price", (35.0, 20.0), "costs 35"),
        ("num_pages", (350.0, 1.0), "has 350 pages"),
        ("num_pages", (1.0, 350.0), "has 1 page"),
        ("minutes", (30.0, 45.0), "takes 30 minutes"),
        ("n_steps", (8.0, 3.0), "has 8 steps"),
        ("episodes", (12.0, 24.0), "has 12 episodes"),
        ("calories", (250.0, 1.0), "has 250 calories"),
        ("min_players", (2.0, 3.0), "is for at least 2 players"),
        ("minplayers", (2.0, 3.0), "is for at least 2 players"),
        ("height_cm", (85.0, 20.0), "has a height of 85 cm"),
        ("rated", RATINGS, "is rated G"),
        ("rating", ("PG-13", "R"), "is rated PG-13"),
        ("rating", (4.5, 3.0), "is rated 4.5"),
        ("is_vegan", (True, False), "is vegan"),
        ("has_wifi", (True, False), "has wifi"),
        ("tags", (("cozy",), ("warm",)), "has the tag cozy"),
        ("mechanics", (("Trading", "Dice Rolling"),), "has the mechanics Trading and Dice Rolling"),
        ("ingredients", (("butter", "sugar"),), "is made with butter and sugar"),
        ("mood", ("dark", "light"), "has the mood “dark”"),
        ("department_name", ("Womens Basics", "Sport"), "is from Womens Basics"),
    ],
)
def test_values_are_said_as_people_say_them(attribute: str, values: Values, said: str) -> None:
    assert labels_of({attribute: values}).say(attribute, values[0]) == said


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("members", (301358.0, 20.0)),
        ("downloads", (3.0, 4.0)),
        ("ratings_count", (3.0, 4.0)),
        ("fans", tuple(float(n * 10_000) for n in range(1, 9))),
        ("imdb_id", ("tt001", "tt002")),
        ("isbn", ("9783161484100", "9783161484101")),
        ("product_type_no", ("265", "272")),
        ("index_code", ("A", "B")),
        ("shelfmark", ("A-1001", "B-2002")),
        ("poster", ("https://x.example/a.jpg", "https://x.example/b.jpg")),
        ("picture_of_it", ("https://x.example/a.jpg", "https://x.example/b.jpg")),
        ("hue", (0.33, 0.71)),
        ("plot", ("A man hunts a shark. " * 8, "A shark hunts a man. " * 8)),
        ("essay_on_it", ("A man hunts a shark. " * 8, "A shark hunts a man. " * 8)),
        ("color", ("Unknown", "unknown")),
        ("color", ("x" * 60, "y" * 60)),
        ("vegan", (False, False)),
    ],
)
def test_counts_ids_codes_links_and_long_texts_are_never_said(attribute: str, values: Values) -> None:
    assert not labels_of({attribute: values}).says(attribute, values[0])


FILMS = {
    "genres": (("Drama",), ("Comedy",)),
    "rated": RATINGS,
    "year": (1995.0, 1996.0),
    "director": (("Jane Campion",),),
    "actors": (("Al Pacino",),),
    "runtime": (90.0, 120.0),
    "imdb_rating": (8.1, 5.0),
    "members": (301358.0, 12.0),
    "plot": ("A man hunts a shark. " * 8,),
    "studio": ("Bones", "Ghibli"),
}


def test_roles_are_told_once_for_all() -> None:
    labels = labels_of(FILMS)
    assert (labels.kind, labels.time, labels.price) == ("genres", "year", None)
    assert labels.makers == ("director", "studio")
    assert labels.cast == ("actors",)
    assert labels.rating_of_content == "rated"
    assert labels.scores == ("imdb_rating",)
    assert labels.measures == ("runtime",)
    assert labels.texts == ("plot",)
    assert labels.silent == {"members"}
    assert labels.role("nothing such") == "value"


def test_the_surest_of_several_categories_is_the_category() -> None:
    labels = labels_of({"genre": ("rock", "jazz"), "category": ("lamp", "mug"), "product_type": ("desk lamp", "mug")})
    assert labels.kinds == ("product_type", "category", "genre")


def test_two_columns_of_one_topic_are_told() -> None:
    labels = labels_of({"colour_group_name": ("Blue", "Red"), "main_color": ("Navy", "Red"), "style": ("a b", "c d")})
    assert labels.topic("colour_group_name") != labels.topic("style")


def test_words_of_another_language_are_not_bent() -> None:
    german = "Ein schönes Stück für das Wohnzimmer, das auch in der Küche eine gute Figur macht."
    labels = labels_of({"Kategorie": ("Lampen", "Stühle"), "Farbe": ("rot", "blau"), "Marke": ("Bosch",)}, german)
    assert labels.say("Kategorie", "Lampen") == "has the Kategorie “Lampen”"
    assert labels.say("Farbe", "rot") == "has the Farbe “rot”"
    assert labels.say("Marke", "Bosch") == "is by Bosch"
    assert (labels.kind, labels.makers) == ("Kategorie", ("Marke",))
    values = labels_of({"color": ("rot", "blau"), "category": ("Stühle", "Lampen")}, german)
    assert values.say("category", "Stühle") == "has the category “Stühle”"


def test_labels_do_not_depend_on_how_items_are_ordered() -> None:
    items = [
        Item(item_id=f"i{n}", text="a", attributes={name: values[n % len(values)] for name, values in FILMS.items()})
        for n in range(12)
    ]
    assert Labels.of(items).by_attribute == Labels.of(items[::-1]).by_attribute


def test_a_decade_is_told_of_years_and_dates() -> None:
    label = labels_of({"year": (1995.0, 2004.0)})["year"]
    assert [label.decade(value) for value in (1995.0, "2004-03-01", True, None)] == ["1990s", "2000s", None, None]
    assert labels_of({"episodes": (12.0, 13.0)})["episodes"].decade(1995.0) is None
