# SPDX-License-Identifier: CC0-1.0
"""Layers as ESP-DL gets them (packed filters, biases, shifts; states) equal the reference, bit for bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import layers
import numpy as np
import pytest
from layers import add, conv, gemm, mul, pool

from espdl import backends, emit
from espdl.backends.esp_dl import packing
from espdl.ops.operator import Operator
from espdl.plan.types import Plan
from espdl.targets import Target
from espdl.verify import host, reference
from espdl.verify.compare import first_difference

CHIPS = tuple(layers.TARGETS)


def nodes(target: Target) -> list[Operator]:
    """Every layout: whole vectors of channels, channels left over, both; borders; strides; zero points in the bias."""
    small = 127 if target.chip == "esp32p4" else 20  # so that sums fit the lanes
    return [
        conv(target, 0, (6, 5, 16), 32, (3, 3), pads=(1, 1, 1, 1), largest=small),
        conv(target, 1, (7, 7, 3), 8, (3, 3), (2, 2), pads=(0, 0, 1, 1), largest=small),
        conv(target, 2, (5, 6, 17), 21, (1, 1), activation=None, largest=small),
        conv(target, 3, (9, 8, 5), 18, (3, 2), (1, 2), (2, 1, 0, 1), (2, 3), largest=small),
        conv(target, 4, (4, 4, 1), 1, (2, 2), activation=None, largest=small),
        conv(target, 5, (6, 6, 16), 16, (3, 3), pads=(1, 1, 1, 1), depthwise=True, largest=small),
        conv(target, 6, (6, 7, 19), 19, (3, 3), (2, 2), (1, 1, 1, 1), depthwise=True, activation=None, largest=small),
        conv(target, 7, (5, 5, 6), 6, (2, 4), pads=(0, 2, 1, 1), depthwise=True, largest=small),
        conv(target, 8, (4, 5, 16), 16, (2, 2), zero_points=(-128, -128), largest=small),
        conv(target, 9, (1, 6, 16), 16, (1, 3), zero_points=(0, -128), activation=None, largest=small),
        gemm(target, 10, 1, 64, 10, largest=small),
        gemm(target, 11, 5, 33, 48, largest=small),
        add((1, 4, 4, 16)),
        add((1, 3, 7)),
        mul((1, 4, 4, 16)),
        mul((1, 19), 9),
        mul((1, 48), 6),
        pool((6, 7, 16), (2, 2), (2, 2)),
        pool((7, 6, 5), (3, 3), (2, 2), (1, 1, 1, 1)),
    ]


@cache
def planned(chip: str) -> Plan:
    """All of them; choosing shifts that fit the lanes takes seconds."""
    target = layers.TARGETS[chip]
    return layers.side_by_side(nodes(target), target)


@pytest.mark.parametrize(
    "flags", [pytest.param(("-Werror",), marks=pytest.mark.sweep), host.SANITIZERS], ids=["plain", "sanitized"]
)
@pytest.mark.parametrize("chip", CHIPS)
def test_layers_equal_the_reference(build_root: Path, chip: str, flags: tuple[str, ...]) -> None:
    plan = planned(chip)
    assert {call.backend for call in plan.calls} == {"esp_dl"}
    files = emit.render(plan, "net", packings=backends.packings(), options=emit.CodeOptions(layers=True))
    program = host.build(plan, files, "net", build_root / f"{chip}{len(flags)}", flags=flags)
    inputs = layers.samples(plan)
    assert first_difference(plan, inputs, program.run(inputs, layers=True)) is None


def test_outputs_are_not_all_saturated() -> None:
    """The layers of these tests would show a wrong shift or a wrong rounding."""
    for plan in map(planned, CHIPS):
        inputs = layers.samples(plan, 4)
        values = reference.run(plan, {name: data[3] for name, data in inputs.items()})
        for call in plan.calls:
            y = values[call.outputs[0]]
            assert y.size == 1 or len(np.unique(y)) > 4, call.source_nodes


def test_20_bits() -> None:
    """The lowest bits first, two biases in five bytes, eight in sixteen plus four."""
    packed = packing.pack_20_bits(np.array([0x12345, -2, 7, 0, 0, 0, 0, 2**19 - 1], np.int64))
    assert packed.shape == (64,)  # a whole vector of 16 channels
    assert packed[:5].tolist() == [0x45, 0x23, 0xE1, 0xFF, 0xFF]
    assert packed[5:8].tolist() == [7, 0, 0]
    assert packed[17:20].tolist() == [0xF0, 0xFF, 0x7F]
    assert not packed[20:].any()
    for value in (-(2**19) - 1, 2**19):
        with pytest.raises(ValueError, match="20 bits"):
            packing.pack_20_bits(np.array([value], np.int64))


def test_filter_order() -> None:
    """[N / 16][H][W][C][16], then [n][H][W][C]; depthwise [C / 16][H][W][16], then [H][W][c]."""
    target = layers.TARGETS["esp32p4"]
    for depthwise, channels in ((False, 20), (True, 20)):
        node = conv(target, 0, (4, 4, 20), channels, (2, 3), depthwise=depthwise)
        call = backends.lower(node, target)
        flat = packing.filters(call)
        inputs = node.weights.shape[3]
        assert len(flat) == node.weights.size + packing.AHEAD
        for n, y, x, c in np.ndindex(node.weights.shape):
            if n < 16:
                place = ((y * 3 + x) * inputs + c) * 16 + n
            elif depthwise:
                place = 16 * 6 + (y * 3 + x) * 4 + n - 16
            else:
                place = 16 * 6 * inputs + ((n - 16) * 6 + y * 3 + x) * inputs + c
            assert flat[place] == node.weights[n, y, x, c]


def test_kernels_end_with_what_is_fetched_ahead() -> None:
    """No packed constant ends before the last whole vector that a kernel loads."""
    for chip in CHIPS:
        for call in planned(chip).calls:
            if call.constants:
                _, bias, shifts = backends.packings()[call.packing](call)
                channels = len(call.constant("bias"))
                assert bias.nbytes % 16 == 0 and bias.nbytes >= 4 * channels
                assert len(shifts) == -(-channels // 16) * 16
