"""Lists of numbers for many keys, as two arrays: which words an entry has, which entries have a word.

Axis legend: K keys, T numbers of all keys one after the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from genrec.schema import IntArray


@dataclass(frozen=True, slots=True)
class Postings:
    """The numbers of key k: numbers_T[starts_K[k] : starts_K[k + 1]]. starts_K: int64 (K + 1,)."""

    starts_K: IntArray
    numbers_T: IntArray

    @classmethod
    def of(cls, lists: Iterable[Iterable[int]]) -> "Postings":
        """From a list for each key, in the order of keys."""
        lengths: list[int] = [0]
        numbers: list[int] = []
        for one in lists:
            numbers.extend(one)
            lengths.append(len(numbers))
        return cls(np.array(lengths, dtype=np.int64), np.array(numbers, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.starts_K) - 1

    def __getitem__(self, key: int) -> IntArray:
        return self.numbers_T[self.starts_K[key] : self.starts_K[key + 1]]

    def turned(self, num_numbers: int) -> "Postings":
        """The keys of each number, ascending."""
        keys_T = np.repeat(np.arange(len(self)), np.diff(self.starts_K))
        order = np.argsort(self.numbers_T, kind="stable")
        counts = np.bincount(self.numbers_T, minlength=num_numbers)
        return Postings(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), keys_T[order])
