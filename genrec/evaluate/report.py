"""The report of an evaluation, for people and for programs.

Knows figures by name and three ways to show them: JSON values, Markdown tables and rich tables.
"""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genrec.evaluate.metrics import CUTOFFS, Interval
from genrec.sinks import markdown, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

TESTED_METRICS: tuple[str, ...] = ("recall@10", "ndcg@10")  # ours and each peer's are compared in pairs by these
UNMASKED = "_unmasked"  # ends the names of figures for which items of the history are ranked, too
_BESIDE = ("mrr@20", "coverage@10", "gini@10", "popularity_lift@10")
_OURS = "genrec"
_LEGEND = "±: half of the 95 % interval over users; p: paired t-test against genrec"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceReport:
    """Figures over some of the cases; the mappings are empty when there is none.

    ci95, peers_ci95: of ours and, by name, of those peers that were asked; chance is exact and has none.
    """

    num_users: int
    num_cases: int
    metrics: Mapping[str, float]
    ci95: Mapping[str, Interval]
    peers: Mapping[str, Mapping[str, float]]
    peers_ci95: Mapping[str, Mapping[str, Interval]]

    def to_json(self) -> dict[str, object]:
        """Metrics at the top, so that slices["cold"]["recall@10"] reads as the contract says."""
        return {
            "num_users": self.num_users,
            "num_cases": self.num_cases,
            **self.metrics,
            "ci95": _interval_values(self.ci95),
            "peers": {name: dict(figures) for name, figures in self.peers.items()},
            "peers_ci95": {name: _interval_values(intervals) for name, intervals in self.peers_ci95.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """One evaluation: ours, the peers, chance and, where it is known, the oracle, on the same cases.

    feedback: the scheme by which events are positive. shares: of who has a say in ours. num_repeat_targets: cases whose
    target stands in the history, which no masked list can hit. ci95, peers_ci95: 95 % intervals over users. p_values:
    per peer and metric, of a paired t-test against ours, also unmasked. share_of_oracle: ours divided by the oracle's;
    empty without one. seconds: spent on asking ours, masked and unmasked; users_per_second: over those.
    """

    protocol: str
    feedback: str
    shares: Mapping[str, float]
    split: str
    num_users: int
    num_cases: int
    num_items: int
    num_repeat_targets: int
    metrics: Mapping[str, float]
    ci95: Mapping[str, Interval]
    peers: Mapping[str, Mapping[str, float]]
    peers_ci95: Mapping[str, Mapping[str, Interval]]
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
            "feedback": self.feedback,
            "shares": dict(self.shares),
            "split": self.split,
            "num_users": self.num_users,
            "num_cases": self.num_cases,
            "num_items": self.num_items,
            "num_repeat_targets": self.num_repeat_targets,
            "metrics": dict(self.metrics),
            "ci95": _interval_values(self.ci95),
            "peers": {name: dict(figures) for name, figures in self.peers.items()},
            "peers_ci95": {name: _interval_values(intervals) for name, intervals in self.peers_ci95.items()},
            "p_values": {name: dict(values) for name, values in self.p_values.items()},
            "oracle": None if self.oracle is None else dict(self.oracle),
            "share_of_oracle": dict(self.share_of_oracle),
            "slices": {name: part.to_json() for name, part in self.slices.items()},
            "seconds": self.seconds,
            "users_per_second": self.users_per_second,
            "seed": self.seed,
            "machine": self.machine,
        }

    def rows(self, measure: str) -> list[tuple[str, ...]]:
        """A table of strings: recall or ndcg at every cutoff, and p; ours, then the peers by recall@10, best first."""
        names = [f"{measure}@{k}" for k in CUTOFFS]
        lines = [("recommender", *names, "p (@10)")]
        for name, figures in self._ranked():
            p_value = self.p_values.get(name, {}).get(f"{measure}@10")
            intervals = self.ci95 if name == _OURS else self.peers_ci95.get(name, {})
            cells = (_with_interval(figures.get(metric), intervals.get(metric)) for metric in names)
            lines.append((name, *cells, _format_p(p_value)))
        return lines

    def beside_rows(self) -> list[tuple[str, ...]]:
        """A table of strings, in the order of `rows`: the mean reciprocal rank, and what accuracy leaves out."""
        shown = [name for name in _BESIDE if name in self.metrics]
        titles = (name.replace("_", " ").replace("@", " @") for name in shown)  # a space more to wrap at
        lines = [("recommender", *titles)]
        lines += [(name, *(_format(figures.get(metric)) for metric in shown)) for name, figures in self._ranked()]
        return lines

    def mask_rows(self) -> list[tuple[str, ...]]:
        """A table of strings, in the order of `rows`: recall@10 / ndcg@10 masked and unmasked; no row without both."""
        unmasked = tuple(name + UNMASKED for name in TESTED_METRICS)
        if unmasked[0] not in self.metrics:
            return [("recommender",)]
        title = " / ".join(TESTED_METRICS)
        lines: list[tuple[str, ...]] = [("recommender", title, f"{title} unmasked", "p, unmasked")]
        for name, figures in self._ranked():
            tested = self.p_values.get(name, {})
            masked_and_not = [
                [_format(figures.get(metric)) for metric in names] for names in (TESTED_METRICS, unmasked)
            ]
            cells = [*masked_and_not, [_format_p(tested[metric]) for metric in unmasked if metric in tested]]
            lines.append((name, *(" / ".join(cell) for cell in cells)))
        return lines

    def slice_rows(self) -> list[tuple[str, ...]]:
        """A table of strings, in the order of `rows`: recall@10 / ndcg@10 of each slice that has a case."""
        parts = {name: part for name, part in self.slices.items() if part.num_cases}
        titles = (f"{name.replace('_', ' ')}, {part.num_cases:,} cases" for name, part in parts.items())
        lines = [(" / ".join(TESTED_METRICS), *titles)]
        for name, _ in self._ranked():
            found = (part.metrics if name == _OURS else part.peers.get(name, {}) for part in parts.values())
            lines.append((name, *(" / ".join(_format(figures.get(m)) for m in TESTED_METRICS) for figures in found)))
        return lines

    def tables(self) -> list[list[tuple[str, ...]]]:
        """All of them, none wider than a terminal can show, without those that would be empty."""
        tables = [self.rows("recall"), self.rows("ndcg"), self.mask_rows(), self.beside_rows(), self.slice_rows()]
        return [table for table in tables if len(table[0]) > 1]

    def to_markdown(self) -> str:
        """All tables as Markdown, with one line above that says what was measured."""
        share = self.share_of_oracle.get("recall@10")
        oracle = "" if share is None else f", {share:.0%} of the oracle's recall@10"
        head = (
            f"{markdown(self.protocol)}, {self.split} split, {self.num_cases:,} cases, {self.num_items:,} items{oracle}"
        )
        head += f"; events: {markdown(self.feedback)}"
        head += f"; {self._shares_in_words()}" if self.shares else ""
        return "\n\n".join((f"{head}; {_LEGEND}", *map(_markdown, self.tables()))) + "\n"

    def to_rich(self) -> "RenderableType":
        """All tables for a terminal, through rich."""
        from rich.console import Group

        title = f"{self.protocol}, {self.split} split, {self.num_users:,} users, {self.num_items:,} items\n{_LEGEND}"
        title += f"\nevents: {visible(self.feedback)}"
        title += f"\n{self._shares_in_words()}" if self.shares else ""
        return Group(*(_rich_table(table, None if place else title) for place, table in enumerate(self.tables())))

    def _shares_in_words(self) -> str:
        return "shares in ours: " + ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())

    def _ranked(self) -> list[tuple[str, Mapping[str, float]]]:
        peers = sorted(self.peers.items(), key=lambda entry: -entry[1].get("recall@10", 0.0))
        return [(_OURS, self.metrics), *peers]


