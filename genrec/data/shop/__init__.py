"""The demo shop: a small procedural world whose truth is known.

Looks (vocabulary) are drawn (drawing) and put into words (talk, requests); people choose (people, choice, world).
"""

from genrec.data.shop.drawing import Backdrop, draw_item
from genrec.data.shop.requests import Request, follow_up, request
from genrec.data.shop.talk import Cause, caption, description, reason, short_name, title
from genrec.data.shop.vocabulary import (
    ALL_DOMAINS,
    HELD_OUT_DOMAINS,
    SEEN_DOMAINS,
    Attributes,
    sample_attributes,
    satisfies,
)
from genrec.data.shop.world import ShopEvent, ShopItem, ShopWorld

__all__ = [
    "ALL_DOMAINS",
    "HELD_OUT_DOMAINS",
    "SEEN_DOMAINS",
    "Attributes",
    "Backdrop",
    "Cause",
    "Request",
    "ShopEvent",
    "ShopItem",
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
