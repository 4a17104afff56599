import numpy as np

from genrec.ranking.traits import ItemTraits, Traits
from genrec.schema import Catalog, Item


def traits_of(*items: Item) -> ItemTraits:
    return ItemTraits(Catalog(items=items), np.eye(len(items), dtype=np.float32))


def shared(traits: Traits, num_items: int) -> list[list[int]]:
    """How many traits each two items share."""
    has = [set(traits.code_T[traits.item_T == place].tolist()) for place in range(num_items)]
    return [[len(one & other) for other in has] for one in has]


def test_equal_values_are_one_trait_and_lists_are_several() -> None:
    traits = traits_of(
        Item(item_id="a", title="a", attributes={"color": "Red", "genres": ("Crime", "Drama")}),
        Item(item_id="b", title="b", attributes={"color": "red", "genres": ("Drama", "War")}),
        Item(item_id="c", title="c", attributes={"colour": "red", "is_new": True}),
    )
    assert shared(traits.values(np.arange(3)), 3) == [[3, 2, 0], [2, 3, 0], [0, 0, 2]]


def test_numbers_are_traits_by_their_range() -> None:
    items = [Item(item_id=f"i{price}", title="x", attributes={"price": float(price)}) for price in range(12)]
    together = shared(traits_of(*items).values(np.arange(12)), 12)
    assert together[0][1] == together[10][11] == 1
    assert together[0][11] == 0


def test_words_of_title_and_description_are_traits_once_each() -> None:
    traits = traits_of(
        Item(item_id="a", title="The Oak table", text="An oak table."),
        Item(item_id="b", title="Chair", text="Made of oak."),
    )
    assert shared(traits.words(np.arange(2)), 2) == [[4, 1], [1, 4]]


def test_traits_do_not_depend_on_what_was_asked_before() -> None:
    items = [Item(item_id=f"i{n}", title=f"word{n % 3} other{n % 2}") for n in range(6)]
    fresh, used = traits_of(*items), traits_of(*items)
    used.values(np.array([5, 4]))
    used.words(np.array([3]))
    rows = np.array([0, 3, 3, 5])
    assert shared(fresh.words(rows), 4) == shared(used.words(rows), 4)
    assert used.words(rows).counts(used.num_codes).sum() == 8


def test_items_without_attributes_have_no_values() -> None:
    traits = traits_of(Item(item_id="a", title="one"))
    assert len(traits.values(np.array([0])).code_T) == 0
