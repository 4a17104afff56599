"""The share of shown claims that are true in the demo world, and of explanations that the model phrased.

    python benchmarks/explanations.py WORKSPACE [--num 200] [--seed 0] [--json]

The workspace must hold a built demo shop. The world is made again from the catalog's manifest; recommendations of
sampled people are explained, and every claim of the evidence, and every word of the text, is checked against the
world's own items and events by its words alone, apart from the code that made the claim.
"""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genrec.artifacts import read_manifest
from genrec.data.readers.shop import recreate_shop
from genrec.data.shop import ShopWorld
from genrec.data.splits import split_interactions
from genrec.explain import NEAR_SHARE, explain_batch
from genrec.runtime import progress, quiet_libraries
from genrec.schema import Evidence, Explanation
from genrec.workspace import Workspace, load

_LIKE = re.compile(r"^it (?P<says>.+), like (?P<title>.+)$")
_AFTER = re.compile(r"^it was chosen by (?P<count>\d+) (?:people|person) after (?P<title>.+)$")
_CLOSE = re.compile(r"^it is close to (?P<title>.+) in looks and words$")
_POPULAR = re.compile(r"^it was chosen by (?P<count>\d+) (?:people|person)$")
_RANGE = re.compile(r"^it costs (?P<price>[\d.]+), within the (?P<low>[\d.]+) to (?P<high>[\d.]+) usual for you$")
_SAYS = {
    "color": "is {}", "category": "is a {}", "brand": "is by {}", "material": "is made of {}", "price": "costs {}",
    "pattern": "has a {} pattern", "style": "has a {} style", "shape": "has a {} shape", "accent": "has a {} accent",
    "warmth": "has a {} tone",
}  # fmt: skip


class Truth:
    """What is true in the world: items from the world itself, events from its training part."""

    def __init__(self, recommender: Workspace, world: ShopWorld) -> None:
        self.recommender, self.world = recommender, world
        train = split_interactions(recommender.interactions, recommender.config.split).train
        self.histories = [list(items) for items in train.histories().values()]

    def holds(self, item_id: str, history: Sequence[str], evidence: Evidence) -> bool:
        """Whether one claim is true of the item, for a person with this history."""
        claim = evidence.claim
        if match := _LIKE.match(claim):
            past = evidence.source
            return (
                past in history
                and self.world.item(past).title == match["title"]
                and self._says(item_id, match["says"])
                and self._says(past, match["says"])
            )
        if match := _AFTER.match(claim):
            return self.world.item(evidence.source).title == match["title"] and int(match["count"]) == sum(
                item_id in items and evidence.source in items and items.index(evidence.source) < items.index(item_id)
                for items in self.histories
            )
        if match := _CLOSE.match(claim):
            return self._is_near(item_id, evidence.source)
        if match := _POPULAR.match(claim):
            return int(match["count"]) == sum(item_id in items for items in self.histories)
        if match := _RANGE.match(claim):
            prices = [float(self.world.item(past).attributes["price"]) for past in history]
            low, high = float(match["low"]), float(match["high"])
            inside = sum(low <= price <= high for price in prices) / len(prices)
            return self._says(item_id, f"costs {match['price']}") and inside >= 0.5
        return self._says(item_id, claim.removeprefix("it "))

    def _says(self, item_id: str, words: str) -> bool:
        attributes = self.world.item(item_id).attributes
        said = []
        for name, form in _SAYS.items():
            value = attributes[name]
            text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
            article = "an" if text[:1] in "aeiou" else "a"
            said.append(form.replace("a {}", f"{article} {{}}").format(text))
        return words in said

    def _is_near(self, item_id: str, other: str) -> bool:
        vectors, catalog = self.recommender.vectors, self.recommender.catalog
        scores = vectors @ vectors[catalog.row(item_id)]
        closer = int((scores > scores[catalog.row(other)]).sum()) - 1
        return closer < max(1, int(NEAR_SHARE * len(catalog)))

    def unsupported(self, item_id: str, explanation: Explanation) -> list[str]:
        """Values, numbers and foreign titles in the text that no shown claim names."""
        backing = " ".join([self.world.item(item_id).title, *(e.claim for e in explanation.evidence)]).casefold()
        text = explanation.text.casefold()
        numbers = [
            number
            for number in re.findall(r"\d+(?:\.\d+)?", text)
            if number not in re.findall(r"\d+(?:\.\d+)?", backing)
        ]
        values = {
            str(value).casefold()
            for item in self.world.items
            for name, value in item.attributes.items()
            if name not in ("price", "shape", "warmth")
        }
        words = [
            v
            for v in values
            if re.search(rf"\b{re.escape(v)}\b", text) and not re.search(rf"\b{re.escape(v)}\b", backing)
        ]
        return [*numbers, *words]


def measure(recommender: Workspace, world: ShopWorld, *, num: int, seed: int, batch: int = 20) -> dict[str, float]:
    """Explain the best recommendation of `num` sampled people, and check every claim."""
    rng = np.random.default_rng(seed)
    truth = Truth(recommender, world)
    users = [str(user) for user in rng.choice(list(recommender.interactions.user_bounds()), num, replace=False)]
    counts = {"claims": 0, "true": 0, "clean": 0, "model": 0, "weighed": 0}
    for start in progress(list(range(0, num, batch)), label="explain batches"):
        histories = [recommender.history_of(user) for user in users[start : start + batch]]
        items = [found[0].item_id for found in recommender.recommend_batch(histories, k=1)]
        for history, explanation in zip(histories, explain_batch(recommender, histories, items), strict=True):
            verdicts = [truth.holds(explanation.item_id, history, evidence) for evidence in explanation.evidence]
            loose = truth.unsupported(explanation.item_id, explanation)
            for evidence, verdict in zip(explanation.evidence, verdicts, strict=True):
                if not verdict:
                    print(f"false: {explanation.item_id}: {evidence}")
            if loose:
                print(f"unsupported {loose}: {explanation.text}")
            counts["claims"] += len(verdicts)
            counts["true"] += sum(verdicts)
            counts["clean"] += not loose
            counts["model"] += explanation.phrased_by == "model"
            counts["weighed"] += any(evidence.weight > 0 for evidence in explanation.evidence)
    return {
        "num_explanations": num,
        "num_claims": counts["claims"],
        "share_claims_true": counts["true"] / max(counts["claims"], 1),
        "share_texts_supported": counts["clean"] / num,
        "share_phrased_by_model": counts["model"] / num,
        "share_with_weighed_evidence": counts["weighed"] / num,
    }


def main() -> None:
    """Print the shares, and every claim that is false."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--num", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    quiet_libraries()
    world = recreate_shop(read_manifest(options.workspace / "catalog", "catalog").details)
    summary = measure(load(options.workspace), world, num=options.num, seed=options.seed)
    print(json.dumps(summary) if options.as_json else "  ".join(f"{k} {round(v, 3)}" for k, v in summary.items()))


if __name__ == "__main__":
    main()
