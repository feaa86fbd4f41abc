# SPDX-License-Identifier: Apache-2.0
"""Attention by its meaning: two products, the mask between them as a constant wherever it is one, a softmax.

Heads that share keys are rows of one matrix, so that no key is repeated. Rows that see nothing give zeros, as ONNX
defines it. `attention_mask` holds what is known of the mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.attention_mask import Mask, mask_of
from espdl.frontend.rewrites.scope import Chain


@dataclass(frozen=True)
class Sizes:
    """Of queries [batch, heads, rows, width] and keys [batch, kv_heads, columns, width]; `past`: columns before K's."""

    batch: int
    heads: int
    kv_heads: int
    rows: int
    columns: int
    past: int

    @property
    def scores(self) -> tuple[int, ...]:
        return self.batch, self.heads, self.rows, self.columns

    @property
    def grouped(self) -> tuple[int, int, int]:
        """The first axes of queries and scores where the heads that share keys are one matrix."""
        return self.batch, self.kv_heads, self.heads // self.kv_heads * self.rows


@rewrite("Attention")
def attention(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Only with static shapes, in float32."""
    given = [*node.input, *[""] * 7][:7]
    results = [*node.output, *[""] * 4][:4]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if any(name and scope.shape(name) is None for name in given) or scope.dtype(given[0]) != TensorProto.FLOAT:
        return None
    chain = Chain(scope, node.name or node.output[0])
    flat = len(scope.shape(given[0])) == 3
    counts = [attributes.get(f"{n}_num_heads") for n in ("q", "kv")] if flat else [None, None]
    sizes = _sizes(scope, given, counts)
    width = scope.shape(given[0])[-1] // (counts[0] or 1)
    query = given[0]
    if (scale := attributes.get("scale", 1.0 / math.sqrt(width))) != 1.0:
        query = chain.add("Mul", query, chain.constant(scale))
    query = _heads(chain, query, scope.shape(given[0]), counts[0])
    key, value = (_heads(chain, name, scope.shape(name), counts[1]) for name in given[1:3])
    key = _with_past(chain, given[4], key, results[1])
    value = _with_past(chain, given[5], value, results[2])
    query = _reshaped(chain, query, (*sizes.grouped, width), (sizes.batch, sizes.heads, sizes.rows, width))
    scores = chain.add("MatMul", query, chain.add("Transpose", key, perm=[0, 1, 3, 2]))
    scores = _reshaped(chain, scores, sizes.scores, (*sizes.grouped, sizes.columns))
    probabilities = _probabilities(chain, scores, attributes, mask_of(chain, given, attributes, sizes), results[3])
    mixed = chain.add("MatMul", _reshaped(chain, probabilities, (*sizes.grouped, sizes.columns), sizes.scores), value)
    depth = scope.shape(given[2])[-1] // (counts[1] or 1)
    mixed = _reshaped(chain, mixed, (sizes.batch, sizes.heads, sizes.rows, depth), (*sizes.grouped, depth))
    if flat:
        mixed = chain.add("Transpose", mixed, perm=[0, 2, 1, 3])
        joined = chain.constant([sizes.batch, sizes.rows, sizes.heads * depth], np.int64)
        chain.add("Reshape", mixed, joined, output=results[0])
    else:
        chain.add("Identity", mixed, output=results[0])
    return chain.nodes


def _heads(chain: Chain, name: str, shape: tuple[int, ...], count: int | None) -> str:
    """[batch, heads, length, width]; `count`: of heads that are side by side in the last of three axes."""
    if count is None:
        return name
    batch, length, width = shape
    split = chain.add("Reshape", name, chain.constant([batch, length, count, width // count], np.int64))
    return chain.add("Transpose", split, perm=[0, 2, 1, 3])


def _sizes(scope: Scope, given: list[str], counts: list[int | None]) -> Sizes:
    q, k = (scope.shape(name) for name in given[:2])
    past = scope.shape(given[4])[2] if given[4] else 0
    return Sizes(q[0], counts[0] or q[1], counts[1] or k[1], q[-2], k[-2] + past, past)


def _with_past(chain: Chain, past: str, new: str, present: str) -> str:
    joined = chain.add("Concat", past, new, axis=2) if past else new
    if present and chain.scope.is_used(present):
        chain.add("Identity", joined, output=present)
    return joined


def _probabilities(chain: Chain, scores: str, attributes: dict[str, Any], mask: Mask, output: str) -> str:
    """The softmax of the masked scores; `output` shows one of the steps on the way."""
    steps = [scores]
    if softcap := attributes.get("softcap", 0.0):
        bounded = chain.add("Tanh", chain.add("Mul", scores, chain.constant(1.0 / softcap)))
        scores = chain.add("Mul", bounded, chain.constant(softcap))
    steps.append(scores)
    result = mask.guarded(chain, chain.add("Softmax", mask.applied(chain, scores), axis=-1))
    if chain.scope.is_used(output):
        mode = attributes.get("qk_matmul_output_mode", 0)
        shown = [*steps, "", result][mode] if mode != 2 else mask.shown(chain, scores)
        chain.add("Identity", shown, output=output)
    return result


def _reshaped(chain: Chain, name: str, shape: tuple[int, ...], now: tuple[int, ...]) -> str:
    return name if shape == now else chain.add("Reshape", name, chain.constant(shape, np.int64))
