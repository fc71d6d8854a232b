; header.asm - how a boot loader recognises the x86_64 kernel
;
; GRUB's `multiboot2` command looks for this header within 32 KiB of the
; file's start, at a multiple of 8; the linker script places it first. There
; is no Multiboot1 header: that protocol knows 32-bit ELF files only.
;
; SPDX-License-Identifier: MIT

%include "multiboot.inc"

section .boot.header progbits alloc noexec nowrite align=8
        MULTIBOOT2_HEADER
