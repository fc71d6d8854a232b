; division.asm - 64-bit division on a CPU that divides 64 by 32 bits
;
; On i686 a compiler turns a division of 64-bit numbers into a call of one of
; the functions below, which usually come from its own library, libgcc. Cross
; compilers and clang often have none for 32 bits; then these are linked.
;
; All of them rest on one routine, `divide`. Where the divisor fits in 32
; bits, it is the long division that one learns at school, with two digits of
; 32 bits. Else the quotient fits in 32 bits, and is estimated: divide half of
; the dividend by the divisor's topmost 32 bits (halved, so that the quotient
; cannot overflow), shift into place, and it is right or one too large. One
; less is then right or one too small, and the remainder tells which.
;
; A compiler that wants small code calls functions for shifts by a number that
; it does not know, too; they are at the end.
;
;   0x2_00000000 / 0x1_00000001: estimate 2, less one 1; what is left then,
;   0xffffffff, is less than the divisor, so 1 it is
;
; Arguments are on the stack, low word first (System V ABI for i386); results
; are in EDX:EAX; EBX, ESI, EDI and EBP are the caller's. Nothing here needs
; an absolute address: it can be linked into anything.
;
; Reference: Warren, Hacker's Delight, section 9-5 (unsigned doubleword
; division from long division).
;
; SPDX-License-Identifier: MIT

global __udivdi3, __umoddi3, __divdi3, __moddi3, __udivmoddi4, __divmoddi4
global __ashldi3, __lshrdi3

section .text
bits 32

; After the wrapper has pushed four registers, the arguments lie here.
SAVED           equ 16
DIVIDEND        equ SAVED + 4
DIVISOR         equ SAVED + 12
REMAINDER_AT    equ SAVED + 20

%macro ENTER_FUNCTION 0
        push ebx
        push esi
        push edi
        push ebp
        mov eax, [esp + DIVIDEND]
        mov edx, [esp + DIVIDEND + 4]
        mov ebx, [esp + DIVISOR]
        mov ecx, [esp + DIVISOR + 4]
%endmacro

%macro LEAVE_FUNCTION 0
        pop ebp
        pop edi
        pop esi
        pop ebx
        ret
%endmacro

; The pair %1:%2 with its sign changed.
%macro NEGATE 2
        neg %2
        adc %1, 0
        neg %1
%endmacro

; EDX:EAX and ECX:EBX without their signs. The dividend's sign goes to EBP,
; the quotient's to the top of the stack: all ones for minus, else 0.
%macro TAKE_SIGNS 0
        mov ebp, edx
        mov esi, edx
        xor esi, ecx
        sar ebp, 31
        sar esi, 31
        push esi
        test edx, edx
        jns %%dividend_done
        NEGATE edx, eax
%%dividend_done:
        test ecx, ecx
        jns %%divisor_done
        NEGATE ecx, ebx
%%divisor_done:
%endmacro

; Gives the quotient the sign on the stack, and takes it off.
%macro SIGN_QUOTIENT 0
        pop esi
        test esi, esi
        jz %%positive
        NEGATE edx, eax
%%positive:
%endmacro

; Gives the remainder the sign of the dividend.
%macro SIGN_REMAINDER 0
        test ebp, ebp
        jz %%positive
        NEGATE ecx, ebx
%%positive:
%endmacro

; EDX:EAX divided by ECX:EBX: the quotient goes to EDX:EAX, the remainder to
; ECX:EBX. Changes ESI and EDI. A divisor of 0 is a divide error of the CPU.
divide:
        test ecx, ecx
        jnz .estimate

        mov esi, eax
        mov eax, edx
        xor edx, edx
        div ebx                         ; the upper digit
        mov ecx, eax
        mov eax, esi
        div ebx                         ; its remainder and the lower digit
        mov ebx, edx
        mov edx, ecx
        xor ecx, ecx
        ret

