# SPDX-License-Identifier: CC0-1.0
"""TopK: any axis and number of elements, whichever of its outputs somebody reads, ties as ONNX Runtime breaks them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import small_models as small
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from onnx import TensorProto

# Random models of each property; ESPDL_TEST_EXAMPLES=2000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "6"))
WAYS = (
    {},
    {"chip": "esp32s3"},
    {"scheme": "power_of_two"},
    {"precision": "int16x8"},
    {"precision": "float32"},
    {"io": "float32"},
    {"io": "uint8"},
)


def best(shape: list[int], count: int, axis: int, read: str, **attributes):
    """`read`: which of its outputs are read, and by whom."""
    kept = list(shape)
    kept[axis] = count
    nodes = [
        small.node("TopK", ["x", "k"], ["values", "places"], "best", axis=axis, **attributes),
        small.node("Neg", ["values"], ["turned"], "neg"),
        small.node("GatherElements", ["x", "places"], ["picked"], "pick", axis=axis),
    ]
    ports = {"values": ("values", kept), "places": ("places", kept, TensorProto.INT64)}
    ports |= {"turned": ("turned", kept), "picked": ("picked", kept)}
    wanted = read.split("+")
    nodes = nodes[:1] + [n for n in nodes[1:] if n.output[0] in wanted]
    return small.model(nodes, [("x", shape)], [ports[name] for name in wanted], [small.ints("k", count)])


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # an example takes too long for a search for a smaller one
)
@given(data=st.data())
def test_as_onnxruntime(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rows of few different values, so that there are ties."""
    shape = [1, *data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))]
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    count = data.draw(st.integers(1, shape[axis]))
    read = data.draw(st.sampled_from(["values", "places", "values+places", "turned", "picked", "turned+places"]))
    proto = best(shape, count, axis, read, largest=data.draw(st.sampled_from([1, 0])))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows = random.choice(random.normal(size=5), (12, *shape[1:])).astype(np.float32)
    ways = data.draw(st.sampled_from(WAYS))
    made = small.compiled(proto, {"x": rows}, tmp_path_factory.mktemp("topk"), **ways)
    assert small.steps_off(made, {"x": rows}) <= ("turned" in read)  # a table rounds once more


@pytest.mark.parametrize(("shape", "count", "axis", "largest"), [([1, 6], 4, -1, 1), ([1, 7, 3], 3, 1, 0)])
@pytest.mark.parametrize("options", [{}, {"precision": "int16x8"}], ids=["int8", "int16"])
def test_values_of_which_nobody_reads_the_places(shape, count, axis, largest, options, tmp_path: Path) -> None:
    """One rounding to int8 of normal values leaves 37 dB; data beyond the calibrated range costs more."""
    proto = best(shape, count, axis, "turned", largest=largest)
    assert small.outcome(proto, {"x": small.normal(64, *shape[1:])}, tmp_path, **options).sqnr > 33


def test_open_order(tmp_path: Path) -> None:
    """Where the model leaves the order open, the elements are the best ones."""
    proto = best([1, 9], 4, 1, "values", sorted=0)
    made = small.compiled(proto, {"x": small.normal(8, 9)}, tmp_path, precision="float32")
    assert made.plan.tensor("values").shape == (1, 4)


def test_both_outputs_are_of_the_model(tmp_path: Path) -> None:
    made = small.compiled(best([1, 9], 3, 1, "values+places"), {"x": small.normal(8, 9)}, tmp_path)
    values, places = (made.plan.tensor(port.tensor) for port in made.plan.outputs)
    assert (values.dtype, places.dtype, places.scale) == ("int8", "int64", None)
    header = (tmp_path / "out" / "net.h").read_text(encoding="utf-8")
    assert "#define NET_OUTPUT_VALUES_SCALE" in header and "net_dequantize_values(" in header


def test_integers_of_the_model_are_their_own_scale(tmp_path: Path) -> None:
    """No small integers leave a network without a scale: what the model itself casts to int8 has scale 1."""
    nodes = [small.node("Cast", ["x"], ["y"], "cast", to=TensorProto.INT8), small.node("Neg", ["x"], ["z"], "neg")]
    proto = small.model(nodes, [("x", [1, 4])], [("y", [1, 4], TensorProto.INT8), ("z", [1, 4])])
    made = small.compiled(proto, {"x": 9 * small.normal(8, 4)}, tmp_path)
    assert [made.plan.tensor(port.tensor).scale for port in made.plan.outputs][0] == 1.0
