; trap.asm - the first and the last instructions of every interrupt, on x86_64
;
; The CPU calls a handler on one of the stacks that segments.c set aside, with
; SS, RSP, RFLAGS, CS, RIP and, for some exceptions, an error code on it. Each
; vector has a handler of a few bytes that makes the picture the same for all
; of them, and all go on in one place, which saves the registers
; (struct trap_frame) and calls C.
;
; Since every interrupt has a stack of its own, the 128 bytes below RSP, the
; red zone that the ABI gives to functions, stay as they are: libgcc uses
; them, although our own code does not.
;
; SPDX-License-Identifier: MIT

VECTORS                 equ 48          ; 32 exceptions, 16 lines of the PIC
STUB_BYTES              equ 16
EXCEPTIONS_WITH_ERROR   equ 0x60227D00  ; a bit each: 8, 10-14, 17, 21, 29, 30

extern trap_dispatch

section .text
bits 64

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
        push rax
        push rcx
        push rdx
        push rbx
        push rbp
        push rsi
        push rdi
        push r8
        push r9
        push r10
        push r11
        push r12
        push r13
        push r14
        push r15
        cld
        mov rdi, rsp                    ; struct trap_frame *
        mov rbp, rsp
        and rsp, -16                    ; as the ABI wants it at a call
        call trap_dispatch
        mov rsp, rbp
        pop r15
        pop r14
        pop r13
        pop r12
        pop r11
        pop r10
        pop r9
        pop r8
        pop rdi
        pop rsi
        pop rbp
        pop rbx
        pop rdx
        pop rcx
        pop rax
        add rsp, 16                     ; vector, error code
        iretq
