# SPDX-License-Identifier: CC0-1.0
"""Inputs that are not written into the arena: read in place and never written, or asked for row by row."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models
from onnx import TensorProto
from pipeline_models import DIGITS, conv_model
from small_models import constant, node

from espdl import pipeline
from espdl.plan.types import POINTER_BYTES
from espdl.verify import compare, host, samples, vectors

RNG = np.random.default_rng(3)
# At this optimisation GCC 12 takes the address of a rounded pointer of the vector unit for null.
VECTOR_SANITIZERS = (*host.SANITIZERS, "-fno-sanitize=null,object-size")


def floats(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def residual() -> onnx.ModelProto:
    """An elementwise sum, which could be computed in place of the input."""
    nodes = [node("Relu", ["x"], ["a"]), node("Add", ["x", "a"], ["y"])]
    return small_models.model(nodes, [("x", [1, 4, 6, 6])], [("y", [1, 4, 6, 6])])


def joined() -> onnx.ModelProto:
    """A concatenation whose parts lie in the memory of its result where they can."""
    nodes = [node("Relu", ["x"], ["a"]), node("Concat", ["x", "a"], ["y"], axis=1)]
    return small_models.model(nodes, [("x", [1, 16, 6, 6])], [("y", [1, 32, 6, 6])])


def reshaped() -> onnx.ModelProto:
    """An output that is the input in other dimensions, beside one that is not."""
    nodes = [node("Reshape", ["x", "s"], ["y"]), node("Relu", ["x"], ["z"])]
    outputs = [("y", [1, 36]), ("z", [1, 4, 9])]
    return small_models.model(nodes, [("x", [1, 4, 9])], outputs, [constant("s", [1, 36], np.int64)])


def two_convolutions() -> onnx.ModelProto:
    """The first result is the largest tensor: stripes save most of it."""
    nodes = [
        node("Conv", ["image", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "v"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("GlobalAveragePool", ["c"], ["scores"]),
    ]
    constants = [constant("w", floats(16, 16, 3, 3)), constant("v", floats(16, 16, 3, 3))]
    return small_models.model(nodes, [("image", [1, 16, 24, 24])], [("scores", [1, 16, 1, 1])], constants)


def unread() -> onnx.ModelProto:
    """An input that is padded, which a kernel may do over it, and one of integers that another operator gets."""
    nodes = [
        node("Pad", ["x", "p"], ["a"]),
        node("Gather", ["table", "i"], ["b"]),
        node("Mul", ["a", "b"], ["y"]),
    ]
    constants = [constant("p", [0, 0, 1, 1, 0, 0, 1, 1], np.int64), constant("table", floats(8, 4, 1, 1))]
    inputs = [("x", [1, 4, 6, 6]), ("i", [1], TensorProto.INT64)]
    return small_models.model(nodes, inputs, [("y", [1, 4, 8, 8])], constants)


MODELS = {"conv": conv_model, "residual": residual, "joined": joined, "reshaped": reshaped, "two inputs": unread}


def data_of(model: onnx.ModelProto, count: int) -> dict[str, np.ndarray]:
    data = {}
    for value in model.graph.input:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        is_float = value.type.tensor_type.elem_type == TensorProto.FLOAT
        data[value.name] = (
            floats(count, *shape[1:]) if is_float else RNG.integers(0, 8, (count, *shape)).astype(np.int64)
        )
    return data


def compiled(
    folder: Path, model: onnx.ModelProto, data: dict[str, np.ndarray], **options: object
) -> pipeline.Compilation:
    onnx.save(model, folder / "net.onnx")
    np.savez(folder / "calib.npz", **data)
    given = {"calibration": str(folder / "calib.npz"), "name": "net", "output": str(folder / "out"), "effort": "fast"}
    return pipeline.compile_model(pipeline.Options(model=str(folder / "net.onnx"), **{**given, **options}))


def check(compilation: pipeline.Compilation, data: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """The outputs of the program, which are those of the reference, layer by layer where no layer runs in parts; it
    writes to no input."""
    plan = compilation.plan
    inputs = samples.to_tensors(plan, data)
    flags = VECTOR_SANITIZERS if plan.target == "esp32s3" else host.SANITIZERS
    program = host.build(plan, compilation.files, "net", folder, flags=flags)
    is_whole = all(plan.calls[region.stop - 1].asks for region in plan.regions)
    results = program.run(inputs, layers=is_whole)
    assert compare.first_difference(plan, inputs, results) is None
    return results.outputs


@pytest.mark.parametrize("chip", ["generic", "esp32s3", "esp32p4"])
@pytest.mark.parametrize("name", MODELS)
def test_the_answer_is_the_same(tmp_path: Path, build_folder: Path, name: str, chip: str) -> None:
    model = MODELS[name]()
    data = data_of(model, 4)
    arena, caller, rows = (
        compiled(tmp_path, model, data, chip=chip, input_memory=where, taps=True)
        for where in ("arena", "caller", "rows")
    )
    expected = check(arena, data, build_folder)
    for compilation in (caller, rows):
        got = check(compilation, data, build_folder.with_name(f"{build_folder.name}_{compilation.identity}"))
        assert all(np.array_equal(got[port], expected[port]) for port in expected)
    ports = [caller.plan.tensor(port.tensor) for port in caller.plan.inputs]
    assert all(tensor.at_caller for tensor in ports)
    header = caller.files["net.h"].decode()
    assert header.count("net_set_input_") == len(ports) and "net_input_" not in header
    header = rows.files["net.h"].decode()
    assert header.count("net_input_") == sum(len(tensor.shape) < 3 for tensor in ports)


@pytest.mark.parametrize("where", ["caller", "rows"])
@pytest.mark.parametrize("chip", ["generic", "esp32s3"])
def test_stripes(tmp_path: Path, build_folder: Path, chip: str, where: str) -> None:
    """Two convolutions of an image, row by row: no picture is in the arena."""
    data = {"image": floats(4, 16, 24, 24)}
    model = two_convolutions()
    chosen = {"chip": chip, "input_layout": "nhwc", "scheme": "power_of_two", "memory": "smallest"}
    compilation = compiled(tmp_path, model, data, input_memory=where, **chosen)
    check(compilation, data, build_folder)
    assert compilation.plan.regions and compilation.plan.arena_bytes < 24 * 24 * 16


@pytest.mark.parametrize("where", ["caller", "rows"])
@pytest.mark.parametrize("io", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("layout", ["model", "nhwc"])
def test_every_type_and_layout(tmp_path: Path, build_folder: Path, io: str, layout: str, where: str) -> None:
    data = {"image": floats(4, 2, 8, 8)}
    memory = "plain" if where == "caller" else "smallest"
    chosen = {"io": io, "input_layout": layout, "input_memory": where, "memory": memory, "taps": True}
    check(compiled(tmp_path, conv_model(), data, **chosen), data, build_folder)


def test_no_bytes_of_the_arena() -> None:
    """A planned pointer takes 16, and the output may lie where it was."""
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"),
        calibration=str(DIGITS / "calib.npy"),
        name="net",
        output="",
        effort="fast",
        input_memory="caller",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("espdl.emit.Files.write", lambda *_: None)
        plan = pipeline.compile_model(options).plan
    first = plan.calls[0]
    (image,) = (plan.tensor(port.tensor) for port in plan.inputs)
    assert image.at_caller and image.offset % 16 == 0
    taken = [(t.offset, t.offset + t.nbytes) for t in (plan.tensor(name) for name in first.outputs)]
    taken += [(first.scratch_offset, first.scratch_offset + first.scratch_bytes)] if first.scratch_bytes else []
    assert all(end <= image.offset or begin >= image.offset + POINTER_BYTES for begin, end in taken)
    assert plan.arena_bytes == plan.arena_lower_bound


PROGRAM = """
#include "net_test.h"
static net_arena_t s_arena;
int main(void)
{
    net_t net;
    const espdl_config_t config = {.arena = &s_arena, .arena_size = sizeof s_arena};
    if (net_init(&net, &config) != ESPDL_OK) return 1;
    if (net_run(&net) != ESPDL_NO_INPUT) return 2;
    if (net_self_test(&net, NULL) != ESPDL_OK) return 3;
    if (net_set_input_image(&net, net_tests[0].inputs[0]) != ESPDL_OK) return 4;
    if (net_run(&net) != ESPDL_OK) return 5;
    return net_run(&net) == ESPDL_NO_INPUT ? 0 : 6;
}
"""


def test_test_vectors(tmp_path: Path) -> None:
    """Constant data is the input; -Wcast-qual and the like find no way to write there."""
    data = {"image": floats(4, 2, 8, 8)}
    compilation = compiled(tmp_path, conv_model(), data, input_memory="caller")
    vectors.files_for(compilation, tmp_path / "calib.npz").write(tmp_path / "out")
    (tmp_path / "main.c").write_text(PROGRAM)
    build_and_run(tmp_path, ["main.c", "out/net.c", "out/net_test.c", "out/net_weights.S"])


ROWS_PROGRAM = """
#include <string.h>
#include "net_test.h"
static net_arena_t s_arena;
static size_t s_next, s_most, s_fail = NET_INPUT_IMAGE_ROWS;
static bool give_rows(void *user, size_t input, size_t first, size_t count, void *rows)
{
    if (input != NET_INPUT_IMAGE_INDEX || first != s_next || count == 0) return false;
    s_most = count > s_most ? count : s_most;
    s_next += count;
    if (first <= s_fail && s_fail < s_next) return false;
    memcpy(rows, (const uint8_t *)user + first * NET_INPUT_IMAGE_ROW_SIZE, count * NET_INPUT_IMAGE_ROW_SIZE);
    return true;
}
int main(void)
{
    net_t net;
    espdl_config_t config = {.arena = &s_arena, .arena_size = sizeof s_arena};
    if (net_init(&net, &config) != ESPDL_OK || net_run(&net) != ESPDL_NO_INPUT) return 1;
    if (net_self_test(&net, NULL) != ESPDL_OK) return 2;
    if (net_run(&net) != ESPDL_NO_INPUT) return 3;
    config.on_rows = give_rows;
    config.rows_user = (void *)(uintptr_t)net_tests[0].inputs[0];
    if (net_init(&net, &config) != ESPDL_OK) return 4;
    for (s_fail = 0; s_fail <= NET_INPUT_IMAGE_ROWS; s_fail++, s_next = 0) {
        const bool fails = s_fail < NET_INPUT_IMAGE_ROWS;
        if (net_run(&net) != (fails ? ESPDL_INPUT_FAILED : ESPDL_OK)) return 5;
    }
    if (espdl_input(&net.base, 0) != NULL || espdl_set_input(&net.base, 0, s_arena.bytes) != ESPDL_NO_INPUT) return 6;
    if (s_most != MOST) return 7;
    return memcmp(net_output_scores(&net), net_tests[0].outputs[0], NET_OUTPUT_SCORES_SIZE) == 0 ? 0 : 8;
}
"""


@pytest.mark.parametrize("memory", ["plain", "smallest"])
def test_a_function_gives_rows(tmp_path: Path, memory: str) -> None:
    """Each once and in order. A run without it, or where it fails at any row, says so, and the next one is right.

    Without stripes it is asked for all rows at once.
    """
    data = {"image": floats(4, 16, 24, 24)}
    compilation = compiled(tmp_path, two_convolutions(), data, input_memory="rows", memory=memory, input_layout="nhwc")
    vectors.files_for(compilation, tmp_path / "calib.npz").write(tmp_path / "out")
    most = compilation.plan.regions[0].caps[0]
    assert most == 24 if memory == "plain" else most < 24
    (tmp_path / "main.c").write_text(f"#define MOST {most}\n{ROWS_PROGRAM}")
    build_and_run(tmp_path, ["main.c", "out/net.c", "out/net_test.c", "out/net_weights.S"])


def build_and_run(folder: Path, sources: Sequence[str]) -> None:
    warnings = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wcast-qual", "-Wconversion", "-Werror", *host.SANITIZERS]
    include = [f"-I{host.COMPONENT / 'include'}", "-Iout", "-Wa,-Iout"]
    library = host.library(folder / "library", flags=host.SANITIZERS)
    runtime = [
        str(host.COMPONENT / "src" / name)
        for name in ("runtime.c", "run_regions.c", "run_test.c", "stripes.c", "take_inputs.c")
    ]
    command = ["gcc", *warnings, *include, *sources, *runtime, str(library), "-lm", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    assert subprocess.run(["./program"], cwd=folder, check=False).returncode == 0
