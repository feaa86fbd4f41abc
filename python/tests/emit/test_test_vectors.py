# SPDX-License-Identifier: CC0-1.0
"""TEST_VECTORS: a self test passes on the program that it belongs to, and tells where another one first differs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import hand_made
import numpy as np
import pytest

from espdl.emit import test_vectors
from espdl.plan.types import Plan
from espdl.verify import host, reference

MAIN = """
#include <stdio.h>
#include "net_test.h"

static net_arena_t s_arena;

int main(void)
{
    net_t net = {0};
    espdl_difference_t first = {99, 99, 99, 99, 99};
    espdl_status_t status = net_self_test(&net, &first);
    printf("%s\\n", espdl_status_name(status));
    status = net_init(&net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena});
    printf("%s\\n", espdl_status_name(status));
    status = net_self_test(&net, &first);
    printf("%s %d %d %d %d %d\\n", espdl_status_name(status), (int)first.test, (int)first.output, (int)first.element,
           (int)first.expected, (int)first.got);
    printf("%s\\n", espdl_status_name(net_self_test(&net, NULL)));
    for (size_t i = 0; i < NET_TEST_COUNT; i++) {
        printf("%s\\n", espdl_status_name(net_test(&net, i, NULL)));
    }
    return 0;
}
"""


def vectors(plan: Plan, count: int = 3) -> list[test_vectors.Vector]:
    inputs = hand_made.samples(plan, count)["image"]
    values = [reference.run(plan, {"image": image}) for image in inputs]
    return [
        test_vectors.Vector((image,), tuple(value[port.tensor] for port in plan.outputs))
        for image, value in zip(inputs, values)
    ]


def answers(folder: Path, plan: Plan, tests: list[test_vectors.Vector]) -> list[str]:
    hand_made.render(plan).write(folder)
    test_vectors.render("net", tests).write(folder)
    (folder / "main.c").write_text(MAIN)
    flags = ["-Werror", "-Wpedantic", "-Wconversion", "-Wshadow", *host.SANITIZERS]
    library = str(host.library(folder.parent, flags=host.SANITIZERS))
    include = [f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    sources = [str(folder / name) for name in ("main.c", "net.c", "net_test.c", "net_weights.S")]
    host.run_tool("gcc", *host.FLAGS, *flags, *include, *sources, library, "-lm", "-o", str(folder / "program"))
    done = subprocess.run([folder / "program"], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_pass(build_root: Path) -> None:
    plan = hand_made.residual_network()
    lines = answers(build_root / "pass", plan, vectors(plan))
    assert lines[:2] == ["ESPDL_NOT_INITIALIZED", "ESPDL_OK"]
    assert lines[2:4] == ["ESPDL_OK 99 99 99 99 99", "ESPDL_OK"]
    assert lines[4:] == ["ESPDL_OK"] * 3


@pytest.mark.parametrize(("vector", "output", "element"), [(0, 0, 3), (1, 1, 15), (2, 0, 0)])
def test_first_difference(build_root: Path, vector: int, output: int, element: int) -> None:
    plan = hand_made.residual_network()
    tests = vectors(plan)
    wrong = [array.copy() for array in tests[vector].outputs]
    got = int(wrong[output].flat[element])
    wrong[output].flat[element] = np.int8(got ^ 0x11)
    tests[vector] = test_vectors.Vector(tests[vector].inputs, tuple(wrong))
    lines = answers(build_root / f"different{vector}", plan, tests)
    assert lines[2] == f"ESPDL_DIFFERENT {vector} {output} {element} {got ^ 0x11} {got}"
    assert lines[3] == "ESPDL_DIFFERENT"
    assert [line == "ESPDL_DIFFERENT" for line in lines[4:]] == [i == vector for i in range(3)]


def test_values_of_all_types(build_root: Path) -> None:
    """The values in a difference are the stored integers, whatever their size and sign; of floats their bits."""
    program = """
    #include <stdio.h>
    #include <string.h>
    #include "espdl.h"
    static void keep(uint8_t *arena, const uint8_t *weights) { (void)arena; (void)weights; }
    static const espdl_step_t s_steps[] = {keep};
    static ESPDL_ALIGNED uint8_t s_arena[32];
    static const uint8_t s_weights[16];
    int main(void)
    {
        for (int type = ESPDL_INT8; type <= ESPDL_FLOAT64; type++) {
            const espdl_tensor_t tensor = {.name = "x", .bytes = 16, .dtype = (uint8_t)type};
            const espdl_model_t model = {.magic = ESPDL_MODEL_MAGIC, .abi_version = ESPDL_ABI_VERSION, .name = "m",
                .identity = "i", .arena_bytes = 32, .weights_bytes = 16, .weights = s_weights, .steps = s_steps,
                .inputs = &tensor, .outputs = &tensor, .layer_count = 1, .input_count = 1, .output_count = 1};
            espdl_t net;
            espdl_difference_t d = {0};
            uint8_t data[16], expected[16];
            memset(data, 0x80, sizeof data);
            memcpy(expected, data, sizeof data);
            expected[8] = 0xFE;
            const void *inputs[] = {data}, *outputs[] = {expected};
            espdl_status_t status = espdl_init(&net, &model, &(espdl_config_t){.arena = s_arena, .arena_size = 32});
            status = status == ESPDL_OK ? espdl_run_test(&net, inputs, outputs, &d) : status;
            printf("%d %d %ld %ld\\n", status == ESPDL_DIFFERENT, (int)d.element, (long)d.expected, (long)d.got);
        }
        return 0;
    }
    """
    folder = build_root / "types"
    folder.mkdir()
    (folder / "main.c").write_text(program)
    runtime = [str(host.COMPONENT / "src" / name) for name in ("runtime.c", "run_test.c")]
    include = f"-I{host.COMPONENT / 'include'}"
    own = [str(folder / "main.c"), *runtime, "-o", str(folder / "program")]
    host.run_tool("gcc", *host.FLAGS, *host.SANITIZERS, include, *own)
    lines = subprocess.run([folder / "program"], capture_output=True, text=True, check=True).stdout.splitlines()
    types = ["int8", "uint8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
    expected = []
    for name in types:
        size = np.dtype(name).itemsize
        kind = "<i4" if size >= 4 else name
        got, wanted = (np.frombuffer(bytes([first, *[0x80] * 7]), kind)[0] for first in (0x80, 0xFE))
        expected.append(f"1 {8 // size} {int(wanted)} {int(got)}")
    assert lines == expected
