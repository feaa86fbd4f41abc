# SPDX-License-Identifier: CC0-1.0
"""MEMORY and INPUT_MEMORY in plain CMake: as arguments and as variables, with the picture in place."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models
from projects import PlainProject, copy_component
from small_models import constant, node

pytestmark = pytest.mark.slow

CALL = "espdl_add_onnx_model(app MODEL models/net.onnx CALIBRATION models/calib.npy INPUT_LAYOUT nhwc {})"
MAIN_C = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    static net_arena_t s_arena;
    static ESPDL_ALIGNED int8_t s_image[NET_INPUT_IMAGE_SIZE];
    net_t net;
    for (int i = 0; i < NET_INPUT_IMAGE_SIZE; i++) {
        s_image[i] = (int8_t)(i * 37);
    }
    if (net_init(&net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena}) != ESPDL_OK) return 1;
    if (net_run(&net) != ESPDL_NO_INPUT) return 2;
    if (net_set_input_image(&net, s_image) != ESPDL_OK || net_run(&net) != ESPDL_OK) return 3;
    printf("answer:");
    for (int i = 0; i < NET_OUTPUT_Y_SIZE; i++) {
        printf(" %d", net_output_y(&net)[i]);
    }
    printf("\\narena: %d\\n", NET_ARENA_SIZE);
    return 0;
}
"""


def project(folder: Path, component: Path, arguments: str) -> PlainProject:
    made = PlainProject(folder, component, CALL.format(arguments))
    random = np.random.default_rng(4)
    nodes = [node("Conv", ["image", "u"], ["b"], pads=[1, 1, 1, 1]), node("Conv", ["b", "v"], ["y"], pads=[1, 1, 1, 1])]
    shapes = {"u": (16, 3, 3, 3), "v": (2, 16, 3, 3)}
    constants = [constant(name, random.uniform(-1, 1, shape).astype(np.float32)) for name, shape in shapes.items()]
    model = small_models.model(nodes, [("image", [1, 3, 24, 24])], [("y", [1, 2, 24, 24])], constants)
    onnx.save(model, folder / "models" / "net.onnx")
    np.save(folder / "models" / "calib.npy", random.uniform(-1, 1, (4, 3, 24, 24)).astype(np.float32))
    (folder / "main" / "main.c").write_text(MAIN_C)
    return made


def arena_of(built: PlainProject) -> int:
    (header,) = (built.folder / "build").rglob("net.h")
    return int(re.search(r"NET_ARENA_SIZE (\d+)", header.read_text()).group(1))


def test_as_arguments_and_as_variables(tmp_path: Path) -> None:
    component = copy_component(tmp_path / "component", whole=True)
    given = project(tmp_path / "given", component, "MEMORY smallest INPUT_MEMORY caller")
    given.build()
    varied = project(tmp_path / "varied", component, "")
    assert varied.configure("-DESPDL_INPUT_MEMORY=caller", "-DESPDL_MEMORY=smallest"), varied.output
    varied.build()
    answer = given.answer()
    assert len(answer.split()) == 1 + 2 * 24 * 24 and len(set(answer.split())) > 20
    smallest = arena_of(given)
    assert (varied.answer(), arena_of(varied)) == (answer, smallest)
    varied.set_option("ESPDL_MEMORY", "plain")
    varied.build()
    assert varied.compilations == 1 and varied.answer() == answer
    assert arena_of(varied) > 2 * smallest
