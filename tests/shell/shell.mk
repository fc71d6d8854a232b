# SPDX-License-Identifier: MIT
#
# shell.mk - the checks of the shell that need no machine

CHECKS += tests/shell/transcripts
CHECK_NEEDS += build/host/heapglass build/traces/guile.rep
