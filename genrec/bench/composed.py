"""`genrec bench composed`: whether a picture and words together find what they say: "like this, but in red".

Questions are made of the catalog itself: the picture of an item, and a value of one attribute that it does not have.
Right is an item of the same kind that has the value and, of those, as much else in common with it as any: what composed
retrieval asks for (Vo et al., TIR, arXiv 1812.07119; CIRR, arXiv 2108.04024). Nobody's history is given. Picture alone
and words alone stand beside both. Deliberately takes nothing from vectors or index to tell what is right.
"""

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.bench.measure import Row
from genrec.data.labels import Labels
from genrec.errors import InputError
from genrec.runtime import progress
from genrec.schema import Catalog, Item
from genrec.workspace import Workspace, load

NUM_QUESTIONS, NUM_SHOWN = 300, 10
WORDINGS = ("{}", "in {}", "the same in {}", "like this, but {}")
_FEWEST = 2  # values of an attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A picture by its item, words, the attribute they change, and the items that are right."""

    item: Item
    words: str
    attribute: str
    right: frozenset[str]


def bench_composed(seed: int, *, directory: Path | None = None, count: int = NUM_QUESTIONS) -> list[Row]:
    """One row per attribute that is changed and one of all: Recall@10 by picture, by words and by both."""
    if directory is None:
        raise InputError("bench composed measures a workspace; give its folder: genrec bench composed DIR")
    workspace = load(directory)
    asked = make_questions(workspace.catalog, workspace.labels, count, np.random.default_rng(seed))
    found: dict[str, list[tuple[bool, ...]]] = {}
    start = time.perf_counter()
    for question in progress(asked, label="bench composed"):
        hits = tuple(_is_found(workspace, question, *by) for by in ((True, False), (False, True), (True, True)))
        found.setdefault(question.attribute, []).append(hits)
    every = [hits for some in found.values() for hits in some]
    ms = (time.perf_counter() - start) * 1e3 / (3 * len(every))
    rows = [_row(attribute, hits) for attribute, hits in found.items()]
    return [*rows, {**_row("all", every), "ms": ms}]


def _is_found(workspace: Workspace, question: Composed, by_picture: bool, by_words: bool) -> bool:
    """Whether one of ten is right; the item of the picture itself is not among them."""
    found = workspace.recommend(
        history=(),
        query=question.words if by_words else "",
        image=question.item.image if by_picture else None,
        exclude=(question.item.item_id,),
        k=NUM_SHOWN,
    )
    return any(entry.item_id in question.right for entry in found)


def _row(attribute: str, hits: Sequence[tuple[bool, ...]]) -> Row:
    picture, words, both = np.mean(np.array(hits, dtype=float), axis=0).tolist()
    return {"changed": attribute, "measure": "recall@10", "questions": len(hits), "picture": picture,
            "words": words, "both": both}  # fmt: skip


def make_questions(catalog: Catalog, labels: Labels, count: int, rng: np.random.Generator) -> list[Composed]:
    """Questions about items with pictures, the attributes in turn. Raises InputError where none can be asked."""
    kinds = [] if labels.kind is None else [labels.kind]
    looks = list(labels.having("adjective", "property"))
    values = {name: [_value(item, name) for item in catalog.items] for name in (*kinds, *looks)}
    asked_of: dict[str, str] = {}  # values, by the surest attribute that has them: who says white means the color
    for name in looks:
        asked_of |= {value: name for value in values[name] if value and value not in asked_of}
    changeable = [name for name in looks if list(asked_of.values()).count(name) >= _FEWEST]
    pictured = [row for row, item in enumerate(catalog.items) if item.image is not None]
    if not changeable or not pictured:
        raise InputError("a question needs items with pictures and with words for their looks, and there are none here")
    found: list[Composed] = []
    for row in rng.permutation(pictured).tolist():
        changed = changeable[len(found) % len(changeable)]
        wording = WORDINGS[(len(found) // len(changeable)) % len(WORDINGS)]
        others = {value for value, name in asked_of.items() if name != changed}
        question = next(_asked(catalog, values, kinds, looks, changed, others, row, wording, rng), None)
        found += [] if question is None else [question]
        if len(found) == count:
            break
    if not found:
        raise InputError("no item here has another look of the same kind, so nothing can be asked")
    return found


def _asked(
    catalog: Catalog,
    values: Mapping[str, Sequence[str]],
    kinds: Sequence[str],
    looks: Sequence[str],
    changed: str,
    others: Set[str],
    row: int,
    wording: str,
    rng: np.random.Generator,
) -> Iterator[Composed]:
    """Questions that change one look of an item, each to another value that its kind has, and no other look's."""
    kept = [name for name in looks if name != changed and values[name][row]]
    rows = [
        other
        for other in range(len(catalog))
        if other != row and all(values[name][other] == values[name][row] for name in kinds)
    ]
    own = {"", values[changed][row], *others}
    for value in rng.permutation(sorted({values[changed][other] for other in rows} - own)).tolist():
        having = [other for other in rows if values[changed][other] == value]
        common = [sum(values[name][other] == values[name][row] for name in kept) for other in having]
        right = frozenset(
            catalog.items[other].item_id for other, shared in zip(having, common, strict=True) if shared == max(common)
        )
        yield Composed(item=catalog.items[row], words=wording.format(value), attribute=changed, right=right)


def _value(item: Item, attribute: str) -> str:
    """An attribute's value where it is one word or phrase; else empty."""
    value = item.attributes.get(attribute)
    return value if isinstance(value, str) else ""
