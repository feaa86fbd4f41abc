# SPDX-License-Identifier: CC0-1.0
"""Functions of one 16-bit tensor: one table each, however many operators they are made of, and none in floats."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_models as small
from small_models import node

WIDE = {"precision": "int16x8"}
SINGLE = {
    "Sigmoid": {}, "Tanh": {}, "Exp": {}, "Gelu": {}, "HardSwish": {}, "HardSigmoid": {}, "Elu": {}, "Selu": {},
    "Softplus": {}, "Softsign": {}, "LeakyRelu": {"alpha": 0.1}, "Relu": {}, "Abs": {}, "Neg": {}, "Erf": {},
    "Mish": {}, "Sin": {}, "Atan": {}, "Celu": {},
}  # fmt: skip


def of_x(kinds: dict) -> tuple[list, list]:
    """An output per function of x."""
    return [node(k, ["x"], [f"y_{k}"], f"n_{k}", **a) for k, a in kinds.items()], [(f"y_{k}", [1, 40]) for k in kinds]


def test_single_functions(tmp_path: Path) -> None:
    nodes, outputs = of_x(SINGLE)
    proto = small.model(nodes, [("x", [1, 40])], outputs, opset=20)
    data = {"x": small.normal(60, 40, scale=2)}
    result = small.outcome(proto, data, tmp_path, **WIDE)
    assert not result.in_float
    assert len(result.layers) == len(SINGLE)
    assert result.sqnr > 50  # of Exp, whose range ends far above most of its values
    assert small.steps_off(result.compilation, {"x": data["x"][:4]}) <= 1


def test_regions_of_several_operators(tmp_path: Path) -> None:
    """SiLU, Mish and Swish written out, a power and a root of what is positive."""
    nodes, constants = small.join(
        node("Sigmoid", ["x"], ["s"], "s"),
        node("Mul", ["x", "s"], ["y_silu"], "silu"),
        node("Softplus", ["x"], ["p"], "p"),
        node("Tanh", ["p"], ["t"], "t"),
        node("Mul", ["x", "t"], ["y_mish"], "mish"),
        node("Mul", ["x", "x"], ["xx"], "xx"),
        node("Add", ["xx", "one"], ["q"], "q"),
        node("Sqrt", ["q"], ["r"], "r"),
        node("Log", ["q"], ["l"], "l"),
        node("Sub", ["r", "l"], ["y_root"], "root"),
    )
    constants.append(small.constant("one", [1.0]))
    proto = small.model(nodes, [("x", [1, 40])], [(f"y_{n}", [1, 40]) for n in ("silu", "mish", "root")], constants)
    result = small.outcome(proto, {"x": small.normal(60, 40, scale=2)}, tmp_path, **WIDE)
    assert not result.in_float and len(result.layers) == 3
    assert result.sqnr > 55


def test_a_long_chain(tmp_path: Path) -> None:
    """Its values are not all kept."""
    chain = [node(["Neg", "Abs", "Tanh"][i % 3], [f"x{i}"], [f"x{i + 1}"], f"n{i}") for i in range(300)]
    proto = small.model(chain, [("x0", [1, 8])], [("x300", [1, 8])])
    result = small.outcome(proto, {"x0": small.normal(20, 8)}, tmp_path, **WIDE)
    assert [layer["fallback"] for layer in result.layers] == [False]


@pytest.mark.parametrize("written_out", [False, True])
def test_what_no_table_holds_says_so(written_out: bool, tmp_path: Path) -> None:
    nodes = [node("Floor", ["x"], ["f" if written_out else "y"], "floor")]
    if written_out:
        nodes.append(node("Mul", ["x", "f"], ["y"], "times"))
    proto = small.model(nodes, [("x", [1, 8])], [("y", [1, 8])])
    made = small.compiled(proto, {"x": small.normal(20, 8, scale=9)}, tmp_path, **WIDE)
    notes = " ".join(note for call in made.plan.calls for note in call.notes)
    assert "jumps or bends too often" in notes


def test_widths_meet(tmp_path: Path) -> None:
    """A head of 16 bits behind a layer of 8."""
    nodes, constants = small.join(
        small.dense("x", "g", 10, 10),
        small.dense("g", "h", 10, 12, seed=8),
        node("Sigmoid", ["h"], ["s"], "curve"),
        small.dense("s", "y", 12, 3, seed=9),
    )
    proto = small.model(nodes, [("x", [1, 10])], [("y", [1, 3])], constants)
    result = small.outcome(proto, {"x": small.normal(60, 10)}, tmp_path, int16=("h_gemm", "curve", "y_gemm"))
    assert not result.in_float
    assert "espdl_lookup_s16" in [call.function for call in result.compilation.plan.calls]
    assert result.sqnr > 30
