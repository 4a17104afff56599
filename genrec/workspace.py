"""A built workspace in one hand: recommend, explain, visualize and chat."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from genrec.ranking.recommender import Recommender
from genrec.schema import Explanation, Visual

if TYPE_CHECKING:
    from genrec.chat.conversation import Conversation
    from genrec.chat.rules.reader import RuleReader


class Workspace(Recommender):
    """What `genrec.load` returns. pauses_writing: whether it answers on while it writes texts."""

    pauses_writing: ClassVar[bool] = False

    def explain(
        self, *, item: str, user: str | None = None, history: Sequence[str] | None = None, query: str = ""
    ) -> Explanation:
        """Why this item suits this person, every claim backed by evidence. Raises UnknownUser, UnknownItem."""
        from genrec.explain import explain

        return explain(self, user=user, history=history, item_id=item, query=query)

    def visualize(
        self,
        *,
        item: str,
        out: Path | str,
        user: str | None = None,
        history: Sequence[str] | None = None,
        scene: str | None = None,
        photo: Path | None = None,
        seed: int = 0,
    ) -> Visual:
        """Draw this item for this person into a PNG, with a record beside it. Raises UnknownUser, UnknownItem."""
        from genrec.visualize import visualize

        return visualize(
            self, user=user, history=history, item_id=item, scene=scene, photo=photo, seed=seed, out=Path(out)
        )

    def chat(self) -> "Conversation":
        """A new conversation; `.say(text)` answers."""
        from genrec.chat.conversation import Conversation

        return Conversation(self)

    def close(self) -> None:
        """End what works for it elsewhere; of itself it has nothing to end."""

    @cached_property
    def rule_reader(self) -> "RuleReader":
        """What understands messages about this catalog; its words are collected at first use."""
        from genrec.chat.rules.reader import RuleReader

        return RuleReader(self.catalog)


def load(directory: Path | str, *, adapter: str | Path | None = None) -> Workspace:
    """Load a built workspace; `adapter` names a domain adapter. Raises ArtifactError, IdTableMismatch."""
    return Workspace.load(directory, adapter=adapter)
