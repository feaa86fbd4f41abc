# SPDX-License-Identifier: CC0-1.0
"""STATE: outputs of a run that are inputs of the next one, over sequences of steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from espdl import pipeline
from espdl.errors import UsageError
from espdl.options import Options
from espdl.quantize import sequences
from espdl.verify import host, reference, samples

STEPS, WIDTH, HIDDEN = 100, 4, 8
PAIRS = {"apart": (("h0", "hn"), ("c0", "cn")), "packed": (("state", "next"),), "own": (("h0", "hn"),)}


def network(kind: str) -> onnx.ModelProto:
    """A step of an LSTM whose h and c are two states or one tensor, or of a recurrence made of dense layers."""
    random = np.random.default_rng(3)
    shapes = {"W": (1, 4 * HIDDEN, WIDTH), "R": (1, 4 * HIDDEN, HIDDEN), "B": (1, 8 * HIDDEN)}
    constants = {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    constants |= {"sizes": np.int64([HIDDEN, HIDDEN]), "front": np.int64([0])}
    constants |= {n: random.normal(0, 0.4, (k, HIDDEN)).astype(np.float32) for n, k in (("U", WIDTH), ("V", HIDDEN))}
    state = [1, HIDDEN] if kind == "own" else [1, 1, HIDDEN]
    inputs, outputs = {"x": [1, WIDTH]}, {}
    for source, result in PAIRS[kind]:
        inputs[source] = outputs[result] = [1, 2 * HIDDEN] if kind == "packed" else state
    make = helper.make_node
    cell = make("LSTM", ["t", "W", "R", "B", "", "h0", "c0"], ["", "hn", "cn"], name="lstm", hidden_size=HIDDEN)
    nodes = [make("Unsqueeze", ["x", "front"], ["t"]), cell]
    if kind == "packed":
        parts = [make("Split", ["state", "sizes"], ["h1", "c1"], axis=1)]
        parts += [make("Unsqueeze", [f"{n}1", "front"], [f"{n}0"]) for n in "hc"]
        joined = [make("Squeeze", [f"{n}n", "front"], [f"{n}2"]) for n in "hc"]
        nodes = [*parts, *nodes, *joined, make("Concat", ["h2", "c2"], ["next"], axis=1)]
    if kind == "own":
        nodes = [make("MatMul", ["x", "U"], ["a"]), make("MatMul", ["h0", "V"], ["b"]), make("Add", ["a", "b"], ["s"])]
        nodes.append(make("Tanh", ["s"], ["hn"]))
    values = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side.items()] for side in (inputs, outputs)
    ]
    read = {name for node in nodes for name in node.input}
    kept = [numpy_helper.from_array(array, name) for name, array in constants.items() if name in read]
    graph = helper.make_graph(nodes, "step", *values, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def compiled(folder: Path, kind: str, **options) -> pipeline.Compilation:
    onnx.save(network(kind), folder / "step.onnx")
    np.save(folder / "calib.npy", np.random.default_rng(1).normal(0, 1, (64, WIDTH)).astype(np.float32))
    given = {"state": tuple(f"{a}={b}" for a, b in PAIRS[kind]), **options}
    files = {"model": str(folder / "step.onnx"), "calibration": str(folder / "calib.npy")}
    return pipeline.compile_model(Options(name="net", output=str(folder / "out"), effort="fast", **files, **given))


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
@pytest.mark.parametrize("kind", PAIRS)
def test_states_stay_near_the_float_model_and_are_the_references(tmp_path: Path, kind: str, scheme: str) -> None:
    """20 dB after 100 steps; bit for bit what the reference gives that gets the last run's output as its input."""
    made = compiled(tmp_path, kind, scheme=scheme)
    plan = made.plan
    x = np.random.default_rng(2).normal(0, 1, (STEPS, WIDTH)).astype(np.float32)
    given = samples.to_tensors(plan, {"x": x})
    results = host.build(plan, made.files, "net", tmp_path / "c", flags=host.SANITIZERS).run(given)
    exact = sequences.roll(network(kind), PAIRS[kind], [{"x": step.reshape(1, WIDTH)} for step in x])
    real = samples.to_float(plan, results.outputs)
    steps = [{name: values[i].reshape(exact[0][name].shape) for name, values in real.items()} for i in range(STEPS)]
    assert sequences.error_db(exact, steps) >= 20
    held = {port.name: plan.tensor(port.tensor) for port in plan.inputs if plan.tensor(port.tensor).source == "state"}
    states = {name: np.full(t.shape, t.zero_point, t.dtype) for name, t in held.items()}
    for step in range(STEPS):
        values = reference.run(plan, {"x": given["x"][step], **states})
        for port in plan.outputs:
            assert results.outputs[port.name][step].tobytes() == values[port.tensor].tobytes()
        states = {a: values[next(p.tensor for p in plan.outputs if p.name == b)] for a, b in PAIRS[kind]}


