"""What an evaluation found, and how people and programs read it.

Knows figures by name and three ways to show them: JSON values, a Markdown table and a rich table.
"""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genrec.evaluate.metrics import Interval

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_METRICS: tuple[str, ...] = ("recall@10", "ndcg@10", "recall@5", "recall@20", "mrr@20")


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceReport:
    """Figures over some of the cases; the mappings are empty when there is none."""

    num_users: int
    num_cases: int
    metrics: Mapping[str, float]
    ci95: Mapping[str, Interval]
    peers: Mapping[str, Mapping[str, float]]

    def to_json(self) -> dict[str, object]:
        """Metrics at the top, so that slices["cold"]["recall@10"] reads as the contract says."""
        return {
            "num_users": self.num_users,
            "num_cases": self.num_cases,
            **self.metrics,
            "ci95": _interval_values(self.ci95),
            "peers": {name: dict(figures) for name, figures in self.peers.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """One evaluation: ours, the peers, chance and, where it is known, the oracle, on the same cases.

    num_repeat_targets: cases whose target stands in the history, which no masked list can hit. p_values: per peer and
    metric, of a paired t-test against ours. share_of_oracle: ours divided by the oracle's; empty without one.
    seconds: spent on asking ours, both passes; users_per_second: over those.
    """

    protocol: str
    split: str
    num_users: int
    num_cases: int
    num_items: int
    num_repeat_targets: int
    metrics: Mapping[str, float]
    ci95: Mapping[str, Interval]
    peers: Mapping[str, Mapping[str, float]]
    p_values: Mapping[str, Mapping[str, float]]
    share_of_oracle: Mapping[str, float]
    slices: Mapping[str, SliceReport]
    seconds: float
    users_per_second: float
    seed: int
    machine: str

    @property
    def oracle(self) -> Mapping[str, float] | None:
        """The ceiling's figures, where the truth is known."""
        return self.peers.get("oracle")

    def to_json(self) -> dict[str, object]:
        """Plain JSON values in the shape of `genrec evaluate --json`."""
        return {
            "protocol": self.protocol,
            "split": self.split,
            "num_users": self.num_users,
            "num_cases": self.num_cases,
            "num_items": self.num_items,
            "num_repeat_targets": self.num_repeat_targets,
            "metrics": dict(self.metrics),
            "ci95": _interval_values(self.ci95),
            "peers": {name: dict(figures) for name, figures in self.peers.items()},
            "p_values": {name: dict(values) for name, values in self.p_values.items()},
            "oracle": None if self.oracle is None else dict(self.oracle),
            "share_of_oracle": dict(self.share_of_oracle),
            "slices": {name: part.to_json() for name, part in self.slices.items()},
            "seconds": self.seconds,
            "users_per_second": self.users_per_second,
            "seed": self.seed,
            "machine": self.machine,
        }

    def rows(self, shown: Sequence[str] = SHOWN_METRICS) -> list[tuple[str, ...]]:
        """A table of strings: a header row, ours, then the peers by recall@10, best first."""
        ranked = sorted(self.peers.items(), key=lambda entry: -entry[1].get("recall@10", 0.0))
        lines = [("recommender", *shown, "p (ndcg@10)")]
        lines.append(("genrec", *(_with_interval(self, name) for name in shown), ""))
        for name, figures in ranked:
            p_value = self.p_values.get(name, {}).get("ndcg@10")
            lines.append((name, *(_format(figures.get(key)) for key in shown), _format_p(p_value)))
        return lines

    def slice_rows(self, metric: str = "recall@10") -> list[tuple[str, ...]]:
        """A table of strings: one line per slice with ours and every peer by one metric."""
        names = list(self.peers)
        lines = [(f"{metric} of", "users", "genrec", *names)]
        for name, part in self.slices.items():
            peers = (_format(part.peers.get(peer, {}).get(metric)) for peer in names)
            lines.append((name.replace("_", " "), f"{part.num_users:,}", _format(part.metrics.get(metric)), *peers))
        return lines

    def to_markdown(self) -> str:
        """Both tables as Markdown, with one line above that says what was measured."""
        share = self.share_of_oracle.get("recall@10")
        oracle = "" if share is None else f", {share:.0%} of the oracle's recall@10"
        head = f"{self.protocol}, {self.split} split, {self.num_cases:,} cases, {self.num_items:,} items{oracle}"
        return "\n\n".join((head, _markdown(self.rows()), _markdown(self.slice_rows()))) + "\n"

    def to_rich(self) -> "RenderableType":
        """Both tables for a terminal, through rich."""
        from rich.console import Group

        title = f"{self.protocol}, {self.split} split, {self.num_users:,} users, {self.num_items:,} items"
        return Group(_rich_table(self.rows(), title), _rich_table(self.slice_rows(), "slices"))


def describe_machine() -> str:
    """Processor, cores and accelerator in a few words, for figures that depend on them."""
    import torch

    parts = [platform.machine() or "unknown processor", f"{os.cpu_count() or 1} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def _interval_values(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: asdict(interval) for name, interval in intervals.items()}


def _with_interval(report: EvaluationReport, name: str) -> str:
    interval = report.ci95.get(name)
    half = "" if interval is None else f" ± {(interval.high - interval.low) / 2:.3f}"
    return _format(report.metrics.get(name)) + half


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _format_p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    header, *rest = lines
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rest))


def _rich_table(lines: Sequence[Sequence[str]], title: str) -> "RenderableType":
    from rich.markup import escape
    from rich.table import Table

    header, *rest = lines
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(header):
        table.add_column(escape(name), justify="right" if position else "left")
    for position, cells in enumerate(rest):
        table.add_row(*map(escape, cells), style="bold" if cells[0].startswith("genrec") and not position else None)
    return table
