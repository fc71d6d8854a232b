# SPDX-License-Identifier: MIT
#
# frames.mk - every frame of a machine is handed out, and nothing is overwritten

CHECKS += tests/frames/all
