# SPDX-License-Identifier: MIT
#
# model.mk - the model of the remote list is checked by spin

DEEP_CHECKS += tests/model/spin
