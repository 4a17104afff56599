"""Quantizers by name."""

from pathlib import Path

from genrec.config import TokenizeConfig
from genrec.errors import ConfigError
from genrec.fitted import load_fitted
from genrec.semids.quantizers.contract import Graph, Quantizer
from genrec.semids.quantizers.pq_kmeans import PqKMeans
from genrec.semids.quantizers.rq_kmeans import RqKMeans
from genrec.semids.quantizers.rq_vae import GraphRqVae, RqVae

QUANTIZERS: dict[str, type[Quantizer]] = {kind.name: kind for kind in (RqKMeans, RqVae, GraphRqVae, PqKMeans)}

__all__ = ["QUANTIZERS", "Graph", "Quantizer", "load_quantizer", "make_quantizer"]


def make_quantizer(config: TokenizeConfig) -> Quantizer:
    """An unfitted quantizer of the configured kind. Raises ConfigError."""
    if config.quantizer not in QUANTIZERS:
        raise ConfigError(
            f"tokenize.quantizer = {config.quantizer!r} is unknown; choose one of {', '.join(QUANTIZERS)}"
        )
    return QUANTIZERS[config.quantizer](config)


def load_quantizer(directory: Path) -> Quantizer:
    """A fitted quantizer of whichever kind was saved. Raises ArtifactError."""
    return load_fitted(directory, Quantizer.role, QUANTIZERS)
