# SPDX-License-Identifier: Apache-2.0
"""What surrounds a model: its settings from Kconfig, the Python environment of the build, new projects."""
