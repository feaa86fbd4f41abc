# SPDX-License-Identifier: Apache-2.0
"""Attention by its meaning: two products, the mask between them as a constant wherever it is one, a softmax.

Heads that share keys are rows of one matrix, so that no key is repeated. Rows that see nothing give zeros, as ONNX
defines it. `attention_mask` holds what is known of the mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx_ir as ir

from espdl.frontend.graph import FLOAT, Chain, Results, is_used, operand, operands, shape, static_shape
from espdl.frontend.rewrites import rewrite
from espdl.frontend.rewrites.attention_mask import Mask, mask_of


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
def attention(node: ir.Node, chain: Chain) -> Results | None:
    """Only with static shapes, in float32."""
    given = operands(node, 7)
    query, key, value = (operand(node, index) for index in range(3))
    if any(value is not None and shape(value) is None for value in given) or query.dtype != FLOAT:
        return None
    widths = static_shape(query)[-1], static_shape(value)[-1]
    flat = len(static_shape(query)) == 3
    counts = [node.attributes.get_int(f"{n}_num_heads") if flat else None for n in ("q", "kv")]
    sizes = _sizes(given, counts)
    width, depth = widths[0] // (counts[0] or 1), widths[1] // (counts[1] or 1)
    if (scale := node.attributes.get_float("scale", 1.0 / math.sqrt(width))) != 1.0:
        query = chain.add("Mul", query, scale)
    query = _heads(chain, query, static_shape(given[0]), counts[0])
    key, value = (_heads(chain, v, static_shape(v), counts[1]) for v in (key, value))
    key, value = (chain.add("Concat", p, n, axis=2) if p else n for p, n in zip(given[4:6], (key, value)))
    query = _reshaped(chain, query, (*sizes.grouped, width), (sizes.batch, sizes.heads, sizes.rows, width))
    scores = chain.add("MatMul", query, chain.add("Transpose", key, perm=[0, 1, 3, 2]))
    scores = _reshaped(chain, scores, sizes.scores, (*sizes.grouped, sizes.columns))
    probabilities, shown = _probabilities(node, chain, scores, mask_of(node, chain, given, sizes))
    mixed = chain.add("MatMul", _reshaped(chain, probabilities, (*sizes.grouped, sizes.columns), sizes.scores), value)

    mixed = _reshaped(chain, mixed, (sizes.batch, sizes.heads, sizes.rows, depth), (*sizes.grouped, depth))
    if flat:
        mixed = chain.add("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = chain.add("Reshape", mixed, [sizes.batch, sizes.rows, sizes.heads * depth])
    return mixed, key, value, shown


def _heads(chain: Chain, value: ir.Value, sizes: tuple[int, ...], count: int | None) -> ir.Value:
    """[batch, heads, length, width]; `count`: of heads that are side by side in the last of three axes."""
    if count is None:
        return value
    batch, length, width = sizes
    split = chain.add("Reshape", value, [batch, length, count, width // count])
    return chain.add("Transpose", split, perm=[0, 2, 1, 3])


def _sizes(given: list[ir.Value | None], counts: list[int | None]) -> Sizes:
    q, k = (static_shape(value) for value in given[:2])
    past = static_shape(given[4])[2] if given[4] else 0
    return Sizes(q[0], counts[0] or q[1], counts[1] or k[1], q[-2], k[-2] + past, past)


def _probabilities(node: ir.Node, chain: Chain, scores: ir.Value, mask: Mask) -> tuple[ir.Value, ir.Value | None]:
    """The softmax of the masked scores, and the one of the steps on the way that the fourth output shows."""
    steps = [scores]
    if softcap := node.attributes.get_float("softcap", 0.0):
        scores = chain.add("Mul", chain.add("Tanh", chain.add("Mul", scores, 1.0 / softcap)), softcap)
    steps.append(scores)
    result = mask.guarded(chain, chain.add("Softmax", mask.applied(chain, scores), axis=-1))
    if len(node.outputs) < 4 or not is_used(node.outputs[3]):
        return result, None
    mode = node.attributes.get_int("qk_matmul_output_mode", 0)
    return result, mask.shown(chain, scores) if mode == 2 else [*steps, None, result][mode]


def _reshaped(chain: Chain, value: ir.Value, sizes: tuple[int, ...], now: tuple[int, ...]) -> ir.Value:
    return value if sizes == now else chain.add("Reshape", value, sizes)
