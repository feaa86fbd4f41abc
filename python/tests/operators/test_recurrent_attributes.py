# SPDX-License-Identifier: CC0-1.0
"""Recurrent layers with random attributes, states and outputs against ONNX Runtime: kernels, never steps."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models as small
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from espdl import traits
from espdl.frontend.recurrent import GATES
from espdl.verify import metrics, reference, samples

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "3"))
COUNT = 16
# What is reached at least: the states of these layers fill the range that they are quantised with only in part.
LEAST = {"float32": 100.0, "int8": 18.0, "int16x8": 32.0}
examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None,
    phases=[Phase.generate],  # half a second each: no time to look for a smaller one
)  # fmt: skip


@st.composite
def forms(draw: st.DrawFn) -> dict:
    """All that a layer may say."""
    kind = draw(st.sampled_from(traits.having("activations")))
    outputs = draw(st.lists(st.sampled_from(["Y", "Yh", "Yc"][: 3 if kind == "LSTM" else 2]), min_size=1, unique=True))
    steps = draw(st.integers(1, 7))
    return {
        "kind": kind,
        "direction": draw(st.sampled_from(["forward", "reverse", "bidirectional"])),
        "layout": draw(st.sampled_from([0, 1])),
        "steps": steps,
        "batch": draw(st.sampled_from([1, 1, 2])),
        "width": draw(st.integers(1, 5)),
        "hidden": draw(st.integers(2, 9)),
        "lengths": draw(st.sampled_from([None, None, steps, max(1, steps - 2)])),
        "states": [draw(st.sampled_from(["none", "zeros", "constant", "input"])) for _ in "hc"],
        "bias": draw(st.booleans()),
        "functions": draw(st.sampled_from(traits.of(kind).activations)),
        "peepholes": kind == "LSTM" and draw(st.booleans()),
        "reset_first": kind == "GRU" and draw(st.booleans()),
        "outputs": sorted(outputs),
        "seed": draw(st.integers(0, 99)),
    }


@st.composite
def functions(draw: st.DrawFn) -> dict:
    """What no kernel takes: of one direction, whose activations or clip are not the default."""
    form = draw(forms()) | {"direction": "forward", "lengths": None, "steps": draw(st.integers(1, 3))}
    names = st.sampled_from(["Sigmoid", "Tanh", "HardSigmoid", "Softsign", "Relu"])
    count = len(form["functions"])
    if draw(st.booleans()):
        return form | {"attributes": {"clip": draw(st.sampled_from([0.3, 2.0]))}}
    return form | {
        "attributes": {"activations": ["Softsign", *draw(st.lists(names, min_size=count - 1, max_size=count - 1))]}
    }


def build(form: dict, layout: int) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The model in a layout, and its data in that layout, [N, input shape]."""
    kind, hidden, batch, seed = form["kind"], form["hidden"], form["batch"], form["seed"]
    rows, directions = GATES[kind] * hidden, 2 if form["direction"] == "bidirectional" else 1

    def turned(values: np.ndarray) -> np.ndarray:
        """Batch first where the layout is, of [..., sequence or direction, batch, ...]."""
        return np.swapaxes(values, -3, -2) if layout else values

    constants = [
        small.constant("W", small.normal(directions, rows, form["width"], seed=seed, scale=0.6)),
        small.constant("R", small.normal(directions, rows, hidden, seed=seed + 1, scale=0.4)),
    ]
    given = ["x", "W", "R", "", "", "", "", ""]
    if form["bias"]:
        constants.append(small.constant("B", small.normal(directions, 2 * rows, seed=seed + 2, scale=0.3)))
        given[3] = "B"
    if form["lengths"]:
        constants.append(small.constant("lengths", [form["lengths"]] * batch, np.int32))
        given[4] = "lengths"
    if form["peepholes"]:
        constants.append(small.constant("P", small.normal(directions, 3 * hidden, seed=seed + 3, scale=0.5)))
        given[7] = "P"
    data = {"x": turned(small.normal(COUNT, form["steps"], batch, form["width"], seed=seed + 4))}
    for name, how in list(zip("hc", form["states"]))[: 2 if kind == "LSTM" else 1]:
        values = small.normal(COUNT, directions, batch, hidden, seed=seed + 5 + ord(name))
        values = turned(np.tanh(values) if name == "h" else values)
        given[5 + "hc".index(name)] = "" if how == "none" else name
        if how == "input":
            data[name] = values
        elif how != "none":
            constants.append(small.constant(name, values[0] * (how == "constant")))
    while not given[-1]:
        given.pop()
    attributes = {"hidden_size": hidden, "direction": form["direction"], "layout": layout}
    default = traits.of(kind).activations[0]
    attributes |= {} if form["functions"] == default else {"activations": form["functions"] * directions}
    attributes |= form.get("attributes", {})
    attributes |= {"linear_before_reset": int(not form["reset_first"])} if kind == "GRU" else {}
    outputs = [o if o in form["outputs"] else "" for o in ("Y", "Yh", "Yc")[: 3 if kind == "LSTM" else 2]]
    node = small.node(kind, given, outputs, "layer", **attributes)
    shapes = {"Y": [form["steps"], directions, batch, hidden]} | dict.fromkeys(
        ("Yh", "Yc"), [directions, batch, hidden]
    )
    if layout:
        shapes = {"Y": [batch, form["steps"], directions, hidden]}
        shapes |= dict.fromkeys(("Yh", "Yc"), [batch, directions, hidden])
    ports = [(name, list(values.shape[1:])) for name, values in data.items()]
    return small.model([node], ports, [(o, shapes[o]) for o in form["outputs"]], constants), data


