"""The result of a demo run, as plain values.

Knows titles, texts, scores and paths of pictures; deliberately knows nothing of how they came about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genrec.evaluate.report import EvaluationReport
from genrec.schema import Evidence, Item, Recommendation, format_attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoItem:
    """One item as a card. price: as people write it, empty when there is none."""

    item_id: str
    title: str
    price: str = ""
    image: Path | None = None

    @classmethod
    def of(cls, item: Item) -> "DemoItem":
        """The card of a catalog's item."""
        price = item.attributes.get("price")
        shown = f"{price:.2f}" if isinstance(price, float) else "" if price is None else format_attribute(price)
        return cls(item_id=item.item_id, title=item.name, price=shown, image=item.image)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoVisual:
    """One generated picture. path: the picture; scores: cosines in CLIP space by name."""

    path: Path
    prompt: str
    seed: int
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPick:
    """One recommendation with its reason and, where one was drawn, its picture for this person."""

    rank: int
    item: DemoItem
    score_nats: float
    reason: str
    evidence: tuple[Evidence, ...]
    semantic_id: tuple[int, ...] = ()
    visual: DemoVisual | None = None

    @classmethod
    def of(
        cls,
        recommendation: Recommendation,
        item: Item,
        *,
        reason: str,
        evidence: tuple[Evidence, ...],
        visual: DemoVisual | None = None,
    ) -> "DemoPick":
        """A recommendation joined with its catalog item and its explanation."""
        return cls(
            rank=recommendation.rank,
            item=DemoItem.of(item),
            score_nats=recommendation.score_nats,
            reason=reason,
            evidence=evidence,
            semantic_id=recommendation.semantic_id,
            visual=visual,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """One person. history: oldest first; taste: a few words for readers of the demo; request: what the person asked."""

    user_id: str
    history: tuple[DemoItem, ...]
    picks: tuple[DemoPick, ...]
    taste: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SameItemDrawn:
    """One item drawn for several people: each is a person's id, their taste in words, and the picture."""

    item: DemoItem
    drawn: tuple[tuple[str, str, DemoVisual], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Everything that the report and the contact sheet show.

    stages: seconds by stage, in order. files: where things are, label to a path as text. loss_curve, code_map:
    pictures. same_item: one item drawn for people of opposite tastes.
    """

    title: str
    people: tuple[DemoPerson, ...]
    num_items: int
    num_users: int
    num_events: int
    stages: Mapping[str, float]
    evaluation: EvaluationReport | None = None
    same_item: SameItemDrawn | None = None
    loss_curve: Path | None = None
    code_map: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
