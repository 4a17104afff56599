"""Documents that the tiny language model reads: chats and catalog pages of the demo world, and made-up names to copy.

Every document is drawn from a generator, so nothing is stored. The two held-out domains never appear. Knows the tasks
and their shares; knows nothing of weights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genrec.claims.claims import Claim
from genrec.claims.sampling import UNKNOWN_SHARE, draw_claims, draw_wishes
from genrec.claims.template import phrase
from genrec.data.labels import Labels
from genrec.foundation.bpe import END_OF_TEXT
from genrec.foundation.words import made_up_name, made_up_title
from genrec.model.lm.vocabulary import PromptTokenizer
from genrec.prompting import Message, render
from genrec.schema import AttributeValue, Item
from genrec.shop import talk
from genrec.shop.requests import request
from genrec.shop.vocabulary import DOMAINS, SEEN_DOMAINS, Attributes, sample_attributes
from genrec.shop.world import ShopItem, ShopWorld

_LABELS = Labels({})  # of attributes that no catalog has: by their names alone
COMPACT_FIELDS: tuple[str, ...] = ("category", "color", "pattern", "style", "material")
MAX_TOKENS = 256
MAX_HISTORY = 30
# How often each task is drawn; histories and explanations are what the model is for.
SHARES: Mapping[str, float] = {
    "history": 0.28, "explain": 0.34, "find": 0.07, "describe": 0.09, "page": 0.07, "request": 0.06, "copy": 0.09,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """tokens and, of equal length, whether each is graded as the model's own words."""

    task: str
    tokens: tuple[int, ...]
    graded: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationCase:
    """An explanation to write: the item, the claims it may use, and items whose words must not slip in."""

    item: Item
    claims: tuple[Claim, ...]
    others: tuple[Item, ...]

    @property
    def message(self) -> Message:
        """What the model is asked."""
        return render("explain", title=self.item.title, claims=[claim.text for claim in self.claims])


