"""The line of a card is short, natural, and says nothing that its claims do not."""

import numpy as np
import pytest
from claim_items import LABELS, MOVIE_LABELS, MOVIES, RED, STRIPED, lamp, shop_items

from genrec.claims.card import card_line
from genrec.claims.check import is_garbled
from genrec.claims.claims import (
    Claim,
    candidate_claims,
    constraint_claims,
    history_claims,
    neighbor_claim,
    popularity_claim,
    range_claims,
    similar_claim,
)
from genrec.claims.wording import words_of
from genrec.data.filters import Predicate
from genrec.data.labels import Labels
from genrec.schema import Item

PLAIN = """a an the also and as asked at by chosen close earlier from in like of on one other people person same
similar to under usual was who with within you your after genre genres"""


def film(item_id: str, title: str, **more: object) -> Item:
    attributes = {"genres": ("Thriller",), "year": 1995.0, "director": ("Michael Mann",), "actors": ("Al Pacino",)}
    return Item(item_id=item_id, title=title, attributes=attributes | more)  # type: ignore[arg-type]


HEAT, ALI = film("1", "Heat (1995)"), film("2", "Usual Night, The (1998)", year=1998.0)
FILMS = Labels.of([HEAT, ALI, film("3", "Dune (1984)", genres=("Sci-Fi", "Drama"), year=1984.0)])


def line(item: Item, claims: list[Claim], labels: Labels = FILMS, max_chars: int = 70) -> str:
    return card_line(item, claims, labels, max_chars=max_chars)


def of(*attributes: str, item: Item = HEAT, past: Item = ALI, labels: Labels = FILMS) -> list[Claim]:
    claims = {claim.attribute: claim for claim in history_claims(item, past, labels)}
    return [claims[name] for name in attributes]


def test_what_is_shared_is_said_as_people_say_it() -> None:
    assert line(HEAT, of("genres")) == "Also a thriller, like The Usual Night (1998)"
    assert line(HEAT, of("genres", "year")) == "Also a 1990s thriller, like The Usual Night (1998)"
    assert line(HEAT, of("director")) == "By the director of The Usual Night (1998)"
    assert line(HEAT, of("actors")) == "With Al Pacino, as in The Usual Night (1998)"
    assert line(HEAT, of("genres", "year", "director")) == "A 1990s thriller by the director of The Usual Night (1998)"
    assert line(HEAT, of("year")) == "From the 1990s, like The Usual Night (1998)"


def test_one_of_two_directors_is_not_called_the_director() -> None:
    past = film("9", "Kingpin", director=("Michael Mann", "Bobby Farrelly"))
    assert line(HEAT, of("director", past=past)) == "Directed by Michael Mann, like Kingpin"


def test_properties_stand_without_a_noun() -> None:
    past = lamp("p", "Oslo Chair", color="red", material="wood", style="retro", brand="Halden")
    item = lamp("i", "Nice Mug", color="red", material="wood", style="retro", brand="Halden")
    labels = Labels.of([past, item])
    shared = {claim.attribute: claim for claim in history_claims(item, past, labels)}
    assert line(item, [shared["color"], shared["material"]], labels) == "Red and made of wood, like Oslo Chair"
    assert line(item, [shared["color"], shared["style"]], labels) == "Red with a retro style, like Oslo Chair"
    assert line(item, [shared["brand"]], labels) == "By Halden, like Oslo Chair"


def test_adjectives_of_a_pair_stand_before_what_it_is_of() -> None:
    past = lamp("p", "Sky", color="dark blue", category="Trousers")
    item = lamp("i", "Kaj", **past.attributes)  # type: ignore[arg-type]
    labels = Labels.of([past, item])
    shared = {claim.attribute: claim for claim in history_claims(item, past, labels)}
    assert line(item, [shared["category"], shared["color"]], labels) == "Also a pair of dark blue trousers, like Sky"


