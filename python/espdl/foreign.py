# SPDX-License-Identifier: Apache-2.0
"""What the exceptions of onnx, ONNX Runtime, TVM and numpy say to a user: the reason, and the node that it is about.

Their texts carry error codes, source files, C++ signatures and Python objects, and the reason last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LIMIT = 400
# Of a text, so that no pattern takes long.
_READ = 4000

# How they name a node.
_NODES = (
    r"while running \w+ node\. Name:'(?P<node>[^']*)'",
    r"\bnode name: (?P<node>[^)]*)\)",
    r"\bIn Node, \(\"(?P<node>[^\"]*)\"",
    r"\bin node \((?P<node>[^)]*)\)",
    r"\bnode with name '(?P<node>[^']*)'",
    r"\bNode \((?P<node>[^)]*)\) Op \(\w+\)",
    r"\bNode:(?P<node>\S+)",
    r"Bad node spec for node\. Name: (?P<node>.*?) OpType:",
    r"of node:\s+name: (?P<node>.*?) OpType:",
)
# What is left out, in this order.
_NOISE = (
    r"\[ONNXRuntimeError\] : \d+ : \w+ : ",
    r"Non-zero status code returned while running \w+ node\. Name:'[^']*' Status Message: ",
    r"Exception during (?:initialization|loading): ",
    r"Load model from .*? failed: ?",
    r"This is an invalid model\. ",
    r"In Node, \(.*?\) : \(.*?\) -> \(.*?\) ?, ?Error:? ",
    r"Node \([^)]*\) Op \(\w+\) ",
    r"\(op_type: ?\w+(?:, node name: [^)]*)?\): ",
    r"\[(?:Shape|Type)InferenceError\] ",
    r"(?:^|(?<=\s))/?[\w./\\+-]+\.(?:h|hpp|cc|cpp|c|py):\d+:? ",
    # A C++ signature, which a source file is followed by.
    r"(?:[\w:<>*&~, ]+ )?[\w:<>~]*::[\w<>~=!]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))(?: const)?(?: \[with [^\]]*\])? ",
    r"(?:\w*Error: )?Check failed: .*? is false: (?=\S)",
    # The condition that did not hold, where words follow.
    r"^.{1,200}? was false\. (?=\S)",
    r"^\w*Error: ",
)


@dataclass(frozen=True)
class Said:
    """`reason`: in one line, whole words; `node`: its name as the library knows it, "" where it names none."""

    reason: str
    node: str = ""


def said(error: BaseException) -> Said:
    """What an exception of another library says."""
    text = str(error).strip()[:_READ]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return Said(type(error).__name__)
    node = next((found["node"] for pattern in _NODES if (found := re.search(pattern, text))), "")
    # A traceback in a text has its reason behind it; a line that ends in a colon has it in the next ones.
    first = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    if first.endswith(":"):
        first = " ".join(line for line in lines if not line.startswith("==>"))
    reason = re.sub(r"<[\w.]+ object at 0x[0-9a-fA-F]+>", "an expression", first)
    for pattern in _NOISE:
        reason = re.sub(pattern, "", reason) or reason
    reason = re.sub(r" was false\.$", " does not hold", reason.strip())
    return Said(_shortened(reason), node)


def _shortened(text: str) -> str:
    """At most _LIMIT characters, cut between words: the reason of what is longer is usually at its end."""
    if len(text) <= _LIMIT:
        return text
    half = _LIMIT // 2
    return f"{text[:half].rsplit(None, 1)[0]} ... {text[-half:].split(None, 1)[-1]}"
