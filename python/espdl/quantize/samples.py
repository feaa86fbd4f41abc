# SPDX-License-Identifier: Apache-2.0
"""The form of all data that a user gives for a model: calibration, evaluation, test vectors, samples of a firmware.

An array holds N samples of one input, [N, shape of the input], in the model's own layout. Where the first dimension of
the input is 1, as a batch mostly is, it may be left out: [N, 3, 32, 32] for an input [1, 3, 32, 32]. Any other first
dimension (steps of a sequence, a batch of 4, the states of 2 layers) belongs to the sample: [N, 6, 1, 3] for [6, 1, 3].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from espdl.errors import EspdlError


def check_shape(held: Sequence[int], shape: Sequence[int], what: str, name: str) -> None:
    """Raises EspdlError where an array of shape `held` is not [N, `shape`], as this file's head defines it.

    `what` begins the message, `name` is the input's.
    """
    if not held or tuple(held[1:]) not in _forms(shape):
        why = f"its shape for input '{name}' is {list(held)}, expected {expected(shape)}"
        raise EspdlError(what, why, "store the samples in the model's own layout, one after the other")


def expected(shape: Sequence[int]) -> str:
    """What to pass for an input of this shape, such as [N, 3, 32, 32]."""
    return f"[{', '.join(['N', *(str(size) for size in _forms(shape)[-1])])}]"


def _forms(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """The shapes that one sample may have, the shortest last."""
    return [tuple(shape)] + ([tuple(shape[1:])] if tuple(shape[:1]) == (1,) else [])


def evenly(count: int, most: int) -> list[int]:
    """Numbers of at most `most` among `count` samples, at even distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()
