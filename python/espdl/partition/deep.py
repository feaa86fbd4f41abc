# SPDX-License-Identifier: Apache-2.0
"""Recursion over a graph as deep as the graph is, without the interpreter's stack.

A function that would call itself is written as a generator: `result = yield itself(argument)`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

Steps = Generator["Steps", Any, Any]


def run(steps: Steps) -> Any:
    """What the generator returns, once all generators that it and they yielded have returned."""
    stack, result = [steps], None
    while stack:
        try:
            stack.append(stack[-1].send(result))
            result = None
        except StopIteration as end:
            stack.pop()
            result = end.value
    return result
