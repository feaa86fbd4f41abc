# SPDX-License-Identifier: Apache-2.0
"""What a pattern of differences between a chip's values and the expected ones usually means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_VECTOR = 16  # bytes that vector units move at a time, at addresses that are multiples of it

# An explanation looks at the expected values, the chip's, and where they differ, all of one shape.
_Explanation = Callable[[np.ndarray, np.ndarray, np.ndarray], str | None]


def meanings(expected: np.ndarray, got: np.ndarray, known: np.ndarray) -> list[str]:
    """Sentences, the most specific first; `known` says which of the values are known (all arrays of one shape)."""
    expected, got, known = (np.atleast_1d(a) for a in (expected, got, known))
    different = (_bits(expected) != _bits(got)) & known
    if not different.any():
        return []
    if not known.all():  # patterns in places need all of them
        found = [e(expected[known], got[known], different[known]) for e in _BY_VALUE]
    else:
        found = [e(expected, got, different) for e in (*_BY_VALUE, *_BY_PLACE)]
    sentences = [sentence for sentence in found if sentence]
    return sentences[:2] or [
        "no pattern that is known: compare the layer's weights and inputs, and read its parameters in the generated C"
    ]


def _bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def _steps(expected: np.ndarray, got: np.ndarray) -> np.ndarray:
    """got - expected, wide enough."""
    wide = np.float64 if expected.dtype.kind == "f" else np.int64
    return got.astype(wide) - expected.astype(wide)


def _not_a_number(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if expected.dtype.kind != "f" or not np.isnan(got[different]).any() or np.isnan(expected).any():
        return None
    return "values that are no numbers: memory that was never written was read as float, or a division by zero"


def _constant(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if got.size < 8 or len(np.unique(_bits(got))) != 1 or len(np.unique(_bits(expected))) == 1:
        return None
    return (
        f"all values are {got.flat[0].item()}: the kernel did not write its output, or wrote it elsewhere"
        " (arena too small, misaligned or shared with other code)"
    )


def _wrapped(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if expected.dtype.kind not in "iu":
        return None
    limits = np.iinfo(expected.dtype)
    at_limit = np.isin(expected[different], (limits.min, limits.max))
    if at_limit.mean() < 0.9 or np.abs(_steps(expected, got)[different]).mean() < (limits.max - limits.min) / 4:
        return None
    return "only values at the limits of the type differ, and by much: overflow without saturation in the kernel"


def _saturated(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if expected.dtype.kind not in "iu":
        return None
    limits = np.iinfo(expected.dtype)
    stuck = np.isin(got[different], (limits.min, limits.max)) & ~np.isin(expected[different], (limits.min, limits.max))
    if stuck.mean() < 0.9 or different.sum() < 2:
        return None
    return (
        "values are saturated that should not be: the accumulator overflowed, or the multiplier, the shift or a scale"
        " is that of another model"
    )


def _rounding(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if expected.dtype.kind == "f":
        scale = max(float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)), 1e-30)
        if not np.isfinite(got).all() or float(np.abs(_steps(expected, got)).max()) > 1e-5 * scale:
            return None
        return "only last bits differ: another C library's functions, or multiplications fused with additions"
    if np.abs(_steps(expected, got)).max() > 1:
        return None
    return "all differences are one step: another rounding, as of another kernel, compiler option or C library"


def _shifted(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    e, g = (np.ascontiguousarray(a).view(np.uint8).ravel() for a in (expected, got))
    if different.mean() < 0.25 or len(e) < 4 * _VECTOR:
        return None
    for distance in range(1, 2 * _VECTOR + 1):
        for name, equal in (("later", g[distance:] == e[:-distance]), ("earlier", g[:-distance] == e[distance:])):
            if equal.mean() > 0.95:
                return (
                    f"the right values, {distance} bytes {name} than they should be: a pointer is misaligned (vector"
                    " units ignore the lower bits of an address), or the layout is another"
                )
    return None


def _vector_tail(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    flat = np.flatnonzero(different.ravel()) * expected.dtype.itemsize
    tail = expected.nbytes % _VECTOR
    if expected.nbytes < 2 * _VECTOR or _channels(expected, got, different):
        return None
    if tail and len(flat) and flat[0] >= expected.nbytes - tail:
        return f"only the last {tail} bytes differ, behind the last whole {_VECTOR}: the rest of a vector loop"
    if len(flat) > 4 and len(np.unique(flat // _VECTOR)) > 2 and len(np.unique(flat % _VECTOR)) <= _VECTOR // 4:
        return f"the same bytes of every {_VECTOR} differ: alignment, or a mistake in the rest of a vector loop"
    return None


def _channels(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if expected.ndim < 2 or expected.shape[-1] < 2:
        return None
    channels = np.flatnonzero(different.reshape(-1, expected.shape[-1]).any(axis=0))
    if len(channels) > max(1, expected.shape[-1] // 8):
        return None
    names = ", ".join(map(str, channels[:4])) + (", ..." if len(channels) > 4 else "")
    return (
        f"only channel{'s' if len(channels) > 1 else ''} {names} of {expected.shape[-1]} differ: weights or biases of"
        " these are damaged, from another model, or packed wrongly"
    )


def _everything(expected: np.ndarray, got: np.ndarray, different: np.ndarray) -> str | None:
    if different.mean() < 0.5 or different.size < 8:
        return None
    return "most values differ: the weights or parameters are those of another model (stale flash), or not aligned"


_BY_VALUE: tuple[_Explanation, ...] = (_not_a_number, _constant, _wrapped, _saturated, _rounding)
_BY_PLACE: tuple[_Explanation, ...] = (_shifted, _vector_tail, _channels, _everything)
