; entry.asm - from the boot loader to C, on x86_64
;
; The state that the boot loader promises (Multiboot2, section 3.3) is a
; 32-bit one, also on a 64-bit CPU and also under UEFI:
;
;   - 32-bit protected mode, paging off, interrupts off, A20 open
;   - flat code and data segments; their descriptor table may be gone already
;   - EAX = a magic number that names the protocol
;   - EBX = the physical address of the boot information
;   - ESP undefined, no interrupt table
;   - .bss filled with zeros
;
; The state that C gets, in kernel_main(magic, information):
;
;   - long mode, four levels of page tables; the kernel's sections at
;     KERNEL_BASE + their physical address, each with its own protection;
;     CR0.WP on, so that the kernel itself cannot write to its code; pages
;     without code not executable, where the CPU can do that
;   - the same frames once more at their physical addresses (the identity
;     map); C takes that away
;   - entry 510 of the top table points to the top table itself
;   - an interrupt table whose handlers say a sentence and stop
;   - a stack of its own, 16-byte aligned as the ABI wants it
;
; References: Intel SDM vol. 3, sections 2.5 (control registers), 4.5
; (4-level paging), 6.14 (interrupts in long mode), 9.8.5 (entering long
; mode); vol. 2, CPUID.
;
; SPDX-License-Identifier: MIT

%include "early.inc"

PAGE_BYTES              equ 4096
STACK_BYTES             equ 64 * 1024

ENTRY_PRESENT           equ 1 << 0      ; SDM table 4-20
ENTRY_WRITE             equ 1 << 1
ENTRY_NO_EXECUTE_HIGH   equ 1 << 31     ; bit 63, in the upper half
SLOT_BYTES              equ 8

; KERNEL_BASE is 0xffffffff80000000, two GiB below the top: slot 511 of the
; top table, slot 510 of the next.
TOP_SLOT_IDENTITY       equ 0
TOP_SLOT_RECURSIVE      equ 510
TOP_SLOT_KERNEL         equ 511
THIRD_SLOT_IDENTITY     equ 0
THIRD_SLOT_KERNEL       equ 510
KERNEL_TABLES           equ 2           ; of 2 MiB each: KERNEL_ROOM

CR0_PAGING              equ 1 << 31
CR0_WRITE_PROTECT       equ 1 << 16
CR4_PHYSICAL_EXTENSION  equ 1 << 5      ; PAE: entries of eight bytes
MSR_EFER                equ 0xC0000080
EFER_LONG_MODE          equ 1 << 8
EFER_NO_EXECUTE         equ 1 << 11

CPUID_EXTENDED          equ 0x80000000
CPUID_EXTENDED_FEATURES equ 0x80000001  ; in EDX:
FEATURE_NO_EXECUTE      equ 1 << 20
FEATURE_LONG_MODE       equ 1 << 29
FLAGS_CPUID             equ 1 << 21     ; can be toggled where CPUID exists

BOOT_DATA_SELECTOR      equ 0x10
BOOT_LONG_CODE_SELECTOR equ 0x18

extern high_entry
extern boot_start_physical, boot_end_physical
extern text_start_physical, text_end_physical
extern rodata_start_physical, rodata_end_physical
extern data_start_physical, data_end_physical
extern kernel_top_physical, identity_third_physical, kernel_third_physical
extern kernel_second_physical, kernel_table_physical
extern kernel_stack_top_physical

global entry

; ---------------------------------------------------------------------------
section .boot.text progbits alloc exec nowrite align=16
bits 32

entry:
        cli
        cld

        ; Step 1: a stack, with the arguments of kernel_main on it.
        mov esp, kernel_stack_top_physical
        push ebx                        ; information
        push eax                        ; magic

        ; Step 2: our own segments, then a voice for faults.
        lgdt [boot_gdt_pointer]
        jmp BOOT_CODE_SELECTOR:.segments
.segments:
        mov ax, BOOT_DATA_SELECTOR
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        EARLY_SERIAL_INIT
        EARLY_IDT_FILL boot_, 32, BOOT_CODE_SELECTOR
        EARLY_IDT_FILL long_, 64, BOOT_LONG_CODE_SELECTOR
        lidt [boot_early_idt_pointer]

        ; Step 3: can this CPU do long mode at all? Is there CPUID, has it
        ; extended functions, is long mode among them?
        pushfd
        pop eax
        mov ecx, eax
        xor eax, FLAGS_CPUID
        push eax
        popfd
        pushfd
        pop eax
        cmp eax, ecx
        je no_long_mode
        mov eax, CPUID_EXTENDED
        cpuid
        cmp eax, CPUID_EXTENDED_FEATURES
        jb no_long_mode
        mov eax, CPUID_EXTENDED_FEATURES
        cpuid
        test edx, FEATURE_LONG_MODE
        jz no_long_mode

        ; NO-EXECUTE is bit 63 of an entry where the CPU knows it, else 0.
        mov ebp, EFER_LONG_MODE
        xor ebx, ebx
        test edx, FEATURE_NO_EXECUTE
        jz .no_execute_known
        mov ebp, EFER_LONG_MODE | EFER_NO_EXECUTE
        mov ebx, ENTRY_NO_EXECUTE_HIGH
