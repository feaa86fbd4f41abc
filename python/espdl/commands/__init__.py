# SPDX-License-Identifier: Apache-2.0
"""The commands of the command line, a file each. They import the stages only when they run, so that --help is quick."""
