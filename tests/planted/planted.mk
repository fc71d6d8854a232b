# SPDX-License-Identifier: MIT
#
# planted.mk - classic mistakes, each noticed by the test that is named
#
#   make planted                every one of them; minutes
#   tests/planted/planted --list

DEEP_CHECKS += tests/planted/planted

.PHONY: planted
planted:
	@tests/planted/planted
