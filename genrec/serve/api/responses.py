"""Results as JSON and as Markdown: items, recommendations, replies with their cards, drawings.

Knows the shapes of schemas and openai_schemas; deliberately knows no routes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from genrec.chat.conversation import ItemCard, Reply
from genrec.claims.wording import say_variants
from genrec.offers import Offer
from genrec.schema import Evidence, Explanation, Item, Recommendation
from genrec.serve.api.pictures import MEDIA, Links
from genrec.serve.store import StoredVisual
from genrec.sinks import markdown, markdown_link

JsonObject = dict[str, Any]  # Any: JSON


def as_json(value: Any) -> Any:  # Any: JSON or records in, JSON out
    """The value as JSON holds it: None for numbers that JSON lacks, lists for tuples, objects for records."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): as_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    return value


def item_shape(item: Item, links: Links) -> JsonObject:
    """An item without paths of this machine."""
    return {
        "id": item.item_id,
        "object": "item",
        "title": item.name,
        "text": item.text,
        "attributes": as_json(item.attributes),
        **_sale(item, item.price, links),
        "removed": item.removed,
    }


def _sale(item: Item, price: float | None, links: Links) -> JsonObject:
    """How an item is sold, and where its pictures, video and sound are."""
    pictures = links.pictures(item)
    return {
        **as_json(item.sale(price)),
        "image": pictures[0] if item.image is not None else None,
        "images": pictures,
        "video": links.media(item, "video"),
        "audio": links.media(item, "audio"),
    }


def recommendation_shape(
    entry: Recommendation, item: Item, price: float | None, why: Explanation | None, links: Links
) -> JsonObject:
    """One item of a ranked list."""
    shape = {
        "rank": entry.rank,
        "item_id": entry.item_id,
        "title": entry.title,
        "semantic_id": list(entry.semantic_id),
        "score_nats": as_json(entry.score_nats),
        **_sale(item, price, links),
    }
    if why is None:
        return shape
    told = {"reason": why.reason, "text": why.text, "evidence": _evidence(why.evidence)}
    return shape | {"explanation": told}


def card_shape(card: ItemCard, links: Links) -> JsonObject:
    """One shown item."""
    return {
        "item_id": card.item_id,
        "title": card.title,
        **_sale(card.item, card.price, links),
        "reason": card.reason,
        "why": card.why,
        "evidence": _evidence(card.evidence),
    }


def _evidence(evidence: Sequence[Evidence]) -> list[JsonObject]:
    return [as_json(entry) for entry in evidence]


def visual_shape(visual: StoredVisual, links: Links) -> JsonObject:
    """A drawing."""
    return {
        "visual_id": visual.visual_id,
        "item_id": visual.item_id,
        "url": links.visual(visual.visual_id),
        "mode": visual.told.get("mode", "variation"),  # as all were before modes were told
        "generated": visual.record.get("generated", True),
    }


def reply_shape(reply: Reply, visual: StoredVisual | None, session: str | None, links: Links) -> JsonObject:
    """The values of a chat answer beside its words."""
    return {
        "text": reply.text,
        "is_list": reply.is_list,
        "cards": [card_shape(card, links) for card in reply.items],
        "request": as_json(reply.request) | {"image": reply.request.image is not None},
        "relaxed": [as_json(wish) for wish in reply.relaxed],
        "visual": None if visual is None else visual_shape(visual, links),
        "session": session,
    }


def reply_markdown(reply: Reply, visual: StoredVisual | None, links: Links, *, with_reasons: bool) -> str:
    """The whole reply as Markdown, for clients that show words and pictures alone."""
    lines = [markdown(reply.text)]
    if reply.request.intent != "explain":
        marks = [f"{place}." for place in range(1, len(reply.items) + 1)] if reply.is_list else ["-"] * len(reply.items)
        lines += [
            _card_markdown(mark, card, links, with_reasons=with_reasons)
            for mark, card in zip(marks, reply.items, strict=True)
        ]
    if visual is not None:
        lines.append(f"![generated picture]({links.visual(visual.visual_id)})")
    return "\n\n".join(lines)


def reasons_markdown(reply: Reply) -> str:
    """The reasons of the shown items as Markdown, where the items themselves were sent before."""
    return "\n\n".join(f"{place}. {markdown(card.reason)}" for place, card in enumerate(reply.items, 1))


def _card_markdown(mark: str, card: ItemCard, links: Links, *, with_reasons: bool) -> str:
    offer, item = card.item.offer or Offer(), card.item
    sale = f" · {markdown(card.sale)}" if card.sale else ""
    lines = [f"{mark} **{markdown_link(card.title, offer.link)}**{sale}"]
    if variants := say_variants(offer.variants):
        lines.append(f"   {markdown(variants)}")
    image = links.item(card.item_id, card.image)
    if image is not None:
        lines.append(f"   ![{markdown(card.title)}]({image})")
    if more := [markdown_link(kind, address) for kind in MEDIA if (address := links.media(item, kind)) is not None]:
        lines.append(f"   {' · '.join(more)}")
    if with_reasons and card.reason:
        lines.append(f"   {markdown(card.reason)}")
    return "  \n".join(lines)
