/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - where every interrupt is sorted
 *
 * Vectors below 32 are the CPU's own exceptions and end in the fault screen.
 * The sixteen above are the wires of the two 8259 interrupt controllers that
 * every PC has, moved there because they start out on top of the exceptions.
 * All other vectors are nobody's; they are counted for nothing and ignored.
 *
 * Reference: Intel 8259A data sheet, "Programming the 8259A".
 */
#include "interrupts.h"

#include "cpu.h"
#include "kernel/panic.h"
#include "segments.h"
#include "trap_frame.h"

#include <stddef.h>

enum {
    FIRST_COMMAND = 0x20,   /* ports of the two controllers */
    FIRST_DATA = 0x21,
    SECOND_COMMAND = 0xA0,
    SECOND_DATA = 0xA1,

    INIT_WITH_MODE = 0x11,  /* ICW1: edges, two controllers, ICW4 follows */
    MODE_8086 = 0x01,       /* ICW4 */
    ALL_LINES = 0xFF,
    END_OF_INTERRUPT = 0x20,
    READ_IN_SERVICE = 0x0B,

    LINES_EACH = 8,
    LAST_OF_FIRST = 7,      /* where ghosts appear, see line_is_ghost() */
    LAST_OF_SECOND = 15,
};

/* So many interrupts and nothing else done are a storm. The serial line needs
 * fewer to fill the queue of typed bytes, and is then shut. */
enum { STORM = 1 << 18 };

static void (*handlers[DEVICE_LINES])(void);
static unsigned unattended;     /* interrupts since interrupts_attended() */

static void controllers_start(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } steps[] = {
        { FIRST_COMMAND, INIT_WITH_MODE },
        { SECOND_COMMAND, INIT_WITH_MODE },
        { FIRST_DATA, EXCEPTION_VECTORS },
        { SECOND_DATA, EXCEPTION_VECTORS + LINES_EACH },
        { FIRST_DATA, 1 << LINE_SECOND_CONTROLLER },
        { SECOND_DATA, LINE_SECOND_CONTROLLER },
        { FIRST_DATA, MODE_8086 },
        { SECOND_DATA, MODE_8086 },
        { FIRST_DATA, ALL_LINES & ~(1 << LINE_SECOND_CONTROLLER) },
        { SECOND_DATA, ALL_LINES },
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        port_write8(steps[i].port, steps[i].value);
        port_pause();
    }
}

void interrupts_start(void)
{
    segments_start();
    gates_start();
    controllers_start();
}

void interrupts_handle(unsigned line, void (*handler)(void))
{
    uint16_t port = line < LINES_EACH ? FIRST_DATA : SECOND_DATA;
    uint8_t bit = (uint8_t)(1 << line % LINES_EACH);

    handlers[line] = handler;
    port_write8(port, port_read8(port) & (uint8_t)~bit);
}

/* A wire that was raised and lowered again before the CPU asked is reported
 * as the controller's last line, without being in service. */
static bool line_is_ghost(unsigned line)
{
    if (line != LAST_OF_FIRST && line != LAST_OF_SECOND)
        return false;

    uint16_t port = line < LINES_EACH ? FIRST_COMMAND : SECOND_COMMAND;

    port_write8(port, READ_IN_SERVICE);
    if (port_read8(port) & 1 << LAST_OF_FIRST)
        return false;
    if (line >= LINES_EACH)     /* the first one did see the second's wire */
        port_write8(FIRST_COMMAND, END_OF_INTERRUPT);
    return true;
}

void interrupts_attended(void)
{
    unattended = 0;
}

static void device_dispatch(unsigned line)
{
    if (++unattended >= STORM)
        panic("An interrupt storm: %u interrupts in a row, the last on line "
              "%u, and the\nkernel got on with nothing meanwhile.\n"
              "Likely cause: a device that asks again and again, since its "
              "handler does not\ngive it what it asks for.", unattended, line);
    if (line_is_ghost(line))
        return;
    if (handlers[line] != NULL)
        handlers[line]();
    if (line >= LINES_EACH)
        port_write8(SECOND_COMMAND, END_OF_INTERRUPT);
    port_write8(FIRST_COMMAND, END_OF_INTERRUPT);
}

/* Called by trap.asm for every interrupt, with interrupts off. */
void trap_dispatch(struct trap_frame *frame);

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector < EXCEPTION_VECTORS)
        fault_screen(frame, trap_stack(frame));
    if (frame->vector < EXCEPTION_VECTORS + DEVICE_LINES)
        device_dispatch((unsigned)frame->vector - EXCEPTION_VECTORS);
}
