"""Fusers by name."""

from pathlib import Path

from genrec.config import FuseConfig
from genrec.encode.fusion.concat import Concat
from genrec.encode.fusion.contract import Fuser, read_settings
from genrec.encode.fusion.whitened import WhitenedConcat
from genrec.errors import ArtifactError, ConfigError

FUSERS: dict[str, type[Fuser]] = {WhitenedConcat.name: WhitenedConcat, Concat.name: Concat}

__all__ = ["FUSERS", "Fuser", "load_fuser", "make_fuser"]


def make_fuser(config: FuseConfig) -> Fuser:
    """An unfitted fuser of the configured kind. Raises ConfigError."""
    if config.fuser not in FUSERS:
        raise ConfigError(f"fuse.fuser = {config.fuser!r} is unknown; choose one of {', '.join(FUSERS)}")
    return FUSERS[config.fuser](config)


def load_fuser(directory: Path) -> Fuser:
    """A fitted fuser of whichever kind was saved. Raises ArtifactError."""
    name, _, _ = read_settings(directory)
    if name not in FUSERS:
        raise ArtifactError(f"{directory} holds a {name!r} fuser; this genrec knows {', '.join(FUSERS)}")
    return FUSERS[name].load(directory)
