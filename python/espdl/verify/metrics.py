# SPDX-License-Identifier: Apache-2.0
"""How near one set of outputs is to another."""

from __future__ import annotations

import numpy as np

# An exact match has no finite ratio; it is shown as this many dB.
EXACT_DB = 200.0


def sqnr_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Of the sum of the reference squared to that of the difference squared."""
    signal = reference.astype(np.float64)
    return ratio_db(float((signal**2).sum()), float(((signal - other.astype(np.float64)) ** 2).sum()))


def ratio_db(signal: float, noise: float) -> float:
    """10 log10(signal / noise), at most EXACT_DB."""
    if noise == 0.0:
        return EXACT_DB
    return min(EXACT_DB, 10.0 * float(np.log10(signal / noise))) if signal > 0.0 else -EXACT_DB


def rmse(reference: np.ndarray, other: np.ndarray) -> float:
    """The root of the mean square of the difference, in the unit of the values."""
    return float(np.sqrt(np.mean((reference.astype(np.float64) - other.astype(np.float64)) ** 2)))


def cosine(reference: np.ndarray, other: np.ndarray) -> float:
    """The cosine of the angle between two arrays seen as vectors; 1 for two that are zero."""
    a, b = reference.astype(np.float64).reshape(-1), other.astype(np.float64).reshape(-1)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0.0 else float(np.array_equal(a, b))


def classes(outputs: np.ndarray) -> np.ndarray:
    """[N, ...] scores -> the index of the largest along the last axis, [N, ...]."""
    return outputs.reshape(len(outputs), -1).argmax(axis=1)


def agreement(reference: np.ndarray, other: np.ndarray) -> float | None:
    """The share of samples with the same largest output; None for outputs of a single value."""
    if reference[0].size < 2:
        return None
    return float((classes(reference) == classes(other)).mean())


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """The share of labelled samples (label >= 0) whose largest output is the label's; None without any."""
    known = labels >= 0
    if not known.any() or outputs[0].size < 2:
        return None
    return float((classes(outputs)[known] == labels[known]).mean())


def confusion(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """int64 [classes, classes]: rows are labels, columns what the network says."""
    size = outputs[0].size
    known = labels >= 0
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (labels[known], classes(outputs)[known]), 1)
    return table
