# SPDX-License-Identifier: CC0-1.0
"""Constants beside tensors of 16 bits have 16 bits too: in 8 they would be all that is left of the error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_models as small

VALUES = small.normal(1, 4, 5, 6, seed=9)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "PRelu"])
def test_no_rougher_than_what_they_meet(operator: str, tmp_path: Path) -> None:
    values = np.abs(VALUES) + 1 if operator == "Div" else VALUES
    nodes = [small.node(operator, ["x", "constant"], ["y"], "with_constant")]
    constants = [small.constant("constant", values)]
    proto = small.model(nodes, [("x", [1, 4, 5, 6])], [("y", [1, 4, 5, 6])], constants)
    data, evaluation = {"x": 1.2 * small.normal(32, 4, 5, 6)}, {"x": small.normal(8, 4, 5, 6, seed=5)}
    result = small.outcome(proto, data, tmp_path, evaluation=evaluation, precision="int16x8")
    assert result.sqnr > 60
