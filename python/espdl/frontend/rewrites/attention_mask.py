# SPDX-License-Identifier: Apache-2.0
"""What hides scores of an Attention: causal order, windows, padding, a mask of truths or of numbers to be added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from espdl.frontend.rewrites.scope import Chain

if TYPE_CHECKING:
    from espdl.frontend.rewrites.attention import Sizes

_LEAST = np.finfo(np.float32).min


@dataclass(frozen=True)
class Mask:
    """`seen`: a tensor of truths, or a constant one, of scores that count; `added`: numbers to be added to them.

    None where there is nothing of the kind. What is added is finite where something else says what is seen.
    """

    seen: str | np.ndarray | None
    added: str | None

    def applied(self, chain: Chain, scores: str) -> str:
        """The scores as the softmax is to read them; whole rows that are not seen are finite, and wrong."""
        if isinstance(self.seen, np.ndarray):
            alive = self.seen.any(axis=-1, keepdims=True)
            return self._hidden(chain, scores, chain.constant(self.seen | ~alive, np.bool_), -np.inf)
        return self._hidden(chain, scores, self.seen, _LEAST)

    def shown(self, chain: Chain, scores: str) -> str:
        """The scores with the mask, as ONNX defines it."""
        seen = chain.constant(self.seen, np.bool_) if isinstance(self.seen, np.ndarray) else self.seen
        return self._hidden(chain, scores, seen, -np.inf)

    def _hidden(self, chain: Chain, scores: str, seen: str | None, fill: float) -> str:
        if self.added is not None:
            scores = chain.add("Add", scores, self.added)
        return scores if seen is None else chain.add("Where", seen, scores, chain.constant(fill))

    def guarded(self, chain: Chain, probabilities: str) -> str:
        """The softmax, with zeros in rows of which nothing is seen."""
        result = probabilities
        if isinstance(self.seen, np.ndarray):
            alive = self.seen.any(axis=-1, keepdims=True)
            if not alive.all():
                result = chain.add("Where", chain.constant(alive, np.bool_), result, chain.constant(0.0))
        elif self.seen is not None:
            number = chain.add("Cast", self.seen, to=TensorProto.INT32)
            some = chain.add("Cast", chain.reduced("ReduceMax", number, [-1]), to=TensorProto.BOOL)
            result = chain.add("Where", some, result, chain.constant(0.0))
        if self.added is not None and self.seen is None and not _is_finite(chain, self.added):
            result = chain.add("Where", chain.add("IsNaN", result), chain.constant(0.0), result)
        return result


def mask_of(chain: Chain, given: list[str], attributes: dict[str, Any], sizes: Sizes) -> Mask:
    """The mask of an Attention with these inputs."""
    scope, name, padding = chain.scope, given[3], given[6]
    places = np.arange(sizes.columns) - np.arange(sizes.rows)[:, np.newaxis]  # of a key, from the query's
    ends = {"left_window_size": attributes.get("left_window_size", -1), "right": _right(attributes)}
    if padding:
        length = scope.array(padding)
        if length is None:
            return _padded(chain, given, places, ends, sizes)
        offset = length.reshape(-1, 1, 1, 1).astype(np.int64)
        seen = _inside(places, offset - sizes.rows, ends) & (np.arange(sizes.columns) < offset)
    else:
        seen = _inside(places, np.int64(sizes.past), ends)
    if not name:
        return Mask(None if seen.all() else seen, None)
    values, is_truth = scope.array(name), scope.dtype(name) == TensorProto.BOOL
    missing = sizes.columns - scope.shape(name)[-1]
    if values is not None and is_truth:
        seen = seen & np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])
        return Mask(None if seen.all() else seen, None)
    if values is not None:
        values = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)], constant_values=-np.inf)
        seen = seen & (values > -np.inf)
        rest = np.where(values > -np.inf, values, np.float32(0.0))
        return Mask(None if seen.all() else seen, chain.constant(rest) if rest.any() else None)
    seen = None if seen.all() else chain.constant(seen, np.bool_)
    return _computed(chain, name, is_truth, missing, seen)


def _right(attributes: dict[str, Any]) -> int:
    right = attributes.get("right_window_size", -1)
    return (0 if right < 0 else min(right, 0)) if attributes.get("is_causal", 0) else right


def _inside(places: np.ndarray, offset: np.ndarray, ends: dict[str, int]) -> np.ndarray:
    """Which keys lie in the window of each query; `offset`: keys before the first query."""
    distance = places - offset
    left, right = ends.values()
    return ((distance <= right) | (right < 0)) & ((distance >= -left) | (left < 0))


def _computed(chain: Chain, name: str, is_truth: bool, missing: int, seen: str | None) -> Mask:
    """The mask is an input, or computed from one; `seen`: what is known without it."""
    if missing:
        rank = len(chain.scope.shape(name))
        pads = chain.constant([0] * rank + [0] * (rank - 1) + [missing], np.int64)
        number = chain.add("Cast", name, to=TensorProto.FLOAT) if is_truth else name
        number = chain.add("Pad", number, pads, chain.constant(0.0 if is_truth else -np.inf))
        name = chain.add("Cast", number, to=TensorProto.BOOL) if is_truth else number
    if not is_truth:
        return Mask(None, name if seen is None else chain.add("Where", seen, name, chain.constant(-np.inf)))
    return Mask(name if seen is None else chain.add("And", name, seen), None)


def _padded(chain: Chain, given: list[str], places: np.ndarray, ends: dict[str, int], sizes: Sizes) -> Mask:
    """How many keys count is known when it runs only."""
    shape = chain.constant([sizes.batch, 1, 1, 1], np.int64)
    length = chain.add("Reshape", chain.add("Cast", given[6], to=TensorProto.INT64), shape)
    terms = [chain.add("Less", chain.constant(np.arange(sizes.columns), np.int64), length)]
    left, right = ends.values()
    if right >= 0:
        limit = chain.constant(places + sizes.rows - right, np.int64)
        terms.append(chain.add("LessOrEqual", limit, length))
    if left >= 0:
        limit = chain.constant(places + sizes.rows + left, np.int64)
        terms.append(chain.add("GreaterOrEqual", limit, length))
    seen = terms[0]
    for other in terms[1:]:
        seen = chain.add("And", seen, other)
    if not given[3]:
        return Mask(seen, None)
    is_truth = chain.scope.dtype(given[3]) == TensorProto.BOOL
    return _computed(chain, given[3], is_truth, sizes.columns - chain.scope.shape(given[3])[-1], seen)


def _is_finite(chain: Chain, name: str) -> bool:
    values = chain.scope.array(name)
    return values is not None and bool(np.isfinite(values).all())
