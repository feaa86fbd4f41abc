# SPDX-License-Identifier: CC0-1.0
"""The generated text: deterministic, free of warnings, safe against names from strangers."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import hand_made
import numpy as np
import pytest

from espdl import emit
from espdl.emit.weights import pack
from espdl.errors import EspdlError
from espdl.plan.types import Constant, Port
from espdl.verify import host
from espdl.verify.compare import first_difference

HOSTILE = (
    "*/ #error ended the comment",
    '"; #error ended the string',
    "line\nbreak\r\n#error",
    "??/\n#error trigraph",
    "%s%n%d",
    "trailing backslash \\",
    "{{ 7 * 7 }}{% raw %}",
    "<script>alert(1)</script>",
    "/* // nested",
    "é中\u202e\0",
    "x" * 10_000,
    "",
)


@pytest.mark.slow
def test_hostile_names(build_root: Path) -> None:
    """Names of nodes, operators, ports, layouts and the identity: compiles without a warning and still computes."""
    plan = hand_made.residual_network()
    calls = tuple(
        dataclasses.replace(call, source_nodes=(HOSTILE[i % len(HOSTILE)], HOSTILE[-1 - i]), backend=HOSTILE[i])
        for i, call in enumerate(plan.calls)
    )
    inputs = tuple(Port(HOSTILE[0], port.tensor, HOSTILE[1]) for port in plan.inputs)
    outputs = tuple(Port(name, port.tensor, HOSTILE[3]) for name, port in zip(HOSTILE[8:10], plan.outputs))
    plan = dataclasses.replace(plan, calls=calls, inputs=inputs, outputs=outputs)
    options = emit.CodeOptions(layers=True)
    for identity in HOSTILE:
        files = emit.render(plan, "net", packings=hand_made.packings(), identity=identity, options=options)
        assert all(len(line) < 200 for line in files["net.c"].splitlines())
    files = emit.render(plan, "net", packings=hand_made.packings(), identity=HOSTILE[3], options=options)
    flags = ("-Werror", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wtrigraphs", "-Wcomment", "-Wbidi-chars=any")
    flags += host.SANITIZERS
    program = host.build(plan, files, "net", build_root / "hostile", flags=flags)
    samples = hand_made.samples(plan, 2)
    assert first_difference(plan, samples, program.run(samples, layers=True)) is None
    assert b"{{ 7 * 7 }}{% raw %}" in files["net.c"]  # a template inside of a name is text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_model_name(name: str) -> None:
    with pytest.raises(EspdlError):
        hand_made.render(hand_made.scratch_network(), name)


DIGEST = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
import hand_made
from espdl.plan.types import Plan
plan = hand_made.residual_network()
assert Plan.from_json(plan.to_json()) == plan
digest = hashlib.sha256(plan.to_json().encode())
for files in (hand_made.render(plan), hand_made.render(Plan.from_json(plan.to_json()))):
    for name, content in files.items():
        digest.update(name.encode() + content)
print(digest.hexdigest())
"""


def test_equal_bytes_in_every_process(tmp_path: Path) -> None:
    """Whatever the hash seed, the working folder and the locale; and through JSON."""
    paths = [str(Path(hand_made.__file__).parent), str(Path(emit.__file__).parents[2])]
    digests = set()
    for seed, folder, locale in (("1", tmp_path, "C"), ("2", Path.cwd(), "C.UTF-8")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        command = [sys.executable, "-c", DIGEST, *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_files_and_names() -> None:
    plan = hand_made.residual_network()
    files = hand_made.render(plan, "Face_2")
    assert list(files) == ["Face_2_weights.bin", "Face_2_weights.S", "Face_2.h", "Face_2.c"]
    header = files["Face_2.h"].decode()
    for text in (
        f"#define FACE_2_ARENA_SIZE {plan.arena_bytes}\n",
        '#define FACE_2_MODEL_IDENTITY "0123456789abcdef"\n',
        "#define FACE_2_INPUT_IMAGE_SIZE 64 ",
        "#define FACE_2_INPUT_IMAGE_SHAPE {1, 8, 8, 1}\n",
        "#define FACE_2_INPUT_IMAGE_SCALE 0.003921569f\n",
        "#define FACE_2_INPUT_IMAGE_ZERO_POINT (-128)\n",
        "static inline int8_t *Face_2_input_image(Face_2_t *self)\n",
        "static inline const int8_t *Face_2_output_scores(const Face_2_t *self)\n",
        "#define FACE_2_OUTPUT_FEATURES_COUNT 24 ",
    ):
        assert text in header


def test_weights_are_shared_and_aligned() -> None:
    plan = hand_made.residual_network()
    calls = (*plan.calls, plan.calls[0])
    packed = pack(dataclasses.replace(plan, calls=calls), hand_made.packings())
    once = pack(plan, hand_made.packings())
    assert packed.blob == once.blob
    assert packed.offsets[-1] == packed.offsets[0]
    for call, offsets in zip(calls, packed.offsets, strict=True):
        arrays = hand_made.packings()[call.packing](call) if call.constants else []
        for array, offset in zip(arrays, offsets, strict=True):
            assert offset % 16 == 0
            assert packed.blob[offset : offset + array.nbytes] == array.tobytes()


def test_weights_are_little_endian() -> None:
    plan = hand_made.scratch_network()
    data = np.array([1, 258], ">i4")
    call = dataclasses.replace(plan.calls[0], constants=(Constant("c", data),), packing="plain")
    packed = pack(dataclasses.replace(plan, calls=(call,)), hand_made.packings())
    assert packed.blob == bytes([1, 0, 0, 0, 2, 1, 0, 0]) + bytes(8)


def test_model_without_weights() -> None:
    files = hand_made.render(hand_made.scratch_network())
    assert files["net_weights.bin"] == bytes(16)
    assert b".size net_weights, 16\n" in files["net_weights.S"]


def test_one_weight_changes_the_blob_only() -> None:
    plan = hand_made.residual_network()
    files = hand_made.render(plan)
    call = plan.calls[0]
    constants = tuple(dataclasses.replace(c, data=c.data + (c.name == "bias")) for c in call.constants)
    other = dataclasses.replace(plan, calls=(dataclasses.replace(call, constants=constants), *plan.calls[1:]))
    changed = [name for name, content in hand_made.render(other).items() if content != files[name]]
    assert changed == ["net_weights.bin"]


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="arena"):
        emit.CodeOptions(arena="heap")
    with pytest.raises(ValueError, match="weights"):
        emit.CodeOptions(weights="sd card")