.estimate:
        push ebp
        push edx                        ; the dividend, for the remainder
        push eax
        mov edi, ecx                    ; EDI:ESI is the divisor
        mov esi, ebx
        bsr ecx, edi
        xor ecx, 31                     ; how far it can be shifted left
        mov ebp, edi
        shld ebp, esi, cl               ; its topmost 32 bits
        shrd eax, edx, 1
        shr edx, 1                      ; half of the dividend
        div ebp
        xor ecx, 31
        shr eax, cl                     ; into place
        test eax, eax
        jz .estimated
        dec eax
.estimated:
        mov ecx, eax
        mul esi                         ; what is left: dividend - quotient *
        mov ebp, edi                    ; divisor
        imul ebp, ecx
        add edx, ebp
        pop ebx
        pop ebp
        sub ebx, eax
        sbb ebp, edx
        cmp ebx, esi                    ; as much as the divisor? one more
        mov eax, ebp
        sbb eax, edi
        jb .exact
        inc ecx
        sub ebx, esi
        sbb ebp, edi
.exact:
        mov eax, ecx
        xor edx, edx
        mov ecx, ebp
        pop ebp
        ret

; unsigned long long __udivdi3(unsigned long long, unsigned long long)
__udivdi3:
        ENTER_FUNCTION
        call divide
        LEAVE_FUNCTION

; unsigned long long __umoddi3(unsigned long long, unsigned long long)
__umoddi3:
        ENTER_FUNCTION
        call divide
        mov eax, ebx
        mov edx, ecx
        LEAVE_FUNCTION

; unsigned long long __udivmoddi4(unsigned long long, unsigned long long,
;                                 unsigned long long *remainder)
__udivmoddi4:
        ENTER_FUNCTION
        call divide
        mov esi, [esp + REMAINDER_AT]
        test esi, esi
        jz .no_remainder
        mov [esi], ebx
        mov [esi + 4], ecx
.no_remainder:
        LEAVE_FUNCTION

; long long __divdi3(long long, long long)
__divdi3:
        ENTER_FUNCTION
        TAKE_SIGNS
        call divide
        SIGN_QUOTIENT
        LEAVE_FUNCTION

; long long __moddi3(long long, long long)
__moddi3:
        ENTER_FUNCTION
        TAKE_SIGNS
        call divide
        pop esi                         ; the quotient's sign
        SIGN_REMAINDER
        mov eax, ebx
        mov edx, ecx
        LEAVE_FUNCTION

; long long __divmoddi4(long long, long long, long long *remainder)
__divmoddi4:
        ENTER_FUNCTION
        TAKE_SIGNS
        call divide
        SIGN_QUOTIENT
        SIGN_REMAINDER
        mov esi, [esp + REMAINDER_AT]
        test esi, esi
        jz .no_remainder
        mov [esi], ebx
        mov [esi + 4], ecx
.no_remainder:
        LEAVE_FUNCTION

; ---- shifts: the number on the stack, by 0 to 63 bits ------------------------

SHIFTED         equ 4
SHIFT_BY        equ 12

; unsigned long long __ashldi3(unsigned long long, int)
__ashldi3:
        mov eax, [esp + SHIFTED]
        mov edx, [esp + SHIFTED + 4]
        mov ecx, [esp + SHIFT_BY]
        shld edx, eax, cl               ; by CL mod 32
        shl eax, cl
        test cl, 32
        jz .done
        mov edx, eax
        xor eax, eax
.done:
        ret

; unsigned long long __lshrdi3(unsigned long long, int)
__lshrdi3:
        mov eax, [esp + SHIFTED]
        mov edx, [esp + SHIFTED + 4]
        mov ecx, [esp + SHIFT_BY]
        shrd eax, edx, cl
        shr edx, cl
        test cl, 32
        jz .done
        mov eax, edx
        xor edx, edx
.done:
        ret

section .note.GNU-stack noalloc noexec nowrite progbits
