# SPDX-License-Identifier: Apache-2.0
"""Test vectors for a firmware: samples of the user, and what the compiled model must answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espdl.emit import Files, test_vectors
from espdl.errors import EspdlError
from espdl.pipeline import Compilation
from espdl.quantize import calibration
from espdl.verify import reference, samples
from espdl.wording import option


def files_for(compilation: Compilation, path: str | Path) -> Files:
    """`<name>_test.h` and `<name>_test.c` with all samples of a .npy or .npz file, in the form of calibration data.

    Raises EspdlError where the file cannot be read or does not fit the model, and for a model with a layer whose exact
    result only a run of the C code tells.
    """
    plan, name = compilation.plan, compilation.options.name
    inexact = next((call for call in plan.calls if not call.exact), None)
    if inexact is not None:
        raise EspdlError(
            f"test vectors {Path(path).name}",
            f"the layer {', '.join(inexact.source_nodes) or inexact.operator} uses the C library's floating-point"
            " functions, whose last bit may differ from one to another",
            f"leave {option('test_vectors')} out and compare the outputs with a tolerance of your own",
        )
    vectors = []
    for sample in calibration.open(path, compilation.model):
        one = {name: array[np.newaxis] for name, array in sample.items()}
        inputs = {port: array[0] for port, array in samples.to_tensors(plan, one).items()}
        values = reference.run(plan, inputs)
        vectors.append(
            test_vectors.Vector(
                tuple(np.asarray(inputs[port.name]) for port in plan.inputs),
                tuple(np.asarray(values[port.tensor]) for port in plan.outputs),
            )
        )
    return test_vectors.render(name, vectors)
