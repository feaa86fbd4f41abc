# SPDX-License-Identifier: Apache-2.0
"""What hides scores of an Attention: causal order, windows, padding, a mask of truths or of numbers to be added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import BOOL, FLOAT, INT32, INT64, Chain, array, static_shape

if TYPE_CHECKING:
    from espdl.frontend.rewrites.attention import Sizes

_LEAST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Mask:
    """`seen`: a tensor of truths, or a constant one, of scores that count; `added`: numbers to be added to them.

    None where there is nothing of the kind. What is added is finite where something else says what is seen.
    """

    seen: ir.Value | np.ndarray | None
    added: ir.Value | None

    def applied(self, chain: Chain, scores: ir.Value) -> ir.Value:
        """The scores as the softmax is to read them; whole rows that are not seen are finite, and wrong."""
        if isinstance(self.seen, np.ndarray):
            alive = self.seen.any(axis=-1, keepdims=True)
            return self._hidden(chain, scores, self.seen | ~alive, -np.inf)
        return self._hidden(chain, scores, self.seen, _LEAST)

    def shown(self, chain: Chain, scores: ir.Value) -> ir.Value:
        """The scores with the mask, as ONNX defines it."""
        return self._hidden(chain, scores, self.seen, -np.inf)

    def _hidden(self, chain: Chain, scores: ir.Value, seen: ir.Value | np.ndarray | None, fill: float) -> ir.Value:
        if self.added is not None:
            scores = chain.add("Add", scores, self.added)
        return scores if seen is None else chain.add("Where", seen, scores, fill)

    def guarded(self, chain: Chain, probabilities: ir.Value) -> ir.Value:
        """The softmax, with zeros in rows of which nothing is seen."""
        result = probabilities
        if isinstance(self.seen, np.ndarray):
            alive = self.seen.any(axis=-1, keepdims=True)
            if not alive.all():
                result = chain.add("Where", alive, result, 0.0)
        elif self.seen is not None:
            number = chain.add("Cast", self.seen, to=INT32)
            some = chain.add("Cast", chain.reduced("ReduceMax", number, [-1]), to=BOOL)
            result = chain.add("Where", some, result, 0.0)
        if self.added is not None and self.seen is None and not _is_finite(self.added):
            result = chain.add("Where", chain.add("IsNaN", result), 0.0, result)
        return result


def mask_of(node: ir.Node, chain: Chain, given: list[ir.Value | None], sizes: Sizes) -> Mask:
    """The mask of an Attention with these inputs."""
    mask, padding = given[3], given[6]
    places = np.arange(sizes.columns) - np.arange(sizes.rows)[:, np.newaxis]  # of a key, from the query's
    ends = node.attributes.get_int("left_window_size", -1), _right(node)
    if padding is not None:
        length = array(padding)
        if length is None:
            return _padded(chain, given, places, ends, sizes)
        offset = length.reshape(-1, 1, 1, 1).astype(np.int64)
        seen = _inside(places, offset - sizes.rows, ends) & (np.arange(sizes.columns) < offset)
    else:
        seen = _inside(places, np.asarray(sizes.past), ends)
    if mask is None:
        return Mask(None if seen.all() else seen, None)
    values = array(mask)
    if values is None:
        return _computed(chain, mask, sizes, None if seen.all() else chain.constant(seen))
    missing = [(0, 0)] * (values.ndim - 1) + [(0, sizes.columns - values.shape[-1])]
    if values.dtype == np.bool_:
        seen = seen & np.pad(values, missing)
        return Mask(None if seen.all() else seen, None)
    values = np.pad(values, missing, constant_values=-np.inf)
    seen = seen & (values > -np.inf)
    rest = np.where(values > -np.inf, values, np.float32(0.0))
    return Mask(None if seen.all() else seen, chain.constant(rest) if rest.any() else None)


def _right(node: ir.Node) -> int:
    right = node.attributes.get_int("right_window_size", -1)
    return (0 if right < 0 else min(right, 0)) if node.attributes.get_int("is_causal", 0) else right


def _inside(places: np.ndarray, offset: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    """Which keys lie in the window of each query; `offset`: keys before the first query."""
    distance = places - offset
    left, right = ends
    return ((distance <= right) | (right < 0)) & ((distance >= -left) | (left < 0))


def _computed(chain: Chain, mask: ir.Value, sizes: Sizes, seen: ir.Value | None) -> Mask:
    """The mask is an input, or computed from one; `seen`: what is known without it."""
    is_truth, known = mask.dtype == BOOL, static_shape(mask)
    if missing := sizes.columns - known[-1]:
        pads = [0] * (2 * len(known) - 1) + [missing]
        number = chain.add("Cast", mask, to=FLOAT) if is_truth else mask
        number = chain.add("Pad", number, pads, 0.0 if is_truth else -np.inf)
        mask = chain.add("Cast", number, to=BOOL) if is_truth else number
    if not is_truth:
        return Mask(None, mask if seen is None else chain.add("Where", seen, mask, -np.inf))
    return Mask(mask if seen is None else chain.add("And", mask, seen), None)


def _padded(
    chain: Chain, given: list[ir.Value | None], places: np.ndarray, ends: tuple[int, int], sizes: Sizes
) -> Mask:
    """How many keys count is known when it runs only."""
    length = chain.add("Reshape", chain.add("Cast", given[6], to=INT64), [sizes.batch, 1, 1, 1])
    seen = chain.add("Less", np.arange(sizes.columns), length)
    left, right = ends
    if right >= 0:
        seen = chain.add("And", seen, chain.add("LessOrEqual", places + sizes.rows - right, length))
    if left >= 0:
        seen = chain.add("And", seen, chain.add("GreaterOrEqual", places + sizes.rows + left, length))
    return Mask(seen, None) if given[3] is None else _computed(chain, given[3], sizes, seen)


def _is_finite(value: ir.Value) -> bool:
    values = array(value)
    return values is not None and bool(np.isfinite(values).all())
