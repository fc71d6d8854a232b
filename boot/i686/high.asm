; high.asm - the first instructions at the kernel's own addresses, on i686
;
; entry.asm has turned paging on and jumps here. The stack is still at its
; physical address, with the arguments of kernel_main on it.
;
; A file of its own, because a debugger wants each assembly file to be code of
; one section.
;
; SPDX-License-Identifier: MIT

extern kernel_main
extern KERNEL_BASE                      ; in kernel.ld

section .text
bits 32

global high_entry

; At the kernel's own address at last; the stack has to follow.
high_entry:
        add esp, KERNEL_BASE
        xor ebp, ebp                    ; a backtrace ends here
        call kernel_main                ; does not return
