# SPDX-License-Identifier: CC0-1.0
"""Why an operator that has an integer form is computed in floats: the report names what is in its way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_models as small


def notes(reader: list, folder: Path) -> str:
    """What is said of a convolution that came quantised and whose result `reader` takes."""
    scale = ["scale", "zero_point"]
    nodes = [
        small.node("QuantizeLinear", ["x", *scale], ["q"], "quantise"),
        small.node("DequantizeLinear", ["q", *scale], ["d"], "dequantise"),
        small.node("DequantizeLinear", ["w", *scale], ["weights"], "weights"),
        small.node("Conv", ["d", "weights"], ["c"], "layer"),
        *reader,
    ]
    constants = [small.constant("scale", 0.02), small.constant("zero_point", 0, np.int8)]
    constants.append(small.constant("w", np.random.default_rng(0).integers(-99, 99, (4, 3, 3, 3)), np.int8))
    proto = small.model(nodes, [("x", [1, 3, 6, 6])], [("y", [1, 4, 4, 4])], constants)
    made = small.compiled(proto, None, folder)
    return " ".join(note for call in made.plan.calls if "layer" in call.source_nodes for note in call.notes)


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ([small.node("Identity", ["c"], ["y"], "end")], "its result is an output in floats"),
        ([small.node("Erf", ["c"], ["y"], "curve")], "its result goes in floats to node 'curve' (Erf)"),
        (
            [small.node("Erf", ["c"], ["e"], "curve"), small.node("Sub", ["c", "e"], ["y"], "less")],
            "several operators read its result in floats",
        ),
    ],
)
def test_of_a_layer_whose_result_stays_in_floats(reader: list, reason: str, tmp_path: Path) -> None:
    assert f"Conv has an integer form, but {reason}" in notes(reader, tmp_path)
