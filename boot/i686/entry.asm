; entry.asm - from the boot loader to C, on i686
;
; The state that the boot loader promises (Multiboot2, section 3.3;
; Multiboot1, section 3.2):
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
;   - paging on; the kernel's sections at KERNEL_BASE + their physical
;     address, each with its own protection; CR0.WP on, so that the kernel
;     itself cannot write to its code
;   - the same frames once more at their physical addresses (the identity
;     map); C takes that away
;   - the last entry of the page directory points to the directory itself
;   - an interrupt table whose handlers say a sentence and stop
;   - a stack of its own, 16-byte aligned as the ABI wants it
;
; References: Intel SDM vol. 3, sections 2.5 (control registers), 3.4.5
; (segment descriptors), 4.3 (32-bit paging), 6.11 (interrupt descriptors).
;
; SPDX-License-Identifier: MIT

%include "early.inc"

KERNEL_BASE             equ 0xC0000000  ; kernel.ld says the same and compares
PAGE_BYTES              equ 4096
STACK_BYTES             equ 64 * 1024

ENTRY_PRESENT           equ 1 << 0      ; SDM table 4-6
ENTRY_WRITE             equ 1 << 1
RECURSIVE_SLOT          equ 1023
SLOT_BYTES              equ 4
DIRECTORY_SHIFT         equ 22          ; address bits below the directory's

FLAGS_CPUID             equ 1 << 21     ; can be toggled where CPUID exists
CPUID_FEATURES          equ 1           ; in EDX:
FEATURE_CONDITIONAL_MOVE equ 1 << 15

CR0_PAGING              equ 1 << 31
CR0_WRITE_PROTECT       equ 1 << 16

BOOT_DATA_SELECTOR      equ 0x10

extern high_entry
extern boot_start_physical, boot_end_physical
extern text_start_physical, text_end_physical
extern rodata_start_physical, rodata_end_physical
extern data_start_physical, data_end_physical
extern kernel_directory_physical, kernel_table_physical
extern kernel_stack_top_physical

global entry
global boot_kernel_base
boot_kernel_base        equ KERNEL_BASE

; ---------------------------------------------------------------------------
section .boot.text progbits alloc exec nowrite align=16
bits 32

entry:
        cli
        cld

        ; Step 1: a stack, with the arguments of kernel_main on it. Two words
        ; of padding keep ESP a multiple of 16 at the call.
        mov esp, kernel_stack_top_physical
        sub esp, 8
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
        lidt [boot_early_idt_pointer]

        ; Step 3: the C code is for an i686, a Pentium Pro; can this CPU do what
        ; is new in it? Is there CPUID, and has it conditional moves?
        pushfd
        pop eax
        mov ecx, eax
        xor eax, FLAGS_CPUID
        push eax
        popfd
        pushfd
        pop eax
        cmp eax, ecx
        je too_old
        mov eax, CPUID_FEATURES
        cpuid
        test edx, FEATURE_CONDITIONAL_MOVE
        jz too_old

        ; Step 4: one page table shows the first 4 MiB of physical memory, as
        ; far as it is kernel, each section with its own protection. What is
        ; not listed here, page 0 among it, is not mapped.
        mov eax, boot_start_physical
        mov ecx, boot_end_physical
        mov edx, ENTRY_PRESENT
        call map_section
        mov eax, text_start_physical
        mov ecx, text_end_physical
        mov edx, ENTRY_PRESENT
        call map_section
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

        ; Step 5: the directory shows that table twice, at 0 for the next few
        ; instructions and at KERNEL_BASE for good, and itself in its last
        ; slot, through which C will find every table.
        mov edi, kernel_directory_physical
        mov eax, kernel_table_physical
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi], eax
        mov [edi + (KERNEL_BASE >> DIRECTORY_SHIFT) * SLOT_BYTES], eax
        mov eax, edi
        or eax, ENTRY_PRESENT | ENTRY_WRITE
        mov [edi + RECURSIVE_SLOT * SLOT_BYTES], eax

        ; Step 6: paging on. The next instruction is fetched through the
        ; identity map; the one after the jump from the kernel's own address.
        mov cr3, edi
        mov eax, cr0
        or eax, CR0_PAGING | CR0_WRITE_PROTECT
        mov cr0, eax
        mov eax, high_entry
        jmp eax

too_old:
        mov edi, VGA_TEXT
        mov esi, too_old_text
        call boot_early_say
.stop:  hlt
        jmp .stop

; Maps the frames from EAX up to ECX at their own addresses in kernel_table,
; with the flags EDX. Changes EAX, ESI, EDI.
map_section:
        cmp eax, ecx
        jae .done
        mov edi, eax
        shr edi, 12                     ; the frame's number is its slot
        mov esi, eax
        or esi, edx
        mov [kernel_table_physical + edi * SLOT_BYTES], esi
        add eax, PAGE_BYTES
        jmp map_section
.done:  ret

        EARLY_VOICE boot_, 32, BOOT_CODE_SELECTOR
        EARLY_TEXTS
too_old_text:
        db "Heapglass: this kernel needs a Pentium Pro or newer: this CPU has "
        db "no conditional moves.", 13, 10, "status: 4", 13, 10, 0

; Flat segments (SDM figure 3-8): base 0, limit 4 GiB. The accessed bit is
; set from the start: the CPU then never writes here, and the boot code can
; be mapped read-only.
        align 8
boot_gdt:
        dq 0
        dq 0x00CF9B000000FFFF           ; 0x08: code
        dq 0x00CF93000000FFFF           ; 0x10: data
boot_gdt_pointer:
        dw boot_gdt_pointer - boot_gdt - 1
        dd boot_gdt

; ---------------------------------------------------------------------------
; The tables and the stack. C unmaps the page below the stack: running out of
; stack is then a fault and not silent damage.
section .bss.pages nobits alloc noexec write align=PAGE_BYTES
global kernel_directory, kernel_table, kernel_stack_guard, kernel_stack_top
kernel_directory:       resb PAGE_BYTES
kernel_table:           resb PAGE_BYTES
kernel_stack_guard:     resb PAGE_BYTES
                        resb STACK_BYTES
kernel_stack_top:
