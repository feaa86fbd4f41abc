# SPDX-License-Identifier: Apache-2.0
"""From a file of unknown origin to a checked ONNX model with static shapes."""

from espdl.frontend.loader import Model, load

__all__ = ["Model", "load"]
