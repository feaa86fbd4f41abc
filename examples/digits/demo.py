# SPDX-License-Identifier: CC0-1.0
"""From ONNX to checked C on this computer: compiles the digits network and runs all held-out digits through it.

    python examples/digits/demo.py [--output FOLDER]

Exit code 0 if the generated C gives the same bytes as the numpy reference in every layer of every digit.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python"))

from espdl import pipeline, report  # noqa: E402 (the path above comes first)
from espdl.quantize.ranges import session  # noqa: E402
from espdl.verify import compare, host, samples  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=HERE.parents[1] / "build" / "demo", help="folder for the generated files"
    )
    output = parser.parse_args().output

    print("Compiling model/digits.onnx ...")
    compilation = pipeline.compile_model(
        pipeline.Options(
            model=str(HERE / "model" / "digits.onnx"),
            calibration=str(HERE / "model" / "calib.npy"),
            name="digits",
            output=str(output / "generated"),
            taps=True,  # with the table of layers, by which their outputs are read below
        )
    )
    plan = compilation.plan
    print(report.text(compilation.report))

    held_out = np.load(HERE / "model" / "test.npz")
    images, labels = held_out["x"], held_out["label"]
    program = host.build(plan, compilation.files, "digits", output / "generated")
    inputs = samples.to_tensors(plan, {"image": images})
    results = program.run(inputs, layers=True)
    scores = samples.to_float(plan, results.outputs)["scores"].reshape(len(images), -1)

    draw(images[0, 0], scores[0])
    float_scores = run_float(compilation.quantized.float_proto, images)
    print(f"\nheld-out digits           {len(images)}")
    print(f"float accuracy            {accuracy(float_scores, labels):.2f} %   (ONNX Runtime)")
    print(f"int8 accuracy             {accuracy(scores, labels):.2f} %   (the generated C)")
    print(f"arena                     {plan.arena_bytes:,} bytes")
    print(f"weights                   {len(compilation.files['digits_weights.bin']):,} bytes")
    code = code_bytes(output / "generated" / "digits.c", output)
    print(f"code                      {code:,} bytes   (with kernels and runtime, this computer)")

    print("\nComparing every layer of every digit with the numpy reference ...")
    difference = compare.first_difference(plan, inputs, results)
    print(
        f"DIFFERENT: {difference}"
        if difference
        else f"identical: {len(images)} digits, {len(plan.calls)} layers, every byte"
    )
    return 1 if difference else 0


def run_float(proto, images: np.ndarray) -> np.ndarray:
    runner = session(proto)
    return np.concatenate([runner.run(None, {"image": image[None]})[0] for image in images])


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return 100.0 * float(np.mean(scores.argmax(axis=1) == labels))


def draw(image: np.ndarray, scores: np.ndarray) -> None:
    """The digit in characters, and what the network makes of it."""
    print()
    for row in image:
        print("    " + "".join(" .:-=+*#%@"[min(9, int(value * 9.99))] * 2 for value in row))
    best = int(scores.argmax())
    print(f"    This is a {best} ({100 * scores[best]:.0f} %).")


def code_bytes(source: Path, folder: Path) -> int:
    """Bytes of code and constants of the generated C with its kernels and the runtime; no C library, no weights."""
    include = f"-I{HERE.parents[1] / 'include'}"
    objects = [str(folder / "digits.o"), str(folder / "linked.o")]
    compiler = host.find_compiler()
    subprocess.run(
        [compiler, *host.FLAGS, include, f"-I{source.parent}", "-c", str(source), "-o", objects[0]], check=True
    )
    wanted = ["-Wl,-u,espdl_init", "-Wl,-u,espdl_run"]
    library = str(host.library(folder))
    subprocess.run([compiler, "-r", "-nostdlib", *wanted, objects[0], library, "-o", objects[1]], check=True)
    text = subprocess.run(["size", objects[1]], check=True, capture_output=True, text=True).stdout
    return int(text.splitlines()[1].split()[0])


if __name__ == "__main__":
    sys.exit(main())
