# SPDX-License-Identifier: Apache-2.0
"""DFT and STFT of a constant length as a product with a constant matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, operand, operands, shape, static_shape
from espdl.frontend.rewrites import rewrite


@rewrite("DFT")
def dft(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Input [..., n, ..., 1 or 2], the last axis real and imaginary part; None where length or axis are computed."""
    sizes = shape(node.inputs[0])
    length, place = (array(value) for value in operands(node, 3)[1:])
    if sizes is None or any(value is not None and array(value) is None for value in node.inputs[1:]):
        return None
    default = node.attributes.get_int("axis", 1 if chain.opset < 20 else -2)
    axis = (default if place is None else int(place.reshape(()))) % len(sizes)
    matrix = _matrix(
        sizes[axis],
        sizes[-1],
        sizes[axis] if length is None else int(length.reshape(())),
        bool(node.attributes.get_int("inverse", 0)),
        bool(node.attributes.get_int("onesided", 0)),
        length is None,
    )
    rank = len(sizes)
    order = [a for a in range(rank - 1) if a != axis] + [axis, rank - 1]
    moved = order != list(range(rank))
    value = chain.add("Transpose", node.inputs[0], perm=order) if moved else operand(node, 0)
    result = _transformed(chain, value, [sizes[a] for a in order[:-2]], matrix)
    return chain.add("Transpose", result, perm=[order.index(a) for a in range(rank)]) if moved else result


@rewrite("STFT")
def stft(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Signal [batch, n], or [batch, n, 1 or 2]: frames are taken, weighted, and transformed each."""
    signal, step, window, given = operands(node, 4)
    sizes, hop, length = shape(signal), array(step), array(given)
    if sizes is None or hop is None or (given is not None and length is None):
        return None
    size = int(length.reshape(())) if length is not None else static_shape(window)[0]
    starts = np.arange(0, sizes[1] - size + 1, int(hop.reshape(())))
    parts = sizes[2] if len(sizes) > 2 else 1
    if len(sizes) == 2:
        signal = chain.add("Unsqueeze", signal, [2])
    frames = chain.add("Gather", signal, starts[:, np.newaxis] + np.arange(size), axis=1)
    if window is not None:
        frames = chain.add("Mul", frames, chain.add("Reshape", window, [size, 1]))
    matrix = _matrix(size, parts, size, False, bool(node.attributes.get_int("onesided", 1)), False)
    return _transformed(chain, frames, [sizes[0], len(starts)], matrix)


def _transformed(chain: Chain, value: ir.Value, before: Sequence[int], matrix: np.ndarray) -> ir.Value:
    """The last two axes of `value` times `matrix` [n, parts, m, parts]; `before` are the sizes of the other axes."""
    rows, columns = matrix.shape[:2], matrix.shape[2:]
    flat = chain.add("Reshape", value, [*before, rows[0] * rows[1]])
    product = chain.add("MatMul", flat, matrix.reshape(rows[0] * rows[1], -1))
    return chain.add("Reshape", product, [*before, *columns])


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
