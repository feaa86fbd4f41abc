# SPDX-License-Identifier: CC0-1.0
"""Pictures of 8 and 16 bits on the vector unit: what an export does to them costs next to nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import xtensa
from input_models import both

from espdl import pipeline

FEW = {("uint8", "channels", 1, "NHWC", "affine")}
ALL = itertools.product(
    ("uint8", "int8", "int16", "uint16"),
    ("scale", "centre", "channels"),
    (0, 1),
    ("NHWC", "NCHW"),
    ("power_of_two", "affine"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, chain, pads, layout, scheme",
    [pytest.param(*case, marks=() if case in FEW else pytest.mark.sweep) for case in ALL],
)
def test_instructions(kind: str, chain: str, pads: int, layout: str, scheme: str, tmp_path: Path) -> None:
    """At most 2 % of the network more up to its first convolution; the layers behind are the same, but for how many
    parts their sums take, which a little more or less of a weight may decide."""
    if (reason := xtensa.available()) is not None:
        pytest.skip(reason)
    given = "nhwc" if layout == "NHWC" else "model"
    whole, bare = both(kind, chain, pads, tmp_path, layout, chip="esp32s3", scheme=scheme, input_layout=given)
    assert whole.sqnr >= bare.sqnr - 1.0
    begins, behind, totals = zip(*(_counted(one.compilation, tmp_path / f"{i}") for i, one in enumerate((whole, bare))))
    assert begins[0] - begins[1] <= 0.02 * totals[1]
    assert behind[0] == behind[1]


def _counted(made: pipeline.Compilation, folder: Path) -> tuple[int, list[str], int]:
    """Instructions up to the first convolution, the functions behind it, instructions of all."""
    made.files.write(folder / "net")
    counts = xtensa.count(made.plan, folder / "net", folder / "build")
    functions = [call.function for call in made.plan.calls]
    first = next(i for i, call in enumerate(made.plan.calls) if call.operator.startswith("conv2d")) + 1
    return sum(counts.layers[:first]), functions[first:], counts.total
