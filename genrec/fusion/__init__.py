"""Fusers by name: how modalities and behavior become one vector of each item.

`contract` is what all promise, `learned` what those that learn from events share; each of these is a system of the
literature in a file of `systems`.
"""

from pathlib import Path

from genrec.config import FuseConfig
from genrec.errors import ConfigError
from genrec.fitted import load_fitted
from genrec.fusion.concat import Concat
from genrec.fusion.contract import Fuser
from genrec.fusion.events import Events
from genrec.fusion.systems.alignrec import AlignRec
from genrec.fusion.systems.cease import CEASE
from genrec.fusion.systems.cmbf import CMBF
from genrec.fusion.systems.em3 import EM3
from genrec.fusion.systems.factors import MF, VBPR, LightGCN
from genrec.fusion.systems.hcgcn import HCGCN
from genrec.fusion.systems.lgmrec import LGMRec
from genrec.fusion.systems.mcptr import MCPTR
from genrec.fusion.systems.mmgrec import MMGRec
from genrec.fusion.systems.mp4sr import MP4SR
from genrec.fusion.systems.nova import NOVA
from genrec.fusion.systems.uvcan import UVCAN
from genrec.fusion.systems.vecf import VECF
from genrec.fusion.systems.vlsnr import VLSNR
from genrec.fusion.whitened import WhitenedConcat

_KINDS: tuple[type[Fuser], ...] = (
    WhitenedConcat,
    Concat,
    MF,
    VBPR,
    LightGCN,
    AlignRec,
    CEASE,
    CMBF,
    EM3,
    HCGCN,
    LGMRec,
    MCPTR,
    MMGRec,
    MP4SR,
    NOVA,
    UVCAN,
    VECF,
    VLSNR,
)
FUSERS: dict[str, type[Fuser]] = {kind.name: kind for kind in _KINDS}

__all__ = ["FUSERS", "Events", "Fuser", "is_learned", "load_fuser", "make_fuser"]


def make_fuser(config: FuseConfig) -> Fuser:
    """An unfitted fuser of the configured kind. Raises ConfigError."""
    if config.fuser not in FUSERS:
        raise ConfigError(f"fuse.fuser = {config.fuser!r} is unknown; choose one of {', '.join(FUSERS)}")
    return FUSERS[config.fuser](config)


def is_learned(config: FuseConfig) -> bool:
    """Whether the configured fuser learns from events. Raises ConfigError."""
    return make_fuser(config).learned


def load_fuser(directory: Path) -> Fuser:
    """A fitted fuser of whichever kind was saved. Raises ArtifactError."""
    return load_fitted(directory, Fuser.role, FUSERS)
