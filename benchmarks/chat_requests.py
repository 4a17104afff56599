"""The share of stated constraints that a conversation meets, over requests with known answers.

    python benchmarks/chat_requests.py WORKSPACE [--json]

The workspace must hold a built demo shop. Each request is a fresh conversation of a known person, one to three
messages; the shown items are checked against the wishes that the messages state, by the catalog's attributes.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrec.chat.session import Session
from genrec.chat.turn import Conversation, Reply
from genrec.data.shop import satisfies
from genrec.runtime import progress, quiet_libraries
from genrec.workspace import Workspace, load

# Messages and the wishes in force after the last one. A value "price", "brand" or "color" means that of the item that
# was shown first for the message before.
REQUESTS: tuple[tuple[tuple[str, ...], Mapping[str, str | float]], ...] = (
    (("red lamps under $40",), {"color": "red", "category": "lamp", "max_price": 40.0}),
    (("a lamp, not red, max 50 euros",), {"category": "lamp", "not_color": "red", "max_price": 50.0}),
    (("no red chairs please",), {"category": "chair", "not_color": "red"}),
    (("I'm looking for a wooden chair",), {"category": "chair", "material": "wood"}),
    (("do you have mugs between 10 and 20?",), {"category": "mug", "min_price": 10.0, "max_price": 20.0}),
    (("something blue with flowers",), {"color": "blue", "pattern": "floral"}),
    (("any striped posters below thirty?",), {"pattern": "striped", "category": "poster", "max_price": 30.0}),
    (("a grey clock",), {"color": "gray", "category": "clock"}),
    (("bags but nothing by Zaza",), {"category": "bag", "not_brand": "Zaza"}),
    (("show me elegant vases",), {"style": "elegant", "category": "vase"}),
    (("warm lamps up to 80",), {"warmth": "warm", "category": "lamp", "max_price": 80.0}),
    (("shoes, anything but black",), {"category": "shoe", "not_color": "black"}),
    (("a retro clock for less than 60 dollars",), {"style": "retro", "category": "clock", "max_price": 60.0}),
    (("I need a mug with dots",), {"category": "mug", "pattern": "dotted"}),
    (("a zigzag bag over 30",), {"category": "bag", "pattern": "zigzag", "min_price": 30.0}),
    (("a playfull poster",), {"style": "playful", "category": "poster"}),
    (("chairs that are not from Halden",), {"category": "chair", "not_brand": "Halden"}),
    (("I have 25 to spend on a mug",), {"category": "mug", "max_price": 25.0}),
    (("vases no more than 45",), {"category": "vase", "max_price": 45.0}),
    (("leather shoes",), {"material": "leather", "category": "shoe"}),
    (("something green",), {"color": "green"}),
    (("a checkered rustic chair",), {"pattern": "checked", "style": "rustic", "category": "chair"}),
    (("a lamp by Norrvik",), {"brand": "Norrvik", "category": "lamp"}),
    (("at least 100 for a chair",), {"category": "chair", "min_price": 100.0}),
    (("a plain white vase",), {"pattern": "plain", "color": "white", "category": "vase"}),
    (("purple posters or at most 40",), {"color": "purple", "category": "poster", "max_price": 40.0}),
    (("red lamps", "in blue instead"), {"color": "blue", "category": "lamp"}),
    (("a chair", "cheaper"), {"category": "chair", "max_price": "price"}),
    (("a mug", "not that brand"), {"category": "mug", "not_brand": "brand"}),
    (("a blue vase", "another color please"), {"category": "vase", "not_color": "color"}),
    (("a striped bag under 90", "make it dotted"), {"category": "bag", "pattern": "dotted", "max_price": 90.0}),
    (("posters", "under 30"), {"category": "poster", "max_price": 30.0}),
    (("a blue lamp", "warmer"), {"category": "lamp", "warmth": "warm"}),
    (("clocks", "something more expensive"), {"category": "clock", "min_price": "price"}),
    (("a red bag", "forget the color"), {"category": "bag"}),
    (("shoes by Kodavox", "any brand is fine", "under 90"), {"category": "shoe", "max_price": 90.0}),
    (("lamps", "I like the first one", "but cheaper"), {"category": "lamp", "max_price": "price"}),
    (
        ("a vase", "no stripes please", "in cool colors"),
        {"category": "vase", "not_pattern": "striped", "warmth": "cool"},
    ),
    (("mugs", "that brand again", "not red"), {"category": "mug", "not_color": "red"}),
    (
        ("a chair around 100", "wooden"),
        {"category": "chair", "material": "wood", "max_price": 120.0, "min_price": 80.0},
    ),
    (("like my last two, but warmer, under 60",), {"warmth": "warm", "max_price": 60.0}),
    (("a bag to go with my last one, not black",), {"category": "bag", "not_color": "black"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResult:
    """One request: how many wishes it states, how many all shown items meet, and whether any item could meet them all.

    is_honest: an unmet wish is named in the answer.
    """

    messages: tuple[str, ...]
    num_stated: int
    num_met: int
    is_possible: bool
    is_honest: bool
    num_shown: int


def measure(
    recommender: Workspace,
    requests: Sequence[tuple[tuple[str, ...], Mapping[str, str | float]]] = REQUESTS,
) -> list[RequestResult]:
    """Hold every conversation, as one known person after the other, and check what is shown last."""
    users = list(recommender.interactions.user_bounds())
    cases = progress(list(enumerate(requests)), label="hold conversations")
    return [_measure_one(recommender, users[n % len(users)], *case) for n, case in cases]


def _measure_one(
    recommender: Workspace, user: str, messages: tuple[str, ...], where: Mapping[str, str | float]
) -> RequestResult:
    conversation = Conversation(recommender, Session(), gives_reasons=False)
    conversation.follow(user)
    reply, before = None, None
    for message in messages:
        before, reply = reply, conversation.say(message)
    assert reply is not None
    truth = _resolve(recommender, where, before)
    shown = [recommender.catalog[card.item_id].attributes for card in reply.items]
    met = [bool(shown) and all(satisfies(look, {name: wish}) for look in shown) for name, wish in truth.items()]
    taken = set(conversation.session.history)
    is_possible = any(satisfies(i.attributes, truth) for i in recommender.catalog if i.item_id not in taken)
    return RequestResult(
        messages=messages,
        num_stated=len(met),
        num_met=sum(met),
        is_possible=is_possible,
        is_honest=all(met) or bool(reply.relaxed),
        num_shown=len(shown),
    )


def _resolve(recommender: Workspace, where: Mapping[str, str | float], before: Reply | None) -> dict[str, str | float]:
    """The truth with "price", "brand" and "color" taken from the item shown first before."""
    truth: dict[str, str | float] = {}
    for name, wish in where.items():
        if wish not in ("price", "brand", "color"):
            truth[name] = wish
            continue
        assert before is not None
        value = recommender.catalog[before.items[0].item_id].attributes[str(wish)]
        step = {"max_price": -0.01, "min_price": 0.01}.get(name)
        truth[name] = float(value) + step if step is not None else str(value)  # type: ignore[arg-type]
    return truth


def main() -> None:
    """Print one line per request that is not met, and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    quiet_libraries()
    results = measure(load(options.workspace))
    possible = [result for result in results if result.is_possible]
    summary = {
        "num_requests": len(results),
        "num_possible": len(possible),
        "share_met": sum(r.num_met for r in possible) / sum(r.num_stated for r in possible),
        "share_met_of_all": sum(r.num_met for r in results) / sum(r.num_stated for r in results),
        "share_honest": sum(r.is_honest for r in results) / len(results),
    }
    if options.as_json:
        print(json.dumps(summary))
        return
    for result in results:
        if result.num_met < result.num_stated:
            kind = "not met" if result.is_possible else "cannot be met here"
            said = "says so" if result.is_honest else "says nothing"
            print(f"{kind}, {said}: {' → '.join(result.messages)} ({result.num_met} of {result.num_stated})")
    print(
        "  ".join(
            f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in summary.items()
        )
    )


if __name__ == "__main__":
    main()
