"""A cache of peers' answers: what took an hour is not asked again after a kill, or when only our own model has changed.

One file per peer, under a key that stands for all that its answers depend on. Knows nothing of how a peer ranks.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from genrec.artifacts import open_work, write_file
from genrec.evaluate.questions import Answers

log = logging.getLogger(__name__)

Make: TypeAlias = Callable[[Path | None], Answers]  # from a folder for checkpoints


class PeerCache:
    """Answers of earlier runs in one folder; without a folder, everything is asked anew."""

    def __init__(self, folder: Path | None, key: str) -> None:
        self._folder, self._key = folder, key

    def get(self, peer: str, make: Make) -> Answers:
        """A peer's stored answers, else those that `make` makes, which are stored."""
        if self._folder is None:
            return make(None)
        path = self._folder / f"{peer}-{self._key}.safetensors"
        if path.is_file():
            try:
                stored = load_file(path)
            except SafetensorError as error:
                log.warning("%s cannot be read (%s); peer %s is asked again", path, error, peer)
            else:
                log.info("peer %s was asked before; its answers are those in %s", peer, path)
                return Answers(
                    lists_BK=stored["lists_BK"],
                    ranks_B=stored["ranks_B"],
                    unmasked_ranks_B=stored.get("unmasked_ranks_B"),
                )
        work = open_work(self._folder / f"{peer}.work", self._key)
        answers = make(work)
        tensors = {"lists_BK": answers.lists_BK, "ranks_B": answers.ranks_B}
        if answers.unmasked_ranks_B is not None:
            tensors["unmasked_ranks_B"] = answers.unmasked_ranks_B
        with write_file(path) as partial:
            save_file(tensors, partial)
        shutil.rmtree(work)
        return answers
