; high.asm - the first instructions at the kernel's own addresses, on x86_64
;
; entry.asm has turned paging on and jumps here. The stack is still at its
; physical address, with the arguments of kernel_main on it.
;
; A file of its own, because a debugger wants each assembly file to be code of
; one section.
;
; SPDX-License-Identifier: MIT

BOOT_DATA_SELECTOR      equ 0x10

extern kernel_main
extern kernel_stack_top

section .text
bits 64

global high_entry

; At the kernel's own address at last; the arguments go where the 64-bit ABI
; wants them, and the stack starts anew at its own address.
high_entry:
        mov ax, BOOT_DATA_SELECTOR
        mov ss, ax
        mov edi, [rsp]                  ; magic; the upper halves become 0
        mov esi, [rsp + 4]              ; information
        mov rsp, kernel_stack_top
        xor ebp, ebp                    ; a backtrace ends here
        call kernel_main                ; does not return