class Documents:
    """Draws training documents of every task, in the shares above."""

    def __init__(self, prompts: PromptTokenizer, worlds: Sequence[ShopWorld]) -> None:
        self._prompts = prompts
        self._end_of_text = int(prompts.tokenizer.convert_tokens_to_ids(END_OF_TEXT))
        self._histories: list[tuple[ShopItem, ...]] = [
            tuple(world.item(event.item_id) for event in events)
            for world in worlds
            for events in world.histories.values()
        ]
        self._tasks: Mapping[str, Callable[[np.random.Generator], Document]] = {
            "history": self._history,
            "explain": self._explain,
            "find": self._find,
            "describe": self._describe,
            "page": self._page,
            "request": self._request,
            "copy": self._copy,
        }

    def draw(self, rng: np.random.Generator, task: str | None = None) -> Document:
        """One document of a task, of a random one when None, of at most 256 tokens."""
        names = list(SHARES)
        name = task or names[int(rng.choice(len(names), p=np.array([SHARES[n] for n in names])))]
        while True:
            document = self._tasks[name](rng)
            if len(document.tokens) <= MAX_TOKENS:
                return document

    def _chat(self, task: str, message: Message, answer: str) -> Document:
        prompt = self._prompts.encode_prompt(message)
        words = [*self._prompts.encode_text(answer), self._prompts.end_of_turn]
        graded = (False,) * len(prompt) + (True,) * len(words) + (False,)
        return Document(task, (*prompt, *words, self._end_of_text), graded)

    def _plain(self, task: str, text: str) -> Document:
        tokens = (*self._prompts.encode_text(text), self._end_of_text)
        return Document(task, tokens, (False,) + (True,) * (len(tokens) - 1))

    def _history(self, rng: np.random.Generator) -> Document:
        items = self._histories[int(rng.integers(len(self._histories)))]
        say: Callable[[Attributes], str]
        if rng.random() < 0.6:
            say, longest = compact_caption, MAX_HISTORY
        else:
            say, longest = (lambda attributes: plain_caption(attributes, rng)), 12
        start = int(rng.integers(max(1, len(items) - longest + 1)))
        items = items[start : start + longest]
        query = ""
        if rng.random() < 0.3:  # the request speaks of the last item, so the history ends somewhere
            items = items[: int(rng.integers(1, len(items) + 1))]
            query = asked_words(items[-1].attributes, rng)
        return self._chat("history", render("next_item", query=query), "\n".join(say(i.attributes) for i in items))

    def _find(self, rng: np.random.Generator) -> Document:
        attributes = random_look(rng)
        words = talk.title(attributes, rng) if rng.random() < 0.5 else talk.description(attributes, rng)
        said = compact_caption(attributes) if rng.random() < 0.5 else talk.short_name(attributes)
        return self._chat("find", render("item_to_id", words=words), said)

    def _describe(self, rng: np.random.Generator) -> Document:
        attributes = random_look(rng)
        item = compact_caption(attributes) if rng.random() < 0.5 else talk.short_name(attributes)
        title = talk.title(attributes, rng)
        answer = title if rng.random() < 0.4 else f"{title}. {talk.description(attributes, rng)}"
        return self._chat("describe", render("id_to_item", item=item), answer)

    def _explain(self, rng: np.random.Generator) -> Document:
        case = draw_explanation(rng)
        return self._chat("explain", case.message, phrase(case.item, case.claims, rng))

    def _page(self, rng: np.random.Generator) -> Document:
        attributes = random_look(rng)
        listed = "; ".join(f"{name}: {say_number(value)}" for name, value in attributes.items())
        return self._plain("page", f"{talk.title(attributes, rng)}. {talk.description(attributes, rng)} {listed}")

    def _request(self, rng: np.random.Generator) -> Document:
        attributes = sample_attributes(rng, SEEN_DOMAINS)
        asked = request(rng, item=attributes, num_history=int(rng.integers(4)))
        return self._chat("request", render("next_item", query=asked.text), compact_caption(attributes))

    def _copy(self, rng: np.random.Generator) -> Document:
        names = [made_up_title(rng) for _ in range(int(rng.integers(1, 5)))]
        again = [names[i] for i in rng.permutation(len(names))]
        return self._plain("copy", "\n".join([*(f"- {name}" for name in names), *(f"It is {name}." for name in again)]))


def random_look(rng: np.random.Generator) -> dict[str, str | float]:
    """An item of a seen domain; half of the brands are made up, so that brands are read and not guessed."""
    attributes = sample_attributes(rng, SEEN_DOMAINS)
    if rng.random() < 0.5:
        attributes["brand"] = made_up_brand(rng)
    return attributes


def made_up_brand(rng: np.random.Generator) -> str:
    """One or two words that no shop knows."""
    words = [made_up_name(rng) for _ in range(int(rng.integers(1, 3)))]
    return (" & " if rng.random() < 0.2 else " ").join(words)


def say_number(value: str | float) -> str:
    """A value as a page shows it."""
    return value if isinstance(value, str) else f"{value:g}"


def price_word(attributes: Attributes) -> str:
    """cheap, fair or dear for its category."""
    ratio = float(attributes["price"]) / DOMAINS[str(attributes["category"])].base_price
    return "cheap" if ratio < 0.75 else "fair" if ratio < 1.25 else "dear"


def compact_caption(attributes: Attributes) -> str:
    """Attribute words alone, always in one order: lamp red striped retro wood dear."""
    return " ".join([*(str(attributes[name]) for name in COMPACT_FIELDS), price_word(attributes)])


def plain_caption(attributes: Attributes, rng: np.random.Generator) -> str:
    """A short line with a price: red striped table lamp, 35."""
    brand = f" by {attributes['brand']}" if rng.random() < 0.3 else ""
    return f"{talk.short_name(attributes)}{brand}, {round(float(attributes['price']))}"


