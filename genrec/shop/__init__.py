"""The demo shop: a small procedural world whose truth is known.

Looks (vocabulary) are drawn (drawing) and put into words (talk, requests); people choose (people, choice, world).
"""

from genrec.shop.drawing import Backdrop, draw_item
from genrec.shop.requests import ShopRequest, follow_up, request
from genrec.shop.talk import Cause, caption, description, reason, short_name, title
from genrec.shop.vocabulary import (
    ALL_DOMAINS,
    HELD_OUT_DOMAINS,
    SEEN_DOMAINS,
    Attributes,
    sample_attributes,
    satisfies,
)
from genrec.shop.world import ShopEvent, ShopItem, ShopWorld

__all__ = [
    "ALL_DOMAINS",
    "HELD_OUT_DOMAINS",
    "SEEN_DOMAINS",
    "Attributes",
    "Backdrop",
    "Cause",
    "ShopEvent",
    "ShopItem",
    "ShopRequest",
    "ShopWorld",
    "caption",
    "description",
    "draw_item",
    "follow_up",
    "reason",
    "request",
    "sample_attributes",
    "satisfies",
    "short_name",
    "title",
]
