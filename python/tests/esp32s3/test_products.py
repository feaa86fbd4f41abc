# SPDX-License-Identifier: CC0-1.0
"""Products of two activations and transposed convolutions on the vector unit against their references, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from vector_harness import TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.matmul import MatMul
from espdl.plan.types import Tensor

activations = st.sampled_from([None, (0.0, float("inf")), (0.0, 6.0), (-0.5, 0.75)])
seeds = st.integers(0, 2**32 - 1)
sizes = st.one_of(st.sampled_from([16, 32, 48]), st.integers(1, 40))


def contents(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.choice([-128, 127], shape) if seed % 3 == 0 else random.integers(-128, 128, shape)
    return values.astype(np.int8)


@st.composite
def products(draw: st.DrawFn) -> MatMul:
    """One of the operands may have one matrix for all; the right one may be constant."""
    batch, rows, inner, columns = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(sizes), draw(sizes)
    shapes = [(batch, rows, inner), (batch, inner, columns)]
    one = draw(st.sampled_from([None, 0, 1]))
    a, b = (
        Tensor(name, (1 if one == i else batch, *shape[1:]), "int8", 0.5)
        for i, (name, shape) in enumerate(zip("ab", shapes))
    )
    a = replace(a, zero_point=draw(st.sampled_from([0, -128, 127, 5])))
    y = Tensor(
        "y", (batch, rows, columns), "int8", 2.0 ** draw(st.integers(-2, 15)), draw(st.sampled_from([0, -128, 3]))
    )
    values = contents(draw(seeds), b.shape) if draw(st.booleans()) else None
    inputs = (a, b) if values is None else (a,)
    return MatMul(inputs, (y,), (), a, b, values, False, draw(activations))


@given(products(), seeds)
@examples
def test_matmul(node: MatMul, seed: int) -> None:
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_matmul_s8"
    check(call, *(contents(seed // (3 + i), x.shape) for i, x in enumerate(node.inputs)))


def test_matmul_with_sums_of_all_their_products() -> None:
    """More than 20 bits, and the ends of what 16 bits hold."""
    a, b = Tensor("a", (1, 2, 512), "int8", 0.5, 127), Tensor("b", (1, 512, 16), "int8", 0.5)
    y = Tensor("y", (1, 2, 16), "int8", 2.0**15)
    call = lower(MatMul((a, b), (y,), (), a, b, None, False, None), TARGET)
    for value in (-128, 127):
        check(call, np.full(a.shape, -128, np.int8), np.full(b.shape, value, np.int8))


def test_matmul_declines_with_reasons() -> None:
    a, b = Tensor("a", (1, 16, 16), "int8", 0.5), Tensor("b", (1, 16, 16), "int8", 0.5)

    def reason(b: Tensor, y: Tensor, values: np.ndarray | None = None, target=TARGET) -> str:
        inputs = (a, b) if values is None else (b,)
        return select(MatMul(inputs, (y,), (), a, b, values, values is not None, None), target).declined[0]

    assert "zero point -128" in reason(replace(b, zero_point=-128), a)
    assert "left operand is constant" in reason(b, a, np.ones(a.shape, np.int8))
    assert "shift of 20" in reason(b, replace(a, scale=2.0**18))
    assert "half up" in reason(b, a, target=replace(TARGET, rounding="ESPDL_ROUND_HALF_EVEN"))


INPUTS = {"aligned": st.sampled_from([16, 32, 48]), "bytes": st.integers(1, 44).filter(lambda n: n % 16)}


@st.composite
def transposed(draw: st.DrawFn, kind: str = "aligned") -> ConvTranspose2d:
    """On the kernels for input channels in whole vectors, or for any (`bytes`)."""
    size, kernel, strides = (draw(st.tuples(*[st.integers(1, high)] * 2)) for high in (5, 4, 3))
    whole = draw(st.booleans())
    kernel = strides if whole else kernel
    full = [(size[i] - 1) * strides[i] + kernel[i] for i in range(2)]
    pads = (0, 0) if whole else tuple(draw(st.integers(0, min(2, full[i] - 1))) for i in range(2))
    output = full if whole else [max(full[i] - pads[i] + draw(st.integers(-2, 2)), 1) for i in range(2)]
    inputs, channels = draw(INPUTS[kind]), draw(st.sampled_from([3, 16, 20, 32]))
    zero = draw(st.sampled_from([0, -128])) if whole else 0
    shift = draw(st.integers(4, 11))
    x, y = Tensor("x", (1, *size, inputs), "int8", 0.5, zero), Tensor("y", (1, *output, channels), "int8", 0.5)
    y = replace(y, zero_point=draw(st.sampled_from([0, -128])))
    random = np.random.default_rng(draw(seeds))
    weights = random.integers(-127, 128, (channels, *kernel, inputs)).astype(np.int8)
    bias = random.integers(-(2**12), 2**12, channels).astype(np.int32)
    scale = np.full(channels, 2.0**-shift, np.float32)
    return ConvTranspose2d((x,), (y,), (), weights, scale, bias, strides, pads, (1, 1), draw(activations))


@pytest.mark.parametrize("kind", INPUTS)
@given(st.data(), seeds)
@examples
def test_conv_transpose(kind: str, data: st.DataObject, seed: int) -> None:
    node = data.draw(transposed(kind))
    found = select(node, TARGET)
    assume(found.backend == "esp32s3")  # a bias alone may leave 20 bits
    assert found.call.function == f"espdl_s3_conv_transpose2d_{'bytes_' if kind == 'bytes' else ''}s8"
    check(lower(node, TARGET), contents(seed, node.inputs[0].shape))


def test_conv_transpose_declines_with_reasons() -> None:
    x, y = Tensor("x", (1, 3, 3, 16), "int8", 0.5), Tensor("y", (1, 6, 6, 16), "int8", 0.5)
    weights, bias = np.ones((16, 2, 2, 16), np.int8), np.zeros(16, np.int32)
    scale, apart = np.full(16, 2.0**-6, np.float32), (2, 2)
    node = ConvTranspose2d((x,), (y,), (), weights, scale, bias, apart, (0, 0), (1, 1), None)

    def reason(target=TARGET, **changes) -> str:
        return select(replace(node, **changes), target).declined[0]

    assert select(node, TARGET).backend == "esp32s3"
    assert "dilations (2, 1)" in reason(dilations=(2, 1))
    assert "zero point is -128" in reason(inputs=(replace(x, zero_point=-128),), pads=(1, 1))
    assert "different shifts" in reason(weights_scale=scale * 2.0 ** (np.arange(16) % 2))
    assert "half up" in reason(replace(TARGET, rounding="ESPDL_ROUND_HALF_EVEN"))