def asked_words(attributes: Attributes, rng: np.random.Generator) -> str:
    """What a person who wants the item types: a few of its words, or a whole request."""
    draw = rng.random()
    if draw < 0.4:
        return request(rng, item=attributes).text
    if draw < 0.5:
        return talk.title(attributes, rng)
    names = ("category", "color", "pattern", "material", "style", "brand", "shape")
    chosen = sorted(rng.choice(len(names), int(rng.integers(1, 4)), replace=False))
    return " ".join(str(attributes[names[i]]) for i in chosen)


# ---- explanations: a shop item or a made-up one, with a history that shares some of its attributes


def draw_explanation(rng: np.random.Generator) -> ExplanationCase:
    """Draw an item, a history, of some none, and one to three of the claims that hold."""
    draw = shop_item if rng.random() < 0.5 else made_up_item
    item = draw(rng, "item")
    num_past = 0 if rng.random() < UNKNOWN_SHARE else int(rng.integers(1, 6))
    history = [_share(rng, item, draw(rng, f"past{number}")) for number in range(num_past)]
    claims: list[Claim] = []
    while not claims:
        claims = draw_claims(item, history, _LABELS, rng, wishes=draw_wishes(item, rng))
    return ExplanationCase(item=item, claims=tuple(claims), others=tuple(history))


def shop_item(rng: np.random.Generator, item_id: str) -> Item:
    """An item of a seen domain."""
    attributes = random_look(rng)
    title = talk.title(attributes, rng) if rng.random() < 0.8 else talk.short_name(attributes)
    return Item(item_id=item_id, title=title, attributes=attributes)


_GENRE_TEXT = (
    "Action Adventure Animation Comedy Crime Documentary Drama Fantasy Horror Musical Mystery Romance Thriller War"
)
_GENRES: tuple[str, ...] = tuple(_GENRE_TEXT.split())


def made_up_item(rng: np.random.Generator, item_id: str) -> Item:
    """An item of no shop: a made-up title, and attributes as other catalogs have them."""
    pool: dict[str, AttributeValue] = {
        "brand": made_up_brand(rng),
        "price": round(float(rng.uniform(1, 400)), int(rng.integers(3))),
        "genres": tuple(_GENRES[i] for i in sorted(rng.choice(len(_GENRES), int(rng.integers(1, 4)), replace=False))),
        "year": float(rng.integers(1920, 2027)),
        "category": made_up_brand(rng),
        "artist": made_up_brand(rng),
        "color": made_up_name(rng).lower(),
        "material": made_up_name(rng).lower(),
        "style": made_up_name(rng).lower(),
        made_up_name(rng).lower(): made_up_name(rng),
    }
    names = [name for name in pool if rng.random() < 0.4] or ["brand"]
    return Item(item_id=item_id, title=made_up_title(rng), attributes={name: pool[name] for name in names})


def _share(rng: np.random.Generator, item: Item, past: Item) -> Item:
    """The past item with some attributes of the item."""
    shared = {name: value for name, value in item.attributes.items() if rng.random() < 0.4}
    return replace(past, attributes={**past.attributes, **shared})


def tokenizer_texts(rng: np.random.Generator, num_looks: int = 6000) -> list[str]:
    """Texts of every kind, from which the tokenizer learns its pieces."""
    texts = ["\n".join(str(render("next_item", query="a")) for _ in range(200)), "user assistant system " * 100]
    texts += ["“ ” ‘ ’ – — … € £ $ é ü ñ · × ™ ® °" * 20]
    for number in range(num_looks):
        attributes = random_look(rng)
        texts += [talk.title(attributes, rng), talk.description(attributes, rng), plain_caption(attributes, rng)]
        texts += [compact_caption(attributes), asked_words(attributes, rng), request(rng, num_history=3).text]
        if number % 2:
            case = draw_explanation(rng)
            texts += [str(case.message), phrase(case.item, case.claims, rng)]
    return texts
