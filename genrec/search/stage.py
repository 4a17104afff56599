"""The stage `search`: a catalog's words and names on disk, so that a million items need not be read again.

Knows files; deliberately knows nothing of vectors, which are tried where they are loaded. What lacks this stage, as
all that was built before there was one does, is searched all the same: its index is made anew.
"""

import json
import logging
from pathlib import Path

import numpy as np

from genrec.artifacts import read_json, read_manifest, reading, write_file, write_text
from genrec.errors import ArtifactError
from genrec.generations import CATALOG
from genrec.schema import Catalog
from genrec.search.index import SearchIndex
from genrec.stages import BuildContext, Stage

log = logging.getLogger(__name__)
NAME = "search"
LAYOUT = "1"  # of the files, and of how words are told apart: another one makes the stage stale
_ARRAYS, _TEXTS = "arrays.npz", "texts.json"


def search_inputs(folder: Path) -> dict[str, str]:
    """What the stage of a generation is made of: its catalog. Raises ArtifactError."""
    return {"catalog": read_manifest(folder / CATALOG, CATALOG).fingerprint, "layout": LAYOUT}


def save_search(directory: Path, catalog: Catalog) -> dict[str, object]:
    """Index a catalog into a folder; returns what the stage says of itself."""
    index = SearchIndex.of(catalog)
    arrays, texts = index.stored()
    with write_file(directory / _ARRAYS) as partial:
        np.savez(partial, allow_pickle=False, **arrays)
    write_text(directory / _TEXTS, json.dumps(texts, ensure_ascii=False))
    return {"words": len(index.vocabulary)}


def find_search(folder: Path, catalog: Catalog) -> SearchIndex:
    """The index of a generation's catalog, read where it stands beside it, else made. Raises ArtifactError."""
    try:
        made_of = read_manifest(folder / NAME, NAME).inputs
    except ArtifactError:
        made_of = {}
    if made_of != search_inputs(folder):
        log.info("the words of %d items are indexed; genrec build keeps them", len(catalog))
        return SearchIndex.of(catalog)
    with reading(folder / NAME), np.load(folder / NAME / _ARRAYS, allow_pickle=False) as arrays:
        return SearchIndex.restored(catalog, dict(arrays), read_json(folder / NAME / _TEXTS))


def _make(build: BuildContext, directory: Path, _: str) -> dict[str, object]:
    return save_search(directory, build.catalog)


SEARCH = Stage(name=NAME, inputs=lambda build: search_inputs(build.folder), make=_make)