def exact_outputs(form: dict) -> dict[str, np.ndarray]:
    """ONNX Runtime's, which knows layout 0 only, in the form's layout."""
    results = small.by_onnxruntime(*build(form, 0))
    if not form["layout"]:
        return results
    return {n: v.transpose(0, 3, 1, 2, 4) if n == "Y" else v.swapaxes(1, 2) for n, v in results.items()}


def check(form: dict, precision: str, folder: Path, **options: str) -> None:
    proto, data = build(form, form["layout"])
    made = small.compiled(proto, None if precision == "float32" else data, folder, precision=precision, **options)
    kernels = [call.function for call in made.plan.calls if call.operator == form["kind"].lower()]
    is_taken_apart = any("taken apart" in warning for warning in made.report["warnings"])
    assert is_taken_apart == ("attributes" in form)
    assert len(kernels) == (0 if is_taken_apart else 2 if form["direction"] == "bidirectional" else 1)
    width = {"int8": "s8", "int16x8": "s16", "float32": "f32"}[precision]
    assert all(function.endswith(width) for function in kernels)
    if precision == "int8":
        assert "fallback" not in {call.operator for call in made.plan.calls}
    tensors = samples.to_tensors(made.plan, data)
    runs = [reference.run(made.plan, {n: v[i] for n, v in tensors.items()}) for i in range(COUNT)]
    got = samples.to_float(made.plan, {p.name: np.stack([run[p.tensor] for run in runs]) for p in made.plan.outputs})
    for name, exact in exact_outputs(form).items():
        assert metrics.sqnr_db(exact, got[name].reshape(exact.shape)) >= LEAST[precision], (name, made.plan.scheme)


@pytest.mark.parametrize(("precision", "options"), [("float32", {}), ("int8", {}), ("int16x8", {})])
def test_random_forms(precision: str, options: dict) -> None:
    @examples
    @given(forms())
    def run(form: dict) -> None:
        with tempfile.TemporaryDirectory() as folder:
            check(form, precision, Path(folder), **options)

    run()


def test_a_gru_with_a_constant_state_step_by_step(tmp_path: Path) -> None:
    """Its steps call one function of TVM's with other arguments constant."""
    form = {
        "kind": "GRU", "direction": "forward", "layout": 0, "steps": 2, "batch": 1, "width": 2, "hidden": 3,
        "lengths": None, "states": ["constant", "none"], "bias": False, "peepholes": False, "reset_first": True,
        "functions": ("Sigmoid", "Tanh"),
        "outputs": ["Y"], "seed": 3, "attributes": {"activations": ["Sigmoid", "Softsign"]},
    }  # fmt: skip
    check(form, "float32", tmp_path)


@pytest.mark.sweep
@examples
@given(functions())
def test_random_functions(form: dict) -> None:
    """Step by step, in floats, where nothing is rounded."""
    with tempfile.TemporaryDirectory() as folder:
        check(form, "float32", Path(folder))


@pytest.mark.sweep
@examples
@given(forms())
def test_random_forms_for_the_esp32s3(form: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(form, "int8", Path(folder), chip="esp32s3")
