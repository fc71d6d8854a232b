; header.asm - how a boot loader recognises the i686 kernel
;
; The image carries two headers. GRUB's `multiboot2` command looks for the
; first within 32 KiB of the file's start, at a multiple of 8. QEMU's
; `-kernel` and emulators in web pages look for the second, older one within
; 8 KiB, at a multiple of 4. The linker script places this section first.
;
; SPDX-License-Identifier: MIT

%include "multiboot.inc"

section .boot.header progbits alloc noexec nowrite align=8
        MULTIBOOT2_HEADER
        MULTIBOOT1_HEADER