def describe_machine() -> str:
    """Processor, cores and accelerator in a few words, for figures that depend on them."""
    import torch

    parts = [platform.machine() or "unknown processor", f"{os.cpu_count() or 1} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def _interval_values(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: asdict(interval) for name, interval in intervals.items()}


def _with_interval(value: float | None, interval: Interval | None) -> str:
    half = "" if interval is None else f" ± {(interval.high - interval.low) / 2:.3f}".replace(" 0.", " .")
    return _format(value) + half


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _format_p(value: float | None) -> str:
    if value is None:
        return ""
    if value < 1e-300:
        return "< 1e-300"
    return f"{value:.0e}" if value < 0.001 else f"{value:.3f}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    header, *rest = lines
    rule = ["---", *["---:"] * (len(header) - 1)]
    shown = [[markdown(cell) for cell in cells] for cells in (header, *rest)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (shown[0], rule, *shown[1:]))


def _rich_table(lines: Sequence[Sequence[str]], title: str | None) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    header, *rest = ([Text(visible(cell)) for cell in cells] for cells in lines)
    table = Table(title=None if title is None else Text(visible(title, keep_lines=True)), title_justify="left")
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position else "left")
    for cells in rest:
        table.add_row(*cells, style="bold" if cells[0].plain == _OURS else None)
    return table
