/* SPDX-License-Identifier: MIT */
/*
 * files.h - the texts that came along as boot modules, for home_file()
 */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H

#include "boot.h"

/* BOOT's modules are the files; it stays valid. Maps nothing yet. */
void files_init(const struct boot *boot);

#endif
