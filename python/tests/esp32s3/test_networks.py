# SPDX-License-Identifier: CC0-1.0
"""Whole networks on the emulated vector unit: the reference's bytes, and how much work an operation does.

MACs per EE operation are no cycles: scalar instructions are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import guard_pages
import numpy as np
import pytest
from compiled import inputs, network
from test_convolution import contents, make
from vector_harness import TARGET, check

from espdl.backends import lower
from espdl.verify import compare, host, reference

# Network -> least MACs per EE operation, with random weights: some of ad_autoencoder's sums are in parts with these.
NETWORKS = {"ic_resnet8": 14.0, "kws_dscnn": 11.0, "vww_mobilenet": 10.7, "ad_autoencoder": 13.5}
OTHERS = ("yolo_head", "mobilenet_v3", "temporal_network", "unet", "transformer_encoder")
# Operators that no vector helps as these networks have them: rows of a softmax are shorter than a vector.
SCALAR = {"softmax", "transpose"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all programs, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("programs")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["power_of_two", "affine"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network_computes_the_bytes_of_the_reference(name: str, scheme: str, programs: Path) -> None:
    compilation = network(name, scheme=scheme)
    program = host.build(compilation.plan, compilation.files, "net", programs / f"{name}_{scheme}")
    values = inputs(compilation, samples=2)
    assert compare.first_difference(compilation.plan, values, program.run(values)) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_no_layer_touches_more_than_its_buffers(name: str, programs: Path) -> None:
    guard_pages.check(network(name).plan, inputs(network(name)), programs / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_exact_and_the_network_near_the_limit(name: str) -> None:
    plan = network(name).plan
    sample = {key: value[0] for key, value in inputs(network(name)).items()}
    values = reference.run(plan, sample)
    operations = 0
    for call in plan.calls:
        assert call.backend == "esp32s3" or call.operator in SCALAR, (call.operator, call.notes)
        if call.backend == "esp32s3":
            operations += check(call, *[values[tensor] for tensor in call.inputs]).operations
    assert plan.macs / operations >= NETWORKS[name]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["power_of_two", "affine"])
@pytest.mark.parametrize(
    "name, layout",
    [*((name, "nhwc") for name in [*NETWORKS, *OTHERS]), ("vww_mobilenet", "model"), ("mobilenet_v3", "model")],
)
def test_arena_is_close_to_the_portable_one(name: str, layout: str, scheme: str) -> None:
    portable = network(name, "generic", scheme=scheme, input_layout=layout).plan
    assert network(name, scheme=scheme, input_layout=layout).plan.arena_bytes <= 1.25 * portable.arena_bytes


@dataclass(frozen=True)
class Layer:
    """A layer of the networks: its kernel, the least MACs per EE operation, its shape as `make` takes it."""

    kernel: str
    least: float
    image: tuple[int, int, int]
    channels: int
    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    depthwise: bool = False


ONE = (1, 1, 1, 1)
# Of depthwise layers: copies are vector instructions too, and rows that two bands need are moved; what that saves is
# scalar (test_instructions.py).
LAYERS = {
    "ic: 3x3 3->16": Layer("conv2d_narrow", 9.0, (32, 32, 3), 16, (3, 3), pads=ONE),
    "ic: 3x3 16->16": Layer("conv2d_aligned", 14.7, (32, 32, 16), 16, (3, 3), pads=ONE),
    "ic: 3x3 32->32": Layer("conv2d_aligned", 15.8, (16, 16, 32), 32, (3, 3), pads=ONE),
    "ic: 3x3 64->64": Layer("conv2d_aligned", 17.0, (8, 8, 64), 64, (3, 3), pads=ONE),
    "ic: 1x1 16->32": Layer("conv2d_pointwise", 9.6, (32, 32, 16), 32, (1, 1), strides=(2, 2)),
    "kws: 10x4 1->64": Layer("conv2d_turned", 12.0, (49, 10, 1), 64, (10, 4), (2, 2), (4, 1, 5, 1)),
    "kws: 3x3 64": Layer("depthwise", 6.2, (25, 5, 64), 64, (3, 3), pads=ONE, depthwise=True),
    "kws: 1x1 64->64": Layer("conv2d_pointwise", 14.1, (25, 5, 64), 64, (1, 1)),
    "vww: 3x3 3->8": Layer("conv2d_narrow", 6.5, (96, 96, 3), 8, (3, 3), (2, 2), (0, 0, 1, 1)),
    "vww: 3x3 8": Layer("depthwise", 5.2, (48, 48, 8), 8, (3, 3), pads=ONE, depthwise=True),
    "vww: 1x1 8->16": Layer("conv2d_pointwise", 7.7, (48, 48, 8), 16, (1, 1)),
    "vww: 3x3 16, stride 2": Layer("depthwise", 4.6, (48, 48, 16), 16, (3, 3), (2, 2), (0, 0, 1, 1), True),
    "vww: 1x1 128->128": Layer("conv2d_aligned", 14.1, (6, 6, 128), 128, (1, 1)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_is_near_the_limit(name: str) -> None:
    layer = LAYERS[name]
    node = make(
        5,
        layer.image,
        layer.channels,
        layer.size,
        layer.strides,
        layer.pads,
        depthwise=layer.depthwise,
        activation=(0.0, float("inf")),
        largest=3,
    )
    call = lower(node, TARGET)
    assert call.function == f"espdl_s3_{layer.kernel}_s8"
    operations = check(call, contents(5, node.inputs[0].shape)).operations
    assert call.macs / operations >= layer.least, f"{call.macs / operations:.2f}"


def test_spare_registers_of_the_emulation_do_not_change_a_result() -> None:
    """A kernel must not depend on what another left in the registers: each runs twice, with others in between."""
    nodes = [make(seed, (6, 6, 16), 16, (3, 3), pads=ONE, depthwise=seed % 2 == 0, largest=8) for seed in range(6)]
    for node in [*nodes, *reversed(nodes)]:
        check(lower(node, TARGET), contents(1, node.inputs[0].shape))
    assert np.any(nodes[0].weights != nodes[2].weights)
