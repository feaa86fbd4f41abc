# SPDX-License-Identifier: Apache-2.0
"""Names that belong together."""

from __future__ import annotations

from collections.abc import Iterable


class Sets:
    """Disjoint sets of names, each alone at first."""

    def __init__(self, names: Iterable[str]):
        self._parent = {name: name for name in names}

    def __contains__(self, name: str) -> bool:
        return name in self._parent

    def find(self, name: str) -> str:
        """The one that stands for all of its set."""
        parent = self._parent
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(self, names: Iterable[str]) -> None:
        """These belong together, as far as they are known; the set of the first keeps its representative."""
        known = [n for n in names if n in self._parent]
        for other in known[1:]:
            self._parent[self.find(other)] = self.find(known[0])

    def all(self) -> dict[str, list[str]]:
        """The sets by their representatives, in the order of their first names."""
        found: dict[str, list[str]] = {}
        for name in self._parent:
            found.setdefault(self.find(name), []).append(name)
        return found
