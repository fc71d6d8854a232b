; trap.asm - the first and the last instructions of every interrupt, on i686
;
; The CPU calls a handler with EFLAGS, CS, EIP and, for some exceptions, an
; error code on the stack. Each vector has a handler of a few bytes that makes
; the picture the same for all of them, and all go on in one place, which
; saves the registers (struct trap_frame) and calls C.
;
; SPDX-License-Identifier: MIT

VECTORS                 equ 48          ; 32 exceptions, 16 lines of the PIC
STUB_BYTES              equ 16
EXCEPTIONS_WITH_ERROR   equ 0x60227D00  ; a bit each: 8, 10-14, 17, 21, 29, 30

extern trap_dispatch

section .text
bits 32

; The handlers lie STUB_BYTES apart: interrupts.c computes their addresses.
global trap_stubs
        align STUB_BYTES
trap_stubs:
%assign vector 0
%rep VECTORS
        align STUB_BYTES
  %if vector >= 32 || ((EXCEPTIONS_WITH_ERROR >> vector) & 1) = 0
        push byte 0                     ; in place of an error code
  %endif
        push dword vector
        jmp near trap_enter
  %assign vector vector + 1
%endrep

trap_enter:
        pushad
        cld
        mov eax, esp
        mov ebp, esp
        and esp, -16                    ; as the ABI wants it at a call
        sub esp, 12
        push eax                        ; struct trap_frame *
        call trap_dispatch
        mov esp, ebp
        popad
        add esp, 8                      ; vector, error code
        iretd

; The double fault has a task of its own (segments.c): it finds nothing but
; its own stack, with the error code, which is always 0, on it.
extern double_fault_dispatch
global double_fault_enter
double_fault_enter:
        cld
        and esp, -16
        call double_fault_dispatch      ; does not return
