# SPDX-License-Identifier: Apache-2.0
"""Portable C11 kernels: every chip, and the host."""