def test_values_that_say_nothing_alone_are_named() -> None:
    item, past = lamp("i", "A", mood="dark", kind_of="x"), lamp("p", "B", mood="dark")
    assert line(item, history_claims(item, past, LABELS), LABELS) == "The same mood as B: dark"
    german = [lamp("a", "Das Rad und der Ball", Farbe="rot"), lamp("b", "Der Ball für das Rad", Farbe="rot")]
    labels = Labels.of(german)
    assert line(german[0], history_claims(*german, labels), labels) == "The same Farbe as Der Ball für das Rad: rot"


def test_others_choices_and_likeness_are_reasons() -> None:
    assert line(RED, [neighbor_claim(STRIPED, 12)], LABELS) == "Chosen by 12 people after Popsy Mug"
    assert line(RED, [neighbor_claim(STRIPED, 1)], LABELS) == "Chosen by 1 person after Popsy Mug"
    assert line(RED, [similar_claim(RED, STRIPED)], LABELS) == "Similar to Popsy Mug"
    assert line(RED, [popularity_claim(7)], LABELS) == "Chosen by 7 people"
    history = [lamp(f"h{n}", f"Lamp {n}", price=float(p)) for n, p in enumerate((20, 30, 40, 50))]
    assert line(RED, range_claims(RED, history, LABELS), LABELS) == "At 35, within your usual 30 to 40"


def test_what_only_repeats_the_request_comes_last() -> None:
    wish = constraint_claims(RED, [Predicate(attribute="color", operator="=", value="red")], LABELS)
    assert line(RED, wish, LABELS) == "Red, as you asked"
    assert line(RED, [*wish, popularity_claim(7)], LABELS) == "Chosen by 7 people"
    bound = constraint_claims(RED, [Predicate(attribute="price", operator="<", value=40.0)], LABELS)
    assert line(RED, bound, LABELS) == "At 35, under your 40"


def test_a_title_without_room_gives_way() -> None:
    past = film("9", "The Very Long and Winding Story of a Man Who Went Up a Hill and Came Down")
    assert line(HEAT, of("genres", past=past)) == "Also a thriller, like one you chose earlier"
    assert line(HEAT, of("genres", past=past), max_chars=10) == ""


def test_an_item_of_the_same_title_is_the_other_one() -> None:
    past = film("9", "Heat (1995)")
    assert line(HEAT, of("genres", past=past)) == "Also a thriller, like the other Heat (1995)"


@pytest.mark.parametrize("catalog", [shop_items(60), MOVIES], ids=["shop", "movies"])
def test_every_line_is_short_whole_and_backed(catalog: list[Item]) -> None:
    rng = np.random.default_rng(5)
    labels = Labels.of(catalog)
    plain = {*words_of(PLAIN)}
    for _ in range(300):
        item, *history = [catalog[n] for n in rng.choice(len(catalog), 5, replace=False)]
        wishes = [Predicate(attribute="price", operator="<", value=60.0)]
        found = {history[0].item_id: int(rng.integers(1, 30))}
        candidates = candidate_claims(
            item,
            history,
            labels,
            num_chosen_after=found,
            similar=[history[1].item_id],
            num_people=7,
            constraints=wishes,
        )
        claims = [candidates[n] for n in rng.choice(len(candidates), 3, replace=False)]
        said = card_line(item, claims, labels, max_chars=70)
        titles = [claim.source_title for claim in claims]
        assert 0 < len(said) <= 70
        assert not is_garbled(said, titles)
        backed = {word for claim in claims for word in words_of(f"{claim.text} {claim.source_title}")}
        assert set(words_of(said)) - backed <= plain, said


def test_movies_of_the_tests_read_well() -> None:
    assert line(MOVIES[0], history_claims(MOVIES[0], MOVIES[4], MOVIE_LABELS)[:1], MOVIE_LABELS) == (
        "Also children's animation, like Antz (1998)"
    )
