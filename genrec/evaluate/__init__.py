"""Metrics, protocols, peers and reports."""

from genrec.evaluate.oracle import Oracle, load_world
from genrec.evaluate.peers import PEERS
from genrec.evaluate.protocol import DEFAULT_PEERS, Recommends, evaluate
from genrec.evaluate.report import EvaluationReport, SliceReport

__all__ = [
    "DEFAULT_PEERS",
    "PEERS",
    "EvaluationReport",
    "Oracle",
    "Recommends",
    "SliceReport",
    "evaluate",
    "load_world",
]
