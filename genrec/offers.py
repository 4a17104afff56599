"""What an item is offered for, and whether it can be had: what a shop changes every day.

Nothing here is content: no encoder reads an offer, so a changed one leaves vectors, semantic IDs and models as they
are. The price itself stays the attribute `price`, which filters and chat compare. Knows nothing of items or files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder", "discontinued"]
AVAILABILITIES: tuple[Availability, ...] = get_args(Availability)
PRICE = "price"  # the attribute that holds it
_SOLD_OUT: frozenset[Availability] = frozenset({"out_of_stock", "discontinued"})
_AHEAD: tuple[Availability, ...] = ("preorder", "backorder")  # can be ordered without stock
_CAN_BE_HAD: tuple[Availability, ...] = ("in_stock", *_AHEAD)
_SPELLINGS: Mapping[str, Availability] = {
    # schema.org's ItemAvailability, Google Merchant's, Meta's and the shop systems', without case and separators
    **dict.fromkeys(("instock", "available", "availablefororder", "true", "yes", "1"), "in_stock"),
    **dict.fromkeys(("limitedavailability", "onlineonly", "instoreonly", "madetoorder", "lowstock"), "in_stock"),
    **dict.fromkeys(("outofstock", "soldout", "unavailable", "reserved", "false", "no", "0"), "out_of_stock"),
    **dict.fromkeys(("preorder", "presale", "availableforpreorder", "comingsoon"), "preorder"),
    **dict.fromkeys(("backorder", "onbackorder", "backordered", "availableforbackorder"), "backorder"),
    **dict.fromkeys(("discontinued", "nolongeravailable"), "discontinued"),
}
_NAMESPACE = re.compile(r"(?:https?://schema\.org/|schema:)(?:ItemAvailability/)?", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Z]{3}")
_WEB = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?", re.IGNORECASE)


def availability_of(text: str) -> Availability | None:
    """The availability that a text names as schema.org, Google, Meta or a shop spells it; None for any other text."""
    return _SPELLINGS.get(re.sub(r"[\s_-]", "", _NAMESPACE.sub("", text.strip())).casefold())


def is_currency(text: str) -> bool:
    """Whether a text has the form of an ISO 4217 code, such as EUR."""
    return _CURRENCY.fullmatch(text) is not None


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https address that a page may link to: no user name, no space."""
    return text.isprintable() and _WEB.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of several forms in which an item is sold. attributes: what tells it from the others, such as size: XL."""

    variant_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    price: float | None = None
    availability: Availability | None = None

    @property
    def available(self) -> bool:
        """Whether it can be ordered; what is unknown can be."""
        return self.availability not in _SOLD_OUT

    def record(self) -> dict[str, object]:
        """It as plain JSON values, in a fixed key order."""
        return {
            "variant_id": self.variant_id,
            "attributes": dict(self.attributes),
            "price": self.price,
            "availability": self.availability,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """How an item is sold; all may be unknown, which is None.

    link: the http or https address of its page; currency: ISO 4217, of its price and of its variants' prices;
    price_upper: the highest price, where prices range up from the item's; stock: how many there are.
    """

    link: str | None = None
    currency: str | None = None
    availability: Availability | None = None
    price_upper: float | None = None
    stock: float | None = None
    variants: tuple[Variant, ...] = ()

    @property
    def available(self) -> bool:
        """Whether it can be ordered: not where it, or every variant, is sold out; what is unknown can be.

        No stock means sold out, unless it can be ordered ahead.
        """
        if self.availability in _SOLD_OUT:
            return False
        if self.stock is not None and self.stock <= 0 and self.availability not in _AHEAD:
            return False
        if self.availability is not None or not self.variants:
            return True
        return any(variant.available for variant in self.variants)

    def summed_up(self) -> "Offer":
        """The offer with the availability that its variants have together, and no stock of its own.

        As it was where no variant can be had and the availability of some is unknown.
        """
        known = {variant.availability for variant in self.variants}
        found = next((one for one in _CAN_BE_HAD if one in known), None)
        if found is None and (None in known or not known):
            return self
        return replace(self, availability=found or "out_of_stock", stock=None)

    def record(self) -> dict[str, object]:
        """What is known of it as plain JSON values, in a fixed key order."""
        known = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "variants"}
        variants = [variant.record() for variant in self.variants]
        return {name: value for name, value in known.items() if value is not None} | (
            {"variants": variants} if variants else {}
        )
