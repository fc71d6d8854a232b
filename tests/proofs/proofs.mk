# SPDX-License-Identifier: MIT
#
# proofs.mk - Frama-C proves the leaf functions
#
#   make proofs         all of them, and that they fail when a function is
#                       broken; minutes, in `make check-deep`

DEEP_CHECKS += tests/proofs/prove

.PHONY: proofs
proofs:
	@tests/proofs/prove
