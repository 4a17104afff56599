"""The share of shown claims that are true in a workspace, and of explanations that the model phrased.

    python benchmarks/explanations.py WORKSPACE [--num 200] [--seed 0] [--json]

Recommendations of sampled people of any built workspace are explained, and every claim of the evidence, and every word
of the text, is checked against the catalog and the events by its words alone, apart from the code that made the claim.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from genrec.bench.talk.truth import Truth
from genrec.explain import explain_batch
from genrec.runtime import progress, quiet_libraries
from genrec.workspace import Workspace, load


def measure(recommender: Workspace, *, num: int, seed: int, batch: int = 20) -> dict[str, float]:
    """Explain the best recommendation of `num` sampled people, and check every claim."""
    rng = np.random.default_rng(seed)
    truth = Truth.of(recommender)
    users = [str(user) for user in rng.choice(list(recommender.interactions.user_bounds()), num, replace=False)]
    counts = {"claims": 0, "true": 0, "clean": 0, "model": 0, "weighed": 0}
    for start in progress(list(range(0, num, batch)), label="explain batches"):
        histories = [recommender.history_of(user) for user in users[start : start + batch]]
        items = [found[0].item_id for found in recommender.recommend_batch(histories, k=1)]
        for history, explanation in zip(histories, explain_batch(recommender, histories, items), strict=True):
            verdicts = [truth.holds(explanation.item_id, history, evidence) for evidence in explanation.evidence]
            loose = [
                word
                for text in (explanation.text, explanation.reason)
                for word in truth.unsupported(explanation.item_id, text, explanation.evidence)
            ]
            for evidence, verdict in zip(explanation.evidence, verdicts, strict=True):
                if not verdict:
                    print(f"false: {explanation.item_id}: {evidence}")
            if loose:
                print(f"unsupported {loose}: {explanation.reason} · {explanation.text}")
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
    summary = measure(load(options.workspace), num=options.num, seed=options.seed)
    print(json.dumps(summary) if options.as_json else "  ".join(f"{k} {round(v, 3)}" for k, v in summary.items()))


if __name__ == "__main__":
    main()