.no_execute_known:

        ; Step 4: two page tables show the first 4 MiB of physical memory, as
        ; far as it is kernel, each section with its own protection. What is
        ; not listed here, page 0 among it, is not mapped. EBX is the upper
        ; half of the entries to come.
        push ebx
        xor ebx, ebx
        mov eax, boot_start_physical
        mov ecx, boot_end_physical
        mov edx, ENTRY_PRESENT
        call map_section
        mov eax, text_start_physical
        mov ecx, text_end_physical
        mov edx, ENTRY_PRESENT
        call map_section
        pop ebx
        mov eax, rodata_start_physical
        mov ecx, rodata_end_physical
        mov edx, ENTRY_PRESENT
        call map_section
        mov eax, data_start_physical
        mov ecx, data_end_physical
        mov edx, ENTRY_PRESENT | ENTRY_WRITE
        call map_section
        mov eax, VGA_TEXT               ; for the voice, until C has its own
        mov ecx, VGA_TEXT + PAGE_BYTES
        mov edx, ENTRY_PRESENT | ENTRY_WRITE
        call map_section

        ; Step 5: the upper levels. One second-level table serves twice, at 0
        ; for the next few instructions and at KERNEL_BASE for good; the top
        ; table also shows itself, and through it C will find every table.
        mov eax, kernel_table_physical
        mov edi, kernel_second_physical
        mov ecx, KERNEL_TABLES
.table: mov edx, eax
        or edx, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi], edx
        add eax, PAGE_BYTES
        add edi, SLOT_BYTES
        dec ecx
        jnz .table

        mov eax, kernel_second_physical
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov edi, identity_third_physical
        mov [edi + THIRD_SLOT_IDENTITY * SLOT_BYTES], eax
        mov edi, kernel_third_physical
        mov [edi + THIRD_SLOT_KERNEL * SLOT_BYTES], eax

        mov edi, kernel_top_physical
        mov eax, identity_third_physical
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi + TOP_SLOT_IDENTITY * SLOT_BYTES], eax
        mov eax, kernel_third_physical
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi + TOP_SLOT_KERNEL * SLOT_BYTES], eax
        mov eax, edi
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi + TOP_SLOT_RECURSIVE * SLOT_BYTES], eax

        ; Step 6: long mode (SDM 9.8.5). The interrupt table for 64-bit code
        ; comes first: turning paging on is the only instruction between the
        ; two tables that could fault.
        mov eax, cr4
        or eax, CR4_PHYSICAL_EXTENSION
        mov cr4, eax
        mov cr3, edi
        mov ecx, MSR_EFER
        rdmsr
        or eax, ebp
        wrmsr
        lidt [long_early_idt_pointer]
        mov eax, cr0
        or eax, CR0_PAGING | CR0_WRITE_PROTECT
        mov cr0, eax
        jmp BOOT_LONG_CODE_SELECTOR:long_entry

no_long_mode:
        mov edi, VGA_TEXT
        mov esi, no_long_mode_text
        call boot_early_say
.stop:  hlt
        jmp .stop

; Maps the frames from EAX up to ECX at their own addresses in the two kernel
; tables (which lie side by side), with the flags EDX in the lower and EBX in
; the upper half of the entry. Changes EAX, ESI, EDI.
map_section:
        cmp eax, ecx
        jae .done
        mov edi, eax
        shr edi, 12                     ; the frame's number is its slot
        lea edi, [kernel_table_physical + edi * SLOT_BYTES]
        mov esi, eax
        or esi, edx
        mov [edi], esi
        mov [edi + 4], ebx
        add eax, PAGE_BYTES
        jmp map_section
.done:  ret

        EARLY_VOICE boot_, 32, BOOT_CODE_SELECTOR
        EARLY_VOICE long_, 64, BOOT_LONG_CODE_SELECTOR
        EARLY_TEXTS
no_long_mode_text:
        db "Heapglass: this is the kernel for 64-bit CPUs, and this CPU has "
        db "no long mode. The i686 kernel runs here.", 13, 10, "status: 4"
        db 13, 10, 0

; Flat segments (SDM figure 3-8). The accessed bit is set from the start: the
; CPU then never writes here, and the boot code can be mapped read-only.
        align 8
boot_gdt:
        dq 0
        dq 0x00CF9B000000FFFF           ; 0x08: 32-bit code
        dq 0x00CF93000000FFFF           ; 0x10: data
        dq 0x00AF9B000000FFFF           ; 0x18: 64-bit code
boot_gdt_pointer:
        dw boot_gdt_pointer - boot_gdt - 1
        dd boot_gdt
        dd 0

bits 64
; Still at a physical address: a far jump in 32-bit code reaches no further.
long_entry:
        mov rax, high_entry
        jmp rax

; ---------------------------------------------------------------------------
; The tables and the stack. C unmaps the page below the stack: running out of
; stack is then a fault and not silent damage.
section .bss.pages nobits alloc noexec write align=PAGE_BYTES
global kernel_top, identity_third, kernel_third, kernel_second, kernel_table
global kernel_stack_guard, kernel_stack_top
kernel_top:             resb PAGE_BYTES
identity_third:         resb PAGE_BYTES
kernel_third:           resb PAGE_BYTES
kernel_second:          resb PAGE_BYTES
kernel_table:           resb PAGE_BYTES * KERNEL_TABLES
kernel_stack_guard:     resb PAGE_BYTES
                        resb STACK_BYTES
kernel_stack_top:
