/* SPDX-License-Identifier: MIT */
/*
 * fault.c - the fault screen: what happened, where, and the likely cause
 *
 * An exception of the CPU or a panic() ends here. What is printed trusts as
 * little as possible, because something is broken: no memory is allocated,
 * the stack is walked only where page tables say that it can be read, and
 * when the fault screen itself faults, the second time says one sentence and
 * stops.
 *
 * The last line on the serial port is "status: 4", by which programs that
 * drive the kernel know how it ended. The CPU then sleeps for good, and what
 * is on the screen stays there.
 *
 * Reference: Intel SDM vol. 3, 6.15 (exceptions, one by one) and figure 4-12
 * (the error code of page faults).
 */
#include "cpu.h"
#include "interrupts.h"
#include "kernel/console.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/screen.h"
#include "kernel/symbols.h"
#include "mm/mm.h"
#include "power.h"
#include "serial.h"
#include "stacks.h"
#include "trap_frame.h"

enum {
    /* the error code of a page fault */
    FAULT_PRESENT = 1 << 0,
    FAULT_WRITE = 1 << 1,
    FAULT_RESERVED_BIT = 1 << 3,
    FAULT_FETCH = 1 << 4,

    BACKTRACE_MAX = 6,
    SENTENCE_SIZE = 160,
};

extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];

static int depth;       /* of faults inside the fault screen */
static bool powers_off;
static bool is_plain;

static const char *const exception_names[EXCEPTION_VECTORS] = {
    [0] = "divide error", [1] = "debug exception",
    [2] = "non-maskable interrupt", [3] = "breakpoint", [4] = "overflow",
    [5] = "bound range exceeded", [6] = "invalid opcode",
    [7] = "no floating-point unit", [8] = "double fault",
    [9] = "coprocessor segment overrun", [10] = "invalid task segment",
    [11] = "segment not present", [12] = "stack segment fault",
    [13] = "general protection fault", [14] = "page fault",
    [16] = "floating-point error", [17] = "alignment check",
    [18] = "machine check", [19] = "SIMD floating-point error",
    [20] = "virtualisation exception", [21] = "control protection exception",
};

/* ---- the likely cause --------------------------------------------------- */

static bool lies_in(uintptr_t address, const char *start, const char *end)
{
    return address >= (uintptr_t)start && address < (uintptr_t)end;
}

/* Where ADDRESS is in the kernel's image, in words; NULL if nowhere. */
static const char *part_of_image(uintptr_t address)
{
    if (lies_in(address, text_start, text_end))
        return "the kernel's code";
    if (lies_in(address, rodata_start, rodata_end))
        return "the kernel's constants";
    if (lies_in(address, data_start, data_end))
        return "the kernel's data";
    return NULL;
}

static void explain_page_fault(uintptr_t address, unsigned error,
                               uintptr_t stack_pointer)
{
    const char *verb = error & FAULT_FETCH   ? "run code at"
                       : error & FAULT_WRITE ? "write to"
                                             : "read from";
    const char *part = part_of_image(address);
    const struct stack *stack = stack_guarded_at(address);
    char sentence[SENTENCE_SIZE];

    print("The kernel tried to %s 0x%zx.\n", verb, (size_t)address);

    if (stack != NULL) {
        print("That is the guard page under the %s: the stack overflowed\n"
              "(the stack pointer was 0x%zx).\n"
              "Likely cause: recursion without an end, or a very large local "
              "array.\n",
              stack->name, (size_t)stack_pointer);
    } else if (address < PAGE_SIZE) {
        print("Page 0 is never mapped, so this is a null pointer%s.\n"
              "Likely cause: a pointer that was never set, or an answer NULL "
              "that was not\nchecked.\n",
              address == 0 ? "" : " plus an offset");
    } else if (error & FAULT_RESERVED_BIT) {
        print("A page table entry has a bit set that must be 0: page tables "
              "were overwritten.\n");
    } else if ((error & FAULT_FETCH) && (error & FAULT_PRESENT)) {
        print("That is %s, and data cannot be executed.\n"
              "Likely cause: a function pointer or a return address was "
              "overwritten.\n", part != NULL ? part : "data");
    } else if ((error & FAULT_WRITE) && (error & FAULT_PRESENT)) {
        print("That is %s, which cannot be written to.\n"
              "Likely cause: a stray pointer, or a string constant that was "
              "taken for a\nbuffer.\n",
              part != NULL ? part : "a read-only page");
    } else {
        print("Nothing is mapped there.\n"
              "Likely cause: a pointer that was never set, was overwritten, "
              "or points to\nmemory given back.\n");
    }

    if (fault_explain(address, sentence, sizeof sentence) != NULL)
        print("%s\n", sentence);
}

static void explain(const struct trap_frame *frame, uintptr_t address,
                    uintptr_t stack_pointer)
{
    const struct stack *stack;

    switch (frame->vector) {
    case VECTOR_PAGE_FAULT:
        explain_page_fault(address, (unsigned)frame->error, stack_pointer);
        break;
    case VECTOR_DOUBLE_FAULT:
        stack = stack_guarded_at(address);
        if (stack == NULL)
            stack = stack_guarded_at(stack_pointer - 1);
        if (stack != NULL)
            print("The %s overflowed into its guard page at 0x%zx,\n"
                  "and there was no room left to report it.\n"
                  "Likely cause: recursion without an end, or a very large "
                  "local array.\n", stack->name, (size_t)address);
        else
            print("One exception came while the CPU was delivering another.\n"
                  "Likely cause: the stack pointer (0x%zx) or the interrupt "
                  "table was overwritten.\n", (size_t)stack_pointer);
        break;
    case VECTOR_DIVIDE:
        print("A number was divided by zero, or the quotient does not fit "
              "its register.\n");
        break;
    case VECTOR_INVALID_OPCODE:
        print("The bytes at the instruction pointer are no instruction.\n"
              "Likely cause: __builtin_unreachable() or a trap that the "
              "compiler put in, or a jump\ninto the middle of something.\n");
        break;
    case VECTOR_BREAKPOINT:
        print("The kernel ran an int3 instruction and no debugger was "
              "there to take it.\n");
        break;
    case VECTOR_PROTECTION:
        print("The CPU refused an instruction (error code 0x%zx).\n"
              "Likely cause: an address that is not canonical, a bad "
              "segment, or a privileged\nregister given a bad value.\n",
              (size_t)frame->error);
        break;
    case VECTOR_STACK_SEGMENT:
        print("The stack pointer is 0x%zx, where no stack can be.\n"
              "Likely cause: it was overwritten.\n", (size_t)stack_pointer);
        break;
    case VECTOR_NMI:
    case VECTOR_MACHINE_CHECK:
        print("The hardware reports an error of its own.\n");
        break;
    default:
        print("The kernel has no use for this exception (error code "
              "0x%zx).\n", (size_t)frame->error);
    }
}

/* ---- registers, stack --------------------------------------------------- */

struct shown_register {
    const char *name;
    uintptr_t value;
};

static void show_registers(const struct trap_frame *frame,
                           uintptr_t stack_pointer)
{
#define SHOWN(name, field) { name, (uintptr_t)frame->field },
    const struct shown_register shown[] = {
        TRAP_REGISTERS(SHOWN)
        { sizeof(void *) == 8 ? "rsp" : "esp", stack_pointer },
        { "cr0", cpu_control0() }, { "cr2", cpu_fault_address() },
        { "cr3", cpu_control3() }, { "cr4", cpu_control4() },
    };
#undef SHOWN
    const size_t count = sizeof shown / sizeof shown[0];
    const size_t a_line = sizeof(void *) == 8 ? 3 : 4;

    for (size_t i = 0; i < count; i++)
        print("%6s %0*zx%s", shown[i].name, (int)(2 * sizeof(void *)),
              (size_t)shown[i].value,
              i % a_line == a_line - 1 || i == count - 1 ? "\n" : "  ");
}

static bool is_readable(uintptr_t address)
{
    return address % sizeof(uintptr_t) == 0 &&
           paging_find(address, NULL, NULL) &&
           paging_find(address + sizeof(uintptr_t) * 2 - 1, NULL, NULL);
}

/* Shows an address of code, with its function's name where it is known. */
static void show_caller(uintptr_t address)
{
    uintptr_t offset;
    const char *name = symbol_of(address, &offset);

    if (name != NULL)
        print("  0x%zx %s+0x%zx\n", (size_t)address, name, (size_t)offset);
    else
        print("  0x%zx\n", (size_t)address);
}

/* Walks the saved frame pointers: at each, the caller's frame pointer and,
 * above it, the address to return to. */
static void show_callers(uintptr_t at, uintptr_t frame_pointer)
{
    print("In, and called from:\n");
    show_caller(at);
    for (int i = 0; i < BACKTRACE_MAX && is_readable(frame_pointer); i++) {
        const uintptr_t *saved = (const uintptr_t *)frame_pointer;

        if (!lies_in(saved[1], text_start, text_end))
            break;
        show_caller(saved[1]);
        if (saved[0] <= frame_pointer)  /* callers lie higher up */
            break;
        frame_pointer = saved[0];
    }
}

/* ---- begin and end ------------------------------------------------------ */

static void begin(const char *kind, const char *what)
{
    cpu_interrupts_off();
    if (depth++ > 0) {
        static const char again[] =
            "\nThe fault screen itself failed; no more can be said.\n"
            "status: 4\n";

        if (depth == 2)
            serial_write(again, sizeof again - 1);
        cpu_halt();
    }
    console_emergency();
    print(is_plain ? "\n%s: %s\n" : "\n\x1b[0;97;41m %s: %s \x1b[0m\n", kind,
          what);
}

_Noreturn static void end(void)
{
    print("The machine is stopped so that this can be read. Restart it to go "
          "on.\n");
    screen_refresh();
    serial_write("status: 4\n", 10);
    if (powers_off)
        power_off();
    cpu_halt();
}

void panic_powers_off(bool yes)
{
    powers_off = yes;
}

void panic_plain(bool yes)
{
    is_plain = yes;
}

_Noreturn void fault_screen(const struct trap_frame *frame, uintptr_t stack)
{
    uintptr_t address = cpu_fault_address();
    const char *name = exception_names[frame->vector];

    begin("The CPU reported", name != NULL ? name : "an unknown exception");
    explain(frame, address, stack);
    show_registers(frame, stack);
    show_callers(trap_instruction(frame), trap_frame_pointer(frame));
    end();
}

_Noreturn void panic(const char *format, ...)
{
    va_list arguments;

    begin("The kernel stopped itself", "panic");
    va_start(arguments, format);
    print_arguments(format, arguments);
    va_end(arguments);
    print("\n");
    show_callers((uintptr_t)__builtin_return_address(0),
                 *(uintptr_t *)__builtin_frame_address(0));
    end();
}

/* The allocator's one demand by name (mm/mm.h). */
_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    panic("%s (%s:%d)", sentence, file, line);
}
