"""The labels of a catalog: how each attribute is spoken, and which has which role.

Which attribute is the category, the price, the time, the maker is decided here alone; whoever wants to know asks. Made
from the catalog itself, the same for the same catalog, under what a person wrote in labels.toml (`files`). Knows no
claim, no conversation and no model.

Axis legend: N items.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from genrec.data.labels.files import Edits, edited
from genrec.data.labels.label import Label
from genrec.data.labels.looks import Look, is_english_text, label_of
from genrec.data.labels.names import UNKNOWN_RANK, Say
from genrec.schema import AttributeValue, Catalog, Item

_LOOKED_AT = 5_000  # items, evenly spread, from which labels are made
_READ = 500  # texts by which the language of a catalog is told


@dataclass(frozen=True)
class Labels:
    """The label of each attribute by its name, in the order of the catalog."""

    by_attribute: Mapping[str, Label]

    @classmethod
    def of(
        cls,
        catalog: Catalog | Sequence[Item],
        edits: Edits | None = None,
        units: Mapping[str, str] | None = None,
    ) -> "Labels":
        """Make the labels of a catalog: every attribute has one.

        edits: what a person changed of them; units: of numbers, where the source had some.
        """
        items = catalog.items if isinstance(catalog, Catalog) else tuple(catalog)
        is_english = _is_english(items)
        labels = {
            name: label_of(name, look, unit=(units or {}).get(name), is_english=is_english)
            for name, look in _looks(items).items()
        }
        known = {name: edited(labels[name], changes) for name, changes in (edits or {}).items() if name in labels}
        return cls(labels | known)

    def __getitem__(self, attribute: str) -> Label:
        """The label of an attribute; of one that no item had when labels were made, by its name alone."""
        label = self.by_attribute.get(attribute)
        return label if label is not None else label_of(attribute, Look.of(()))

    def __iter__(self) -> Iterator[Label]:
        return iter(self.by_attribute.values())

    def role(self, attribute: str) -> Say:
        """What an attribute is spoken as."""
        return self[attribute].say

    def having(self, *says: Say) -> tuple[str, ...]:
        """The attributes with one of these roles, the surest first."""
        found = [label for label in self if label.say in says]
        return tuple(label.attribute for label in sorted(found, key=lambda label: label.rank))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """What things are: category, type, genres; the surest first."""
        return self.having("kind")

    @cached_property
    def kind(self) -> str | None:
        """The category: what a thing is."""
        return next(iter(self.kinds), None)

    @cached_property
    def price(self) -> str | None:
        """The price, a number."""
        return next(iter(self.having("price")), None)

    @cached_property
    def time(self) -> str | None:
        """The year or date that things are from."""
        return next(iter(self.having("time")), None)

    @cached_property
    def makers(self) -> tuple[str, ...]:
        """Who things are by: directors, authors, brands."""
        return self.having("maker")

    @cached_property
    def cast(self) -> tuple[str, ...]:
        """Who plays in things."""
        return self.having("cast")

    @cached_property
    def rating_of_content(self) -> str | None:
        """For which age things are."""
        return next(iter(self.having("rating")), None)

    @cached_property
    def scores(self) -> tuple[str, ...]:
        """How good others find things."""
        return self.having("score")

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Numbers of a thing that can be wished for and said: minutes, pages, calories, players."""
        return self.having("number")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Long texts of what things are about."""
        return self.having("about")

    @cached_property
    def silent(self) -> frozenset[str]:
        """What is never said and of no taste: counts, ids, codes, links."""
        return frozenset(self.having("silent"))

    def says(self, attribute: str, value: AttributeValue) -> bool:
        """Whether this value can be said of an item."""
        return self[attribute].says(value)

    def say(self, attribute: str, value: AttributeValue) -> str:
        """What follows "it": is red · is a thriller · is made of wood · is from 1995."""
        return self[attribute].clause(value)

    def topic(self, attribute: str) -> str:
        """What an attribute speaks of: two of one topic, such as colour_group and main_colour, say the same twice."""
        label = self[attribute]
        return label.say if label.say == "group" else attribute if label.rank >= UNKNOWN_RANK else str(label.rank)

    def name(self, attribute: str) -> str:
        """The attribute in words."""
        return self[attribute].name

    def said(self, item: Item) -> dict[str, AttributeValue]:
        """The attributes of an item that can be said."""
        return {name: value for name, value in item.attributes.items() if self.says(name, value)}

    def about(self, item: Item) -> str:
        """The longest text of what an item is about; empty where there is none."""
        values = (item.attributes.get(name) for name in self.texts)
        return max((item.text, *(value for value in values if isinstance(value, str))), key=len)


def _looks(items: Sequence[Item]) -> dict[str, Look]:
    found: dict[str, list[tuple[AttributeValue, str]]] = {}
    step = max(1, len(items) // _LOOKED_AT)
    for number, item in enumerate(items):
        for name, value in item.attributes.items():
            values = found.setdefault(name, [])
            if number % step == 0 or not values:
                values.append((value, item.title))
    return {name: Look.of(values) for name, values in found.items()}


def _is_english(items: Sequence[Item]) -> bool:
    some = items[:: max(1, len(items) // _READ)]
    texts = is_english_text(item.text for item in some)
    if texts is None:
        texts = is_english_text(item.title for item in some)
    return True if texts is None else texts
