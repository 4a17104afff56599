"""Training examples: token sequences for the language model, and which of their tokens count in the loss.

Next item: a person's history as one run of id tokens, graded at every position, so that one pass trains every prefix.
Alignment: item to ID, ID to item text, words to item, and explanation, which tie the new id tokens to plain language.
Knows prompts and catalogs; deliberately knows nothing of training loops.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genrec.claims.sampling import UNKNOWN_SHARE, draw_claims, draw_wishes
from genrec.claims.template import phrase
from genrec.data.labels import Labels
from genrec.model.lm.vocabulary import PromptTokenizer, history_prompt
from genrec.prompting import Ids, render
from genrec.schema import Catalog, Item, SemanticId

IGNORE = -100  # the label that torch's cross-entropy leaves out
MAX_QUERY_WORDS = 40  # characters of an attribute value that still reads as a query
MAX_TEXT_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence: tokens and labels of equal length; a label of -100 is not graded.

    events: of a history, its number and the first and last event of the window, the last exclusive.
    """

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    events: tuple[int, int, int] | None = None


def next_item_examples(
    prompts: PromptTokenizer, histories: Sequence[Sequence[SemanticId]], *, max_history: int
) -> list[Example]:
    """Windows of at most max_history + 1 items of each history, the newest window whole; graded at every item."""
    prefix = history_prompt(prompts, (), max_history=max_history)
    examples = []
    for number, history in enumerate(histories):
        for end in range(len(history), 0, -max_history):
            start = max(0, end - max_history - 1)
            tokens = prompts.ids.tokens(history[start:end])
            labels = (*[IGNORE] * len(prefix), *tokens)
            examples.append(Example((*prefix, *tokens), labels, (number, start, end)))
            if end <= max_history + 1:
                break
    return examples


def query_words(item: Item, rng: np.random.Generator) -> str:
    """A query for this item as a person might type it: one to three of its short attribute values, or its title."""
    values = [
        entry
        for value in item.attributes.values()
        for entry in (value if isinstance(value, tuple) else (value,))
        if isinstance(entry, str) and 0 < len(entry) <= MAX_QUERY_WORDS
    ]
    if not values or rng.random() < 0.1:
        return item.title
    count = min(len(values), int(rng.integers(1, 4)))
    return " ".join(values[i] for i in sorted(rng.choice(len(values), count, replace=False)))


class AlignmentExamples:
    """Draws examples that tie id tokens to words, each of a random item and, where one is needed, a random history.

    Of items without any word there is nothing to tie; a catalog of such items alone practices reasons.
    """

    def __init__(
        self,
        prompts: PromptTokenizer,
        catalog: Catalog,
        semantic_ids: Mapping[str, SemanticId],
        histories: Sequence[Sequence[str]],
        *,
        max_history: int,
    ) -> None:
        self._labels = Labels.of(catalog)
        self._prompts = prompts
        self._catalog = catalog
        self._semantic_ids = semantic_ids
        self._worded = [item for item in catalog if item.words]
        self._histories = [history for history in histories if len(history) > 1]
        self._max_history = max_history
        self._tasks: tuple[Callable[[np.random.Generator], Example], ...] = (
            self._item_to_id,
            self._id_to_item,
            self._query,
            self._query_with_history,
            self._explanation,
            self._explanation,  # twice: wording is what tuning forgets first
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Example]:
        """`count` examples, the tasks in turn."""
        tasks = self._tasks if self._histories else self._tasks[:3]
        if not self._worded:
            tasks = (self._explanation,) if self._histories else ()
        return [tasks[number % len(tasks)](rng) for number in range(count if tasks else 0)]

    def _random_item(self, rng: np.random.Generator) -> Item:
        return self._worded[int(rng.integers(len(self._worded)))]

    def _completion(self, prompt: list[int], answer: list[int]) -> Example:
        return Example((*prompt, *answer), (*[IGNORE] * len(prompt), *answer))

    def _text_answer(self, text: str) -> list[int]:
        return [*self._prompts.encode_text(text)[:MAX_TEXT_TOKENS], self._prompts.end_of_turn]

    def _item_to_id(self, rng: np.random.Generator) -> Example:
        item = self._random_item(rng)
        words = item.title if item.title and rng.random() < 0.5 else item.words[:300]
        prompt = self._prompts.encode_prompt(render("item_to_id", words=words))
        return self._completion(prompt, self._prompts.ids.tokens([self._semantic_ids[item.item_id]]))

    def _id_to_item(self, rng: np.random.Generator) -> Example:
        item = self._random_item(rng)
        prompt = self._prompts.encode_prompt(render("id_to_item", item=Ids((self._semantic_ids[item.item_id],))))
        return self._completion(prompt, self._text_answer(item.title or item.words[:100]))

    def _query(self, rng: np.random.Generator) -> Example:
        item = self._random_item(rng)
        prompt = self._prompts.encode_prompt(render("next_item", query=query_words(item, rng)))
        return self._completion(prompt, self._prompts.ids.tokens([self._semantic_ids[item.item_id]]))

    def _query_with_history(self, rng: np.random.Generator) -> Example:
        history = self._random_history(rng)
        wanted = self._catalog[history[-1]]
        ids = [self._semantic_ids[item_id] for item_id in history]
        query = query_words(wanted, rng)
        prompt = history_prompt(self._prompts, ids[:-1], max_history=self._max_history, query=query)
        return self._completion(prompt, self._prompts.ids.tokens(ids[-1:]))

    def _explanation(self, rng: np.random.Generator) -> Example:
        history = self._random_history(rng)
        item = self._catalog[history[-1]]
        past = [] if rng.random() < UNKNOWN_SHARE else [self._catalog[i] for i in history[-6:-1]]
        chosen = draw_claims(item, past, self._labels, rng, wishes=draw_wishes(item, rng))
        if not chosen:
            return self._id_to_item(rng) if self._worded else self._explanation(rng)
        prompt = self._prompts.encode_prompt(
            render("explain", title=item.name, claims=[claim.text for claim in chosen])
        )
        return self._completion(prompt, self._text_answer(phrase(item, chosen, rng)))

    def _random_history(self, rng: np.random.Generator) -> Sequence[str]:
        history = self._histories[int(rng.integers(len(self._histories)))]
        return history[: int(rng.integers(2, len(history) + 1))]