def test_one_scale_for_the_way_in_and_the_way_out(tmp_path: Path) -> None:
    made = compiled(tmp_path, "apart")
    for state in made.plan.states:
        ends = made.plan.tensor(state.input), made.plan.tensor(state.output)
        assert len({(t.dtype, t.scale, t.zero_point, t.shape) for t in ends}) == 1
    assert made.plan.state_bytes >= sum(made.plan.tensor(s.input).nbytes for s in made.plan.states)


MAIN = """
#include "net.h"
#include <string.h>
static net_arena_t first, second;
static bool stop(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{ (void)user, (void)layer; return phase == ESPDL_LAYER_BEGIN; }
static void step(net_t *net, int value)
{
    memset(net_input_x(net), value, NET_INPUT_X_SIZE);
    if (net_run(net) != ESPDL_OK) __builtin_trap();
}
int main(void)
{
    net_t a, b;
    net_init(&a, &(espdl_config_t){.arena = &first, .arena_size = sizeof first});
    net_init(&b, &(espdl_config_t){.arena = &second, .arena_size = sizeof second});
    step(&a, 50), step(&a, -70), step(&b, 50);
    if (memcmp(net_output_hn(&a), net_output_hn(&b), NET_OUTPUT_HN_SIZE) == 0) return 1; /* a state is of an instance */
    step(&b, -70);
    if (memcmp(net_output_hn(&a), net_output_hn(&b), NET_OUTPUT_HN_SIZE) != 0) return 2;
    net_reset(&a), step(&a, 50), step(&a, -70);
    if (memcmp(net_output_hn(&a), net_output_hn(&b), NET_OUTPUT_HN_SIZE) != 0) return 3;
    espdl_set_hook(&a.base, stop, NULL);
    memset(net_input_x(&a), 9, NET_INPUT_X_SIZE);
    if (net_run(&a) != ESPDL_CANCELLED) return 4;
    espdl_set_hook(&a.base, NULL, NULL);
    step(&a, 50), step(&a, -70);
    if (memcmp(net_output_hn(&a), net_output_hn(&b), NET_OUTPUT_HN_SIZE) != 0) return 5;
    return espdl_input(&a.base, 1) != NULL;
}
"""


@pytest.mark.parametrize("kind", ["apart", "own"])
def test_a_reset_equals_a_fresh_instance(tmp_path: Path, kind: str) -> None:
    made = compiled(tmp_path, kind)
    (tmp_path / "main.c").write_text(MAIN)
    made.files.write(tmp_path / "program")
    library = host.library(tmp_path, flags=host.SANITIZERS)
    folder = tmp_path / "program"
    sources = [str(tmp_path / "main.c"), str(folder / "net.c"), str(folder / "net_weights.S"), str(library)]
    flags = [*host.FLAGS, *host.SANITIZERS, f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    host.run_tool(host.find_compiler(), *flags, *sources, "-lm", "-o", str(tmp_path / "run"))
    host.run_tool(str(tmp_path / "run"))


REFUSED = {
    "form": ({"state": ("h0",)}, "INPUT=OUTPUT"),
    "input": ({"state": ("z=hn",)}, "no input 'z'"),
    "output": ({"state": ("h0=z",)}, "no output 'z'"),
    "twice": ({"state": ("h0=hn", "h0=cn")}, "another state"),
    "shape": ({"state": ("x=hn",)}, "the output float"),
    "stream": ({"stream": "x", "hop": 1}, "a stream keeps"),
    "memory": ({"input_memory": "caller"}, "in the arena"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_state_fails_with_a_reason(tmp_path: Path, name: str) -> None:
    options, reason = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        compiled(tmp_path, "apart", **options)
    assert reason in str(caught.value)
    assert not (tmp_path / "out").exists()
