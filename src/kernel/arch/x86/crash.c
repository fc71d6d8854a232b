/* SPDX-License-Identifier: MIT */
/*
 * crash.c - real faults, on purpose
 *
 * For the lesson on the fault screen, and for the tests that it appears.
 */
#include "kernel/panic.h"

#include "cpu.h"
#include "interrupts.h"
#include "kernel/paging.h"
#include "segments.h"
#include "serial.h"
#include "shell/print.h"

extern char text_start[];

static const char constant[] = "a constant";
static unsigned char bytes_of_code[] = { 0xC3 };    /* ret */

static volatile uintptr_t null_field = 8;   /* a field of a structure at NULL */

static void crash_null(void)
{
    *(volatile int *)null_field = 1;
}

static void crash_text(void)
{
    *(volatile char *)text_start = 0;
}

static void crash_rodata(void)
{
    *(volatile char *)(uintptr_t)constant = 'A';
}

static volatile int never;  /* the compiler cannot know how deep we go */

/* Each call has an array of its own and looks into its caller's, so that the
 * compiler cannot make a loop of it. */
static int recurse(const volatile char *above)
{
    volatile char room[256];

    room[0] = (char)(above[0] + never);
    return never == -1 ? 0 : recurse(room) + room[0];
}

static void crash_stack(void)
{
    char room = 0;

    recurse(&room);
}

static void crash_divide(void)
{
    __asm__ volatile("xor %%edx, %%edx\n\t"
                     "xor %%ecx, %%ecx\n\t"
                     "div %%ecx" : : "a"(1) : "ecx", "edx");
}

static void crash_wild(void)
{
    vaddr_t start, end;

    /* The last page of what ranges may use: nobody has got that far. */
    paging_free_space(KERNEL_SPACE, &start, &end);
    *(volatile char *)(end - PAGE_SIZE + 0x123) = 1;
}

static void crash_execute(void)
{
    if (paging_can_forbid_execution())
        ((void (*)(void))(uintptr_t)bytes_of_code)();
}

static void crash_opcode(void)
{
    __asm__ volatile("ud2");
}

static void crash_breakpoint(void)
{
    __asm__ volatile("int3");
}

static void crash_panic(void)
{
    panic("Somebody typed `crash panic`, and this is what it looks like.");
}

/* A page fault that has no handler: that is a fault while one is delivered. */
static void crash_double(void)
{
    gates_keep(VECTOR_PAGE_FAULT);
    crash_null();
}

enum {
    LINES_BY_LEVEL = 0x4D0, /* which lines count for as long as they are up */
    COM1_INTERRUPTS = 0x3F9,
    ASKS_TO_SEND = 2,
};

/* The serial port asks what to send, and its handler does not even look: the
 * line stays up, and not one instruction is run between two interrupts. */
static void crash_storm(void)
{
    interrupts_handle(LINE_COM1, NULL);
    port_write8(LINES_BY_LEVEL, 1 << LINE_COM1);
    port_write8(COM1_INTERRUPTS, ASKS_TO_SEND);
    while (serial_is_present())
        cpu_sleep();
}

const char kernel_crash_kinds[] =
    "null text rodata stack divide wild execute opcode breakpoint panic "
    "double storm";

void kernel_crash(const char *kind)
{
    static const struct {
        const char *kind;
        void (*crash)(void);
    } crashes[] = {
        { "null", crash_null }, { "text", crash_text },
        { "rodata", crash_rodata }, { "stack", crash_stack },
        { "divide", crash_divide },
        { "wild", crash_wild }, { "execute", crash_execute },
        { "opcode", crash_opcode }, { "breakpoint", crash_breakpoint },
        { "panic", crash_panic }, { "double", crash_double },
        { "storm", crash_storm },
    };

    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        if (text_equal(kind, crashes[i].kind))
            crashes[i].crash();
}
