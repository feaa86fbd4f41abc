# SPDX-License-Identifier: CC0-1.0
"""Every operator that we take has a row of traits, and what the rows say is what ONNX Runtime computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, defs, helper, numpy_helper

from espdl import support, targets, traits
from espdl.frontend import operator_form, rewrites
from espdl.ops.operator import operators
from espdl.partition.tvm_compat import importable_operators
from espdl.quantize.ranges import session

SHAPE = (1, 4, 6, 5)
ROWS = SHAPE[2]
RANDOM = np.random.default_rng(7)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


UNARY = [name for name in traits._ROWS if traits.of(name).unary and name not in ("Clip", "Swish")]
PICTURE = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
# Operator -> what it reads besides `x`, its attributes. Axes are those of channels.
CASES: dict[str, tuple[list[np.ndarray], dict]] = {
    **dict.fromkeys((*UNARY, "Identity", "Dropout", "GlobalMaxPool", "GlobalAveragePool"), ([], {})),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"), ([floats(*SHAPE)], {})),
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), ([floats(*SHAPE)], {})),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), ([], PICTURE)),
    **dict.fromkeys(("ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2"), ([ints(1)], {})),
    **dict.fromkeys(("ReduceSumSquare", "ReduceLogSumExp", "ReduceProd"), ([ints(1)], {})),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin"), ([], {"axis": 1})),
    "Pow": ([np.float32(2.0)], {}),
    "PRelu": ([floats(4, 1, 1)], {}),
    "Clip": ([np.float32(-0.5), np.float32(0.75)], {}),
    "Concat": ([floats(1, 2, 6, 5)], {"axis": 1}),
    "Pad": ([ints(0, 0, 1, 1, 0, 0, 2, 1), np.float32(0.25)], {}),
    "Slice": ([ints(1, 0), ints(6, 3), ints(2, 1), ints(2, 1)], {}),
    "Split": ([ints(1, 3)], {"axis": 1}),
    "Gather": ([ints(2, 0)], {"axis": 1}),
    "GatherElements": ([RANDOM.integers(0, 4, SHAPE)], {"axis": 1}),
    "TopK": ([ints(2)], {"axis": 1}),
    "Expand": ([ints(3, 4, 6, 5)], {}),
    "Tile": ([ints(1, 2, 1, 1)], {}),
    "Transpose": ([], {"perm": [0, 1, 3, 2]}),
    "Reshape": ([ints(2, 60)], {}),
    "Flatten": ([], {}),
    "Squeeze": ([ints(0)], {}),
    "Unsqueeze": ([ints(0)], {}),
    "DepthToSpace": ([], {"blocksize": 2}),
    "SpaceToDepth": ([], {"blocksize": 1}),
    "Resize": ([np.zeros(0, np.float32), np.float32([1, 1, 2, 2])], {"mode": "linear"}),
    "Conv": ([floats(3, 4, 3, 3)], {"pads": [1, 1, 1, 1]}),
    "ConvTranspose": ([floats(4, 3, 3, 3)], {"strides": [2, 2]}),
    "MatMul": ([floats(5, 3)], {}),
    "CumSum": ([ints(1)], {}),
    "LRN": ([], {"size": 3}),
    "ReverseSequence": ([ints(3)], {"batch_axis": 0, "time_axis": 1}),
    "ScatterElements": ([RANDOM.integers(0, 4, (1, 1, 6, 5)), floats(1, 1, 6, 5)], {"axis": 1}),
    "Cast": ([], {"to": TensorProto.FLOAT}),
    "IsNaN": ([], {}),
}
# Of a positive tensor, which may be its own only in part.
POSITIVE = {"Log", "Sqrt", "Reciprocal", "Acosh", "Pow", "ReduceLogSumExp"}
INSIDE = {"Acos", "Asin", "Atanh"}
X = floats(*SHAPE)


class Function:
    """An operator with its operands as a function of all of its float ones."""

    def __init__(self, name: str):
        others, attributes = CASES[name]
        self.name, self.known = name, traits.of(name)
        x = np.tanh(X) * 0.9 if name in INSIDE else np.abs(X) + 1.1 if name in POSITIVE else X
        self.given = [x.astype(np.float32), *others]
        self.floats = [i for i, v in enumerate(self.given) if np.asarray(v).dtype == np.float32 and np.size(v)]
        names = [f"i{i}" for i in range(len(self.given))]
        inputs = [
            helper.make_tensor_value_info(names[i], TensorProto.FLOAT, np.shape(self.given[i])) for i in self.floats
        ]
        fixed = [
            numpy_helper.from_array(np.asarray(v), names[i]) for i, v in enumerate(self.given) if i not in self.floats
        ]
        outputs = ["y", "z"] if name in ("Split", "TopK") else ["y"]
        node = helper.make_node(name, names, outputs, **attributes)
        graph = helper.make_graph([node], name, inputs, [helper.make_empty_tensor_value_info("y")], fixed)
        opset = max(20, defs.get_schema(name).since_version)
        self.session = session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10))

    def __call__(self, change: Callable[[int, np.ndarray], np.ndarray] = lambda index, value: value) -> np.ndarray:
        feed = {f"i{i}": np.asarray(change(i, self.given[i]), np.float32) for i in self.floats}
        return self.session.run(["y"], feed)[0]

    def changed_rows(self, row: int) -> tuple[int, set[int]]:
        """(rows of the result, those of them that another row `row` of the first input changes)."""
        before, after = self(), self(lambda i, v: changed_at(v, (0, slice(None), row)) if i == 0 else v)
        moved = np.moveaxis(before != after, -2, 0).reshape(before.shape[-2], -1).any(axis=1)
        return len(moved), set(np.flatnonzero(moved).tolist())


def changed_at(values: np.ndarray, place: tuple, to: float = 0.9) -> np.ndarray:
    result = np.array(values)
    result[place] = to if to > 1 else result[place] * np.float32(0.5) + np.float32(0.3)
    return result


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.fixture(scope="module", params=sorted(n for n in CASES if n not in ("Swish", "Mish", "Gelu")))
def function(request: pytest.FixtureRequest) -> Function:
    try:
        return Function(request.param)
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        return pytest.skip(f"ONNX Runtime has no {request.param}")


def test_rows_depend_on_rows_as_told(function: Function) -> None:
    rows = function.known.rows
    if rows in ("", "all") or function.name == "Expand":
        pytest.skip("nothing is told")
    found = [function.changed_rows(row) for row in range(ROWS)]
    if rows in ("each", "axis"):
        assert all(count == ROWS and changed <= {row} for row, (count, changed) in enumerate(found))
        return
    count = found[0][0]
    assert all(len(changed) < count for _, changed in found)
    assert all(changed == set(range(min(changed), max(changed) + 1)) for _, changed in found if changed)
    begins = [min(changed) for _, changed in found if changed]
    assert begins == sorted(begins) and len(set(begins)) > 1


def test_values_are_kept(function: Function) -> None:
    known, result = function.known, function()
    if known.keeps_values:
        sources = [np.ravel(function.given[i]) for i in function.floats if i in known.moves or function.name == "Relu"]
        assert set(np.ravel(result).tolist()) <= {0.0, *np.concatenate(sources).tolist()}
    if known.averages:
        assert result.min() >= function.given[0].min() and result.max() <= function.given[0].max()
    if known.reshapes or known.copies:
        assert np.array_equal(result.ravel(), function.given[0].ravel())
        assert known.reshapes or result.shape == SHAPE
    if known.known_range:
        wide = function(lambda i, v: v * 100 if i == 0 else v)
        assert wide.min() >= known.known_range[0] and wide.max() <= known.known_range[1]
    if known.activation:
        assert np.array_equal(function(lambda i, v: result if i == 0 else v), result)


def test_one_element_makes_one_element(function: Function) -> None:
    if not function.known.elementwise:
        pytest.skip("it is not told")
    place = (0, 1, 2, 3)
    before, after = function(), function(lambda i, v: changed_at(v, place) if i == 0 else v)
    assert {tuple(p) for p in np.argwhere(before != after).tolist()} <= {place}


def test_factors_and_numbers_pass(function: Function) -> None:
    known, result = function.known, function()
    if known.scaled:
        assert close(function(lambda i, v: v * 3 if i in known.scaled else v), result * 3)
    places = known.moves or known.shifted
    if places:
        assert close(function(lambda i, v: v + 2 if i in places else v), result + 2)
    if known.compares:
        assert np.array_equal(function(lambda i, v: v + 2 if i in known.compares else v), result)
    for index in function.floats:
        if index not in known.increases and not (known.keeps_values and index in known.moves):
            continue
        raised = function(lambda i, v, index=index: v + np.abs(v[..., ::-1] if v.ndim else v) if i == index else v)
        assert (raised >= result).all()


def test_the_largest_is_found(function: Function) -> None:
    if function.known.largest:
        assert function(lambda i, v: changed_at(v, (0, 1, 2, 3), 1e6) if i == 0 else v).max() == 1e6


def test_channels_stay_apart_in_pools(function: Function) -> None:
    if function.known.pools:
        assert np.array_equal(function(lambda i, v: v[:, ::-1]), function()[:, ::-1])
    if function.known.layer:
        assert close(function(lambda i, v: v * 2 if i == 0 else v), function() * 2)


def taken() -> set[str]:
    """Every operator of ONNX that some way leads through the compiler."""
    rows = support.table(targets.select("generic"))
    found = {row.operator for row in rows if row.ways != (support.REFUSED,)}
    found |= {name for known in operators().values() for name in known.onnx}
    return found | importable_operators() | set(rewrites.rewrites()) | set(operator_form.forms())


def test_every_operator_that_we_take_has_its_row() -> None:
    assert len(taken()) > 150 and taken() <= traits._ROWS.keys()
    traits.check(taken(), "the compiler")


def test_every_row_is_of_an_operator_that_we_take() -> None:
    assert traits._ROWS.keys() <= taken()


@pytest.mark.parametrize(
    ("registry", "operator"),
    [
        (operators, "Conv"),
        (rewrites.rewrites, "LpPool"),
        (operator_form.forms, "QLinearConv"),
        (importable_operators, "Einsum"),
        (importable_operators, "RoiAlign"),
    ],
)
def test_without_a_row_the_registry_refuses(
    registry: Callable[[], object], operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(traits._ROWS, operator)
    forget = getattr(registry, "cache_clear", lambda: None)
    forget()
    with pytest.raises(RuntimeError, match=rf"without a row in .*traits.py: {operator}$"):
        registry()
    monkeypatch.undo()
    forget()
    assert registry()


def test_of_others_nothing_is_known() -> None:
    assert traits.of("NoSuchOperator") == traits.Traits()
