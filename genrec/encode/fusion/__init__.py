"""Fusers by name."""

from pathlib import Path

from genrec.config import FuseConfig
from genrec.encode.fusion.concat import Concat
from genrec.encode.fusion.contract import Fuser
from genrec.encode.fusion.whitened import WhitenedConcat
from genrec.errors import ConfigError
from genrec.fitted import load_fitted

FUSERS: dict[str, type[Fuser]] = {WhitenedConcat.name: WhitenedConcat, Concat.name: Concat}

__all__ = ["FUSERS", "Fuser", "load_fuser", "make_fuser"]


def make_fuser(config: FuseConfig) -> Fuser:
    """An unfitted fuser of the configured kind. Raises ConfigError."""
    if config.fuser not in FUSERS:
        raise ConfigError(f"fuse.fuser = {config.fuser!r} is unknown; choose one of {', '.join(FUSERS)}")
    return FUSERS[config.fuser](config)


def load_fuser(directory: Path) -> Fuser:
    """A fitted fuser of whichever kind was saved. Raises ArtifactError."""
    return load_fitted(directory, Fuser.role, FUSERS)
