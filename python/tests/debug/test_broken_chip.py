# SPDX-License-Identifier: CC0-1.0
"""A chip with one flipped weight is found at the right layer, from a noisy log; a sound one passes."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

import firmware
import numpy as np
import pytest

from espdl import backends, pipeline
from espdl.cli import main
from espdl.emit import weights
from espdl.verify import samples


def debug(*arguments: object) -> tuple[int, str]:
    """Exit code and text of the command, the text without its line breaks."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["debug", *map(str, arguments)])
    assert all(len(line) <= 100 or "{" in line for line in out.getvalue().splitlines())
    return code, " ".join((out.getvalue() + err.getvalue()).split())


def stored(compilation: pipeline.Compilation, images: np.ndarray) -> dict[str, np.ndarray]:
    return samples.to_tensors(compilation.plan, {"image": images})


def weighted_calls(compilation: pipeline.Compilation) -> list[int]:
    calls = [i for i, call in enumerate(compilation.plan.calls) if call.constants]
    assert len(calls) >= 3
    return [calls[0], calls[len(calls) // 2], calls[-1]]


def log_of(machine: str, program: Path) -> Path:
    path = program.with_suffix(".log")
    path.write_text(firmware.run(machine, program), newline="")
    return path


def test_sound_chip(machine: str, digits: pipeline.Compilation, images: np.ndarray, root: Path) -> None:
    program = firmware.build(
        machine, root / f"sound-{machine}", digits.files, digits.plan, stored(digits, images), dump_inputs=True
    )
    log = log_of(machine, program)
    text = log.read_text()
    assert f"espdl: digits, identity {digits.identity}, {len(digits.plan.calls)} layers" in text
    assert "wifi: state" in text and "espdl: @espdl" in text  # it is a noisy one
    code, out = debug(root / "digits", "--log", log)
    assert code == 0, out
    assert f"{len(images)} runs in the log" in out
    assert out.count(f"equal to the reference in {len(digits.plan.calls)} outputs") == len(images)


@pytest.mark.parametrize("which", range(3), ids=["first", "middle", "last"])
def test_flipped_weight(
    machine: str, which: int, digits: pipeline.Compilation, images: np.ndarray, root: Path, tmp_path: Path
) -> None:
    call = weighted_calls(digits)[which]
    np.save(tmp_path / "images.npy", images)
    sound = firmware.build(
        machine, root / f"broken-{machine}-{call}", digits.files, digits.plan, stored(digits, images), dump=[call]
    )
    packed = weights.pack(digits.plan, backends.packings())
    content = sound.read_bytes()
    layer = digits.plan.calls[call]
    size = backends.packings()[layer.packing](layer)[0].nbytes
    # A weight may be multiplied by nothing but zeros in all of these images; a table's begin, or end, not be reached.
    for place in [*range(32), *reversed(range(size - 32, size))]:
        sound.write_bytes(content)
        firmware.flip(sound, packed, call, place)
        log = log_of(machine, sound)
        code, out = debug(root / "digits", "--log", log, "--input", tmp_path / "images.npy")
        assert code == 1 and "the weights in the chip's memory are not those of the build" in out
        if "first layer that differs" in out:
            break
    nodes = ", ".join(layer.source_nodes)
    assert f"first layer that differs: {call}, {nodes} (" in out
    assert "expected " in out and "values differ" in out and "this usually means: " in out
    assert out.count("first layer that differs") == 1


def test_input_at_caller(machine: str, digits: pipeline.Compilation, images: np.ndarray, root: Path) -> None:
    """What is printed of it is what the run reads."""
    changed = {**vars(digits.options), "output": str(root / "caller"), "input_memory": "caller"}
    build = pipeline.compile_model(pipeline.Options(**changed))
    program = firmware.build(
        machine, root / f"caller-{machine}", build.files, build.plan, stored(build, images), dump_inputs=True
    )
    code, out = debug(root / "caller", "--log", log_of(machine, program))
    assert code == 0
    assert out.count(f"equal to the reference in {len(build.plan.calls)} outputs") == len(images)


def test_hash_only_tells_how_to_see_more(digits: pipeline.Compilation, images: np.ndarray, root: Path) -> None:
    call = weighted_calls(digits)[0]
    inputs = stored(digits, images)
    program = firmware.build("host", root / "hash", digits.files, digits.plan, inputs, dump_inputs=True)
    firmware.flip(program, weights.pack(digits.plan, backends.packings()), call, 0)
    code, out = debug(root / "digits", "--log", log_of("host", program))
    assert code == 1
    assert f"first layer that differs: {call}," in out
    assert f"dump[] = {{{call}}};" in out and "usually" not in out


def test_stale_model(digits: pipeline.Compilation, images: np.ndarray, root: Path, tmp_path: Path) -> None:
    other = pipeline.compile_model(
        pipeline.Options(**{**vars(digits.options), "output": str(tmp_path / "other"), "arena": "static"})
    )
    assert other.identity != digits.identity
    program = firmware.build("host", root / "stale", other.files, other.plan, stored(other, images), dump_inputs=True)
    code, out = debug(root / "digits", "--log", log_of("host", program))
    assert code == 1
    assert out.count("stale model") == 1 and out.count("the same problem") == len(images) - 1
    assert f"the chip runs identity {other.identity}, the build has {digits.identity}" in out


def test_inputs_that_the_reference_does_not_have(
    digits: pipeline.Compilation, images: np.ndarray, root: Path, tmp_path: Path
) -> None:
    program = firmware.build("host", root / "inputs", digits.files, digits.plan, stored(digits, images))
    log = log_of("host", program)
    code, out = debug(root / "digits", "--log", log)
    assert code == 1 and "set dump_inputs, or pass the file of --test-vectors with --input" in out
    # CMake leaves its options beside the folder: whoever had it compile reads its words.
    shutil.copytree(root / "digits", tmp_path / "digits")
    (tmp_path / "digits.options.json").write_text("{}")
    code, out = debug(tmp_path / "digits", "--log", log)
    assert code == 1 and "set dump_inputs, or pass the file of TEST_VECTORS with --input" in out
    np.savez(tmp_path / "other.npz", image=images[:, :, ::-1])
    code, out = debug(root / "digits", "--log", log, "--input", tmp_path / "other.npz")
    assert code == 1 and "no sample of the file has these inputs" in out
    np.savez(tmp_path / "right.npz", image=images)
    assert debug(root / "digits", "--log", log, "--input", tmp_path / "right.npz")[0] == 0


def test_refusals(digits: pipeline.Compilation, root: Path, tmp_path: Path) -> None:
    log = tmp_path / "monitor.txt"
    for arguments, words in (
        ((root / "digits", "--log", log), ("monitor.txt", "cannot be read")),
        ((tmp_path, "--log", log), ("no <name>_reference.json", "CONFIG_ESPDL_TAPS")),
    ):
        code, out = debug(*arguments)
        assert code == 1 and "Remedy: " in out and all(word in out for word in words), out
    log.write_text("I (1) main: nothing\n")
    code, out = debug(root / "digits", "--log", log)
    assert code == 1 and "no lines of taps" in out
    log.write_text("@espdl 0 run 0 digits x 15 *0000\n")
    code, out = debug(root / "digits", "--log", log)
    assert code == 1 and "1 damaged lines" in out
