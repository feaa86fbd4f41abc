# SPDX-License-Identifier: Apache-2.0
"""Names that nothing else has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class FreshNames:
    """The names that are taken, and new ones beside them, with `separator` between a name and its number."""

    def __init__(self, taken: Iterable[str] = (), separator: str = "_"):
        self._taken = set(taken)
        self._tried: Counter[str] = Counter()
        self._separator = separator

    def unique(self, base: str) -> str:
        """`base` where it is free, else with a number, from 2; taken from now on."""
        name = base
        while name in self._taken:
            self._tried[base] += 1
            name = f"{base}{self._separator}{self._tried[base] + 1}"
        self._taken.add(name)
        return name
