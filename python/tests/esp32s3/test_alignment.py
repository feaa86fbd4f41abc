# SPDX-License-Identifier: CC0-1.0
"""Kernels whose vectors must lie at multiples of 16: the Plan gives them no others (plan/test_joins.py)."""

from __future__ import annotations

from espdl.backends.lowering import lowerings

# Scalar code takes what is misaligned, moves choose their words by addresses; both are tested from every address.
ANY_ADDRESS = {"add", "concat", "copy", "flip_sign", "gather", "gather_pixels", "mul"}
ANY_ADDRESS |= {"layer_norm", "rescale", "rescale_channels", "softmax"}


def test_all_other_kernels_need_alignment() -> None:
    needs = {operator: entry.alignment for (backend, operator, _), entry in lowerings().items() if backend == "esp32s3"}
    assert needs == {operator: 1 if operator in ANY_ADDRESS else 16 for operator in needs}
    assert ANY_ADDRESS <= set(needs)
