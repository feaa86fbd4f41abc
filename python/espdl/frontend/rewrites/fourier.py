# SPDX-License-Identifier: Apache-2.0
"""DFT and STFT of a constant length as a product with a constant matrix."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("DFT")
def dft(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Input [..., n, ..., 1 or 2], the last axis real and imaginary part; None where length or axis are computed."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    shape = scope.shape(node.input[0])
    length, place = (scope.array(n) if n else None for n in (*node.input[1:], "", "")[:2])
    if shape is None or any(n and scope.array(n) is None for n in node.input[1:]):
        return None
    default = 1 if scope.opset < 20 else -2
    axis = (attributes.get("axis", default) if place is None else int(place.reshape(()))) % len(shape)
    matrix = _matrix(
        shape[axis],
        shape[-1],
        shape[axis] if length is None else int(length.reshape(())),
        bool(attributes.get("inverse", 0)),
        bool(attributes.get("onesided", 0)),
        length is None,
    )
    chain = Chain(scope, node.name or node.output[0])
    rank = len(shape)
    order = [a for a in range(rank - 1) if a != axis] + [axis, rank - 1]
    moved = order != list(range(rank))
    value = chain.add("Transpose", node.input[0], perm=order) if moved else node.input[0]
    before = [shape[a] for a in order[:-2]]
    result = _transformed(chain, value, before, matrix, None if moved else node.output[0])
    if moved:
        chain.add("Transpose", result, perm=[order.index(a) for a in range(rank)], output=node.output[0])
    return chain.nodes


@rewrite("STFT")
def stft(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Signal [batch, n], or [batch, n, 1 or 2]: frames are taken, weighted, and transformed each."""
    shape = scope.shape(node.input[0])
    step, _, given = (*node.input[1:], "", "")[:3]
    hop, length = scope.array(step), scope.array(given) if given else None
    window = node.input[2] if len(node.input) > 2 else ""
    if shape is None or hop is None or (given and length is None):
        return None
    size = int(length.reshape(())) if length is not None else scope.shape(window)[0]
    starts = np.arange(0, shape[1] - size + 1, int(hop.reshape(())))
    chain = Chain(scope, node.name or node.output[0])
    places = chain.constant(starts[:, np.newaxis] + np.arange(size), np.int64)
    signal, parts = node.input[0], shape[2] if len(shape) > 2 else 1
    if len(shape) == 2:
        signal = chain.add("Unsqueeze", signal, chain.constant([2], np.int64))
    frames = chain.add("Gather", signal, places, axis=1)
    if window:
        weights = chain.add("Reshape", window, chain.constant([size, 1], np.int64))
        frames = chain.add("Mul", frames, weights)
    onesided = next((a.i for a in node.attribute if a.name == "onesided"), 1)
    matrix = _matrix(size, parts, size, False, bool(onesided), False)
    _transformed(chain, frames, [shape[0], len(starts)], matrix, node.output[0])
    return chain.nodes


def _transformed(chain: Chain, value: str, before: list[int], matrix: np.ndarray, output: str | None) -> str:
    """The last two axes of `value` times `matrix` [n, parts, m, parts]; `before` are the sizes of the other axes."""
    rows, columns = matrix.shape[:2], matrix.shape[2:]
    flat = chain.add("Reshape", value, chain.constant([*before, rows[0] * rows[1]], np.int64))
    product = chain.add("MatMul", flat, chain.constant(matrix.reshape(rows[0] * rows[1], -1)))
    return chain.add("Reshape", product, chain.constant([*before, *columns], np.int64), output=output)


def _matrix(size: int, parts: int, length: int, inverse: bool, onesided: bool, whole: bool) -> np.ndarray:
    """float64 [size, parts, m, 1 or 2]: the transform of every unit vector; numpy cuts or fills up to `length`.

    `whole`: the length was not given, so that half a spectrum is one of an even number of values.
    """
    units = np.eye(size * parts).reshape(size * parts, size, parts)
    values = units[..., 0] + (1j * units[..., 1] if parts == 2 else 0)
    if inverse and onesided:
        result = np.fft.irfft(values, 2 * (size - 1) if whole else length)[..., np.newaxis]
    else:
        if inverse:
            spectrum = np.fft.ifft(values, length)
        else:
            spectrum = np.fft.rfft(values.real, length) if onesided else np.fft.fft(values, length)
        result = np.stack([spectrum.real, spectrum.imag], axis=-1)
    return result.reshape(size, parts, *result.shape[1:])
