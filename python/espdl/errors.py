# SPDX-License-Identifier: Apache-2.0
"""The one way in which this package tells a user that something cannot work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from espdl.foreign import said

T = TypeVar("T")


def present(value: T | None) -> T:
    """`value`, which what was checked before says is there, and its type does not."""
    if value is None:
        raise ValueError("something is missing that was there when it was checked")
    return value


@dataclass(frozen=True)
class Node:
    """A node that an error is about: its name, its ONNX operator, the tensors that it computes."""

    name: str
    operator: str = ""
    outputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"node '{self.name}' ({self.operator})" if self.operator else f"node '{self.name}'"


class EspdlError(Exception):
    """Something the user asked for cannot be done.

    The text begins with what was asked, gives the reason, and ends with what to do:

        net.onnx: node 'head/NonZero' (NonZero): its output shape depends on the input's values.
        Remedy: export the model without it.

    `node`: what it is about, if that is one node.
    """

    def __init__(self, what: str, why: str, remedy: str, node: Node | None = None):
        what, why, remedy = _printable(what, 300), _printable(why, 1200), _printable(remedy, 600)
        super().__init__(f"{what}: {why}\nRemedy: {remedy}")
        self.what = what
        self.why = why
        self.remedy = remedy
        self.node = node

    @classmethod
    def at(cls, label: str, node: Any, why: str, remedy: str) -> EspdlError:
        """About `node`, a Node or an onnx.NodeProto, of the model that messages call `label` ("": not known here)."""
        if not isinstance(node, Node):
            node = Node(node.name or next(filter(None, node.output), ""), node.op_type, tuple(node.output))
        return cls(f"{label}: {node}" if label else str(node), why, remedy, node)

    def __reduce__(self):
        # The default would rebuild it from the joined text; it crosses process boundaries.
        return type(self), (self.what, self.why, self.remedy, self.node)

    @property
    def text(self) -> str:
        """The message as it is printed: prefixed, the remedy on a line of its own, both aligned."""
        return f"espdl: {self.what}: {self.why}\n       Remedy: {self.remedy}"


def _printable(text: str, limit: int) -> str:
    """`text` as a terminal may show it: names come from the model and can hold anything, of any length.

    A single word is cut first, so that a long name does not push out what is said about it.
    """
    clean = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return _cut(re.sub(r"\S{301,}", lambda word: _cut(word.group(), 300), clean), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"


def first_line(error: BaseException) -> str:
    """What another library's exception says, in one line for our own message."""
    return said(error).reason


class UsageError(EspdlError):
    """The command line or the options file is malformed (exit code 2)."""
