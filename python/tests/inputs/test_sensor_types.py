# SPDX-License-Identifier: CC0-1.0
"""Inputs of integers, as cameras, microphones and converters give them: a network that is exported with what turns
them into floats against the same one without."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from input_models import COUNT, TYPES, both, flattened, integers, stepped
from small_models import outcome, peer

from espdl import pipeline
from espdl.verify import rv32, samples

FEW = {("uint8", "channels", 0), ("uint8", "channels", 1), ("uint8", "centre", 1), ("int8", "scale", 1),
       ("int16", "centre", 1), ("uint16", "scale", 0)}  # fmt: skip
ALL = [
    pytest.param(*case, marks=() if case in FEW else pytest.mark.sweep)
    for case in itertools.product(TYPES, ("scale", "centre", "channels"), (0, 1))
]


@pytest.mark.parametrize("kind, chain, pads", ALL)
def test_same_outputs_and_one_layer_more(kind: str, chain: str, pads: int, tmp_path: Path) -> None:
    whole, bare = both(kind, chain, pads, tmp_path)
    assert whole.compilation.plan.tensor(whole.compilation.plan.inputs[0].tensor).dtype == kind
    assert whole.sqnr >= bare.sqnr - 1.0
    # Channels last are what kernels want: the network without pays for its order of channels.
    assert len(whole.layers) <= len(bare.layers) + 1
    assert not whole.in_float


@pytest.mark.parametrize("options", [{"chip": "esp32s3"}, {"precision": "int16x8"}], ids=str)
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.slow
def test_other_schemes(kind: str, options: dict[str, str], tmp_path: Path) -> None:
    whole, bare = both(kind, "channels", 1, tmp_path, **options)
    assert whole.sqnr >= bare.sqnr - 1.0
    assert len(whole.layers) <= len(bare.layers) + 1
    assert not whole.in_float


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("kind, chain", [("int16", "scale"), ("uint16", "channels")])
def test_words_that_are_flattened(kind: str, chain: str, layout: str, tmp_path: Path) -> None:
    """As good as ONNX Runtime's own quantisation of the floats: few pictures of noise calibrate, others reach farther
    and saturate, and neither type nor layout has a part in that."""
    values = integers(kind, COUNT, *((12, 12, 3) if layout == "NHWC" else (3, 12, 12)))
    whole = outcome(flattened(chain, kind, layout), {"x": values}, tmp_path)
    assert whole.sqnr >= peer(flattened(None, kind, layout), {"x": stepped(values, chain, kind, layout)}) - 1.0
    assert not whole.in_float


def test_exact_where_the_arithmetic_is(tmp_path: Path) -> None:
    """The network's own integers are the sensor's: its first layer sees what the float model sees."""
    whole, bare = both("uint8", "centre", 0, tmp_path)
    assert whole.sqnr >= bare.sqnr
    port = whole.compilation.plan.tensor(whole.compilation.plan.inputs[0].tensor)
    assert (port.scale, port.zero_point) == (1.0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, chain, pads",
    [
        ("uint8", "channels", 0),
        ("uint8", "channels", 1),
        ("int8", "scale", 1),
        ("int16", "scale", 1),
        ("int16", "channels", 1),
        ("uint16", "scale", 0),
    ],
)
def test_instructions(kind: str, chain: str, pads: int, tmp_path: Path) -> None:
    """At most 2 % more, counted on rv32."""
    if (reason := rv32.available()) is not None:
        pytest.skip(reason)
    whole, bare = both(kind, chain, pads, tmp_path, input_layout="nhwc")
    counts = [_instructions(one.compilation, tmp_path / f"{i}") for i, one in enumerate((whole, bare))]
    assert counts[0] <= 1.02 * counts[1]


def _instructions(made: pipeline.Compilation, folder: Path) -> int:
    program = rv32.build(made.plan, made.files, "net", folder)
    shape = {v.name: (1, *v.shape[1:]) for v in made.model.inputs}
    zeros = {name: np.zeros(size, np.float32) for name, size in shape.items()}
    return program.run(samples.to_tensors(made.plan, zeros))[1][0].instructions
