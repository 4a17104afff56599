"""Stages of a build: what each is, and what all of them read.

A stage says what goes into it and how it is made; its value stands beside the code that does the work. Knows nothing of
any one stage, nor of their order, which is `pipeline.py`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from genrec import artifacts
from genrec.config import Config
from genrec.data.ingest import load_data
from genrec.data.splits import Split, split_interactions
from genrec.generations import INTERACTIONS
from genrec.runtime import foundation_path
from genrec.schema import Catalog, Embeddings, Interactions
from genrec.settings import stored


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """A workspace while it is built.

    folder: the generation that its stages belong to; features: the modalities that came with the data.
    """

    root: Path
    folder: Path
    config: Config
    catalog: Catalog
    interactions: Interactions
    features: Mapping[str, Embeddings]
    split: Split

    @classmethod
    def open(cls, root: Path, folder: Path, config: Config) -> "BuildContext":
        """Read and split the data of a generation. Raises ArtifactError, SourceError."""
        catalog, interactions, features = load_data(folder, content_alone=True)
        return cls(
            root=root,
            folder=folder,
            config=config,
            catalog=catalog,
            interactions=interactions,
            features=features,
            split=split_interactions(interactions, config.split),
        )

    def manifest(self, stage: str) -> artifacts.Manifest:
        """What a stage that is made says of itself. Raises ArtifactError."""
        return artifacts.read_manifest(self.folder / stage, stage)

    def work(self, stage: str) -> Path:
        """Where a stage keeps checkpoints until it is made."""
        return self.root / f".{stage}.work"

    def split_inputs(self) -> dict[str, str]:
        """The inputs of whatever learns from events: the events, and how they are split."""
        return {
            "events": artifacts.fingerprint_file(self.folder / INTERACTIONS),
            "split": artifacts.fingerprint(stored(self.config.split), self.config.seed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One directory of a workspace.

    inputs: the fingerprints by name of all that goes in; the stage is fresh while they are those of its manifest. make:
    writes its files into the empty directory it is given and returns the manifest's details; `key` stands for the
    inputs, for whatever must know whether they are the same as before.
    """

    name: str
    inputs: Callable[[BuildContext], dict[str, str]]
    make: Callable[[BuildContext, Path, str], Mapping[str, object]]  # context, directory, key


def foundation_fingerprint(name_or_path: str) -> str:
    """What stands for a foundation model among the inputs: the contents of a folder, or the name on the hub."""
    folder = Path(foundation_path(name_or_path))
    return artifacts.fingerprint_folder(folder) if folder.is_dir() else name_or_path


def section_input(name: str, section: object) -> dict[str, str]:
    """The input of a section whose settings were all added since stages were first built; none at their defaults."""
    entries = stored(section)
    return {name: artifacts.fingerprint(entries)} if entries else {}
