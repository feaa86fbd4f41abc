# SPDX-License-Identifier: Apache-2.0
"""The fallback: what no backend takes becomes plain C through TVM's lowering and a printer of our own."""

from espdl.partition.fallback.fuse import fuse_quantized
from espdl.partition.fallback.kernel import CKernel, KernelParameter
from espdl.partition.fallback.lower import Lowered, lower

__all__ = ["CKernel", "KernelParameter", "Lowered", "fuse_quantized", "lower"]
