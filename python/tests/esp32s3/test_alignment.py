# SPDX-License-Identifier: CC0-1.0
"""Kernels whose vectors must lie at multiples of 16 decline tensors that begin elsewhere inside another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layers_of_kernels import KERNELS
from vector_harness import TARGET, examples

from espdl.backends import select
from espdl.backends.lowering import lowerings
from espdl.ops.operator import Operator

# Scalar code takes what is misaligned; test_elementwise.py runs both from every address.
ANY_ADDRESS = {"add", "mul"}


def test_all_other_kernels_need_alignment() -> None:
    needs = {operator: entry.alignment for (backend, operator), entry in lowerings().items() if backend == "esp32s3"}
    assert needs == {operator: 1 if operator in ANY_ADDRESS else 16 for operator in needs}
    assert ANY_ADDRESS <= set(needs)


def moved(node: Operator, output: bool, index: int, offset: int) -> Operator:
    tensors = list(node.outputs if output else node.inputs)
    index %= len(tensors)
    tensors[index] = replace(tensors[index], alias_of="parent", alias_offset=offset)
    return replace(node, **{"outputs" if output else "inputs": tuple(tensors)})


@pytest.mark.parametrize("kernel", KERNELS)
@given(st.data(), st.booleans(), st.integers(0, 3), st.integers(1, 64))
@settings(examples, max_examples=10)
def test_a_part_of_another_tensor(kernel: str, data: st.DataObject, output: bool, index: int, offset: int) -> None:
    node = KERNELS[kernel](data.draw)
    before, after = select(node, TARGET), select(moved(node, output, index, offset), TARGET)
    assume(before.backend == "esp32s3")
    if offset % 16 == 0 or node.name in ANY_ADDRESS:
        assert after.backend == "esp32s3"
        return
    assert after.backend != "esp32s3"
    assert f"begins {offset} bytes into 'parent', which is no multiple of 16" in after.declined[0]
