# SPDX-License-Identifier: CC0-1.0
"""Products of two tensors in scheme affine on the vector unit: zero points and scales anywhere, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_convolution import activations, contents, seeds
from test_products import products
from test_sums_moves_pools import SHAPES, places
from vector_harness import AFFINE, EXAMPLES, check, examples

from espdl.backends import lower, select
from espdl.ops.matmul import MatMul
from espdl.ops.mul import Mul
from espdl.plan.types import Tensor

few = settings(examples, max_examples=max(1, EXAMPLES // 2))
zeros = st.sampled_from([-128, -37, 0, 5, 127])


@st.composite
def scaled(draw: st.DrawFn, nodes: st.SearchStrategy, inner: bool = False) -> Mul | MatMul:
    """With any zero points and scales, so that outputs use their range, more or less."""
    node = draw(nodes)
    a, b = (replace(t, scale=0.05, zero_point=draw(zeros)) for t in (node.a, node.b))
    reach = 0.05**2 * 128 * 128 * (node.a.shape[-1] ** 0.5 if inner else 1)
    y = replace(node.outputs[0], scale=reach / 128 * 2.0 ** draw(st.floats(-4, 2)), zero_point=draw(zeros))
    tensors = {t.name: t for t in (a, b)}
    return replace(node, inputs=tuple(tensors[x.name] for x in node.inputs), outputs=(y,), a=a, b=b)


@st.composite
def elementwise(draw: st.DrawFn) -> Mul:
    shapes = draw(st.sampled_from(SHAPES))
    a, b = (Tensor(n, s, "int8", 0.5) for n, s in zip("ab", shapes, strict=True))
    return product(draw, a, b, draw(st.booleans()))


@st.composite
def gates(draw: st.DrawFn) -> Mul:
    """As squeeze and excitation has them, on either side."""
    channels = draw(st.one_of(st.integers(2, 70), st.sampled_from([120, 240, 255])))
    image, gate = Tensor("a", (1, draw(st.integers(1, 4)), 3, channels), "int8", 0.5), (1, 1, 1, channels)
    b = Tensor("b", gate, "int8", 0.5)
    if draw(st.booleans()):
        return product(draw, replace(b, name="a"), replace(image, name="b"), False)
    return product(draw, image, b, draw(st.booleans()))


def product(draw: st.DrawFn, a: Tensor, b: Tensor, constant: bool) -> Mul:
    y = Tensor("y", np.broadcast_shapes(a.shape, b.shape), "int8", 0.5)
    values = contents(draw(seeds), b.shape) if constant else None
    return Mul((a,) if constant else (a, b), (y,), (), a, b, values, False, draw(activations))


def run(node: Mul | MatMul, kernel: str, seed: int, shift: tuple[int, ...] = (0, 0, 0)) -> None:
    found = select(node, AFFINE)
    assume(found.backend == "esp32s3")
    assert found.call.function == f"espdl_s3_{kernel}_affine_s8"
    values = {t.name: contents(seed // (3 + i), t.shape) for i, t in enumerate(node.inputs)}
    inputs = [values[name] for name in found.call.inputs]
    check(found.call, *inputs, shift=shift[: len(inputs)] + shift[2:])


@given(scaled(elementwise()), places, seeds)
@few
def test_mul(node: Mul, shift: tuple[int, ...], seed: int) -> None:
    run(node, "mul", seed, shift)


@given(scaled(gates()), places, seeds)
@few
def test_mul_by_channels(node: Mul, shift: tuple[int, ...], seed: int) -> None:
    run(node, "mul_channels", seed, shift)


@pytest.mark.parametrize("zero", [-128, 3])
def test_mul_of_all_pairs(zero: int) -> None:
    """Its factor is proven for all products, of which these are all."""
    pairs = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))).astype(np.int8).reshape(2, 1, -1)
    scales = zip("aby", (0.05, 0.031, 0.11), (3, -128, zero), strict=True)
    a, b, y = (Tensor(n, pairs.shape[1:], "int8", s, z) for n, s, z in scales)
    call = lower(Mul((a, b), (y,), (), a, b, None, False, None), AFFINE)
    assert call.function == "espdl_s3_mul_affine_s8"
    check(call, *pairs)


@given(scaled(products(), inner=True), seeds)
@examples
def test_matmul(node: MatMul, seed: int) -> None:
    run(node, "matmul", seed)


def test_matmul_with_sums_of_all_their_products() -> None:
    """Beyond what pieces of 16 bits hold: where outputs have long been at the ends of their range."""
    a, b = Tensor("a", (1, 2, 2048), "int8", 0.05, 127), Tensor("b", (1, 2048, 16), "int8", 0.05, -128)
    call = lower(MatMul((a, b), (Tensor("y", (1, 2, 16), "int8", 0.5, 9),), (), a, b, None, False, None), AFFINE)
    assert call.function == "espdl_s3_matmul_affine_s8"
    for left, right in ((-128, 127), (127, 127), (126, -127)):
        check(call, np.full(a.shape, left, np.int8), np.full(b.shape, right, np.int8))


def test_declines_with_reasons() -> None:
    a, y = Tensor("a", (1, 16, 16), "int8", 0.5), Tensor("y", (1, 16, 16), "int8", 0.01)
    for node in (Mul((a, a), (y,), (), a, a, None, False, None), MatMul((a, a), (y,), (), a, a, None, False, None)):
        assert "too large" in select(node, AFFINE).declined[0]
