/* SPDX-License-Identifier: MIT */
/*
 * console.c - one conversation on several displays and keyboards
 *
 * The queue of typed bytes is a ring: interrupt handlers add at `typed`, the
 * shell takes at `taken`; both only ever grow, and their difference is what
 * waits. It is large, so that a page that is pasted while a command runs is
 * kept whole. When it is full after all, the serial line stops listening,
 * and whoever sends has to wait (serial.c): nothing is dropped.
 */
#include "console.h"

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/keyboard.h"
#include "arch/x86/serial.h"
#include "arch/x86/vga.h"
#include "bootinfo.h"
#include "framebuffer.h"
#include "screen.h"
#include "shell/shell.h"

enum {
    QUEUE_SIZE = 64 * 1024, /* a power of two: the counters may wrap */
    CTRL_C = 3,
};

static char queue[QUEUE_SIZE];
static volatile unsigned typed, taken;
static volatile unsigned interrupts_queued; /* Ctrl-Cs that wait in the queue */
static bool interrupted;
static volatile int scroll_request;

/* ---- displays ----------------------------------------------------------- */

void console_start(void)
{
    serial_start();
    serial_second_start();
}

const char *console_open_screen(const struct boot_framebuffer *framebuffer)
{
    const struct display *display = NULL;

    if (framebuffer != NULL && framebuffer->present &&
        framebuffer->type != BOOT_FRAMEBUFFER_TEXT)
        display = framebuffer_display(framebuffer);
    else
        display = vga_display();
    if (display == NULL)
        return "no screen";
    screen_attach(display);
    return display->name;
}

void console_write(const char *text, size_t size)
{
    serial_write(text, size);
    screen_write(text, size);
}

void console_size(int *columns, int *rows)
{
    screen_size(columns, rows);
}

void console_emergency(void)
{
    if (!screen_is_attached())
        console_open_screen(NULL);
}

/* ---- the queue ---------------------------------------------------------- */

bool console_has_room(size_t size)
{
    return QUEUE_SIZE - (typed - taken) >= size;
}

void console_typed(char byte)
{
    if (!console_has_room(1))
        return;
    queue[typed % QUEUE_SIZE] = byte;
    typed++;
    if (byte == CTRL_C)
        interrupts_queued++;
}

static void serve_screen(void)
{
    int lines = scroll_request;

    if (lines != 0) {
        scroll_request -= lines;
        screen_scroll(lines);
    } else {
        screen_refresh();
    }
}

int console_read(void)
{
    uintptr_t flags = cpu_interrupts_save();

    while (typed == taken) {
        cpu_interrupts_restore(flags);
        interrupts_attended();
        serve_screen();
        if (serial_second_asked())
            shell_stream_asked();
        cpu_interrupts_off();
        if (typed == taken && scroll_request == 0 && !serial_second_waits())
            cpu_sleep();
    }

    char byte = queue[taken % QUEUE_SIZE];

    interrupts_attended();
    taken++;
    if (byte == CTRL_C)
        interrupts_queued--;
    serial_resume();
    cpu_interrupts_restore(flags);
    return (unsigned char)byte;
}

/* Takes the first Ctrl-C out of the queue, and what was typed ahead of it,
 * as a terminal does. Interrupts are off. */
static void take_interrupt(void)
{
    while (queue[taken++ % QUEUE_SIZE] != CTRL_C)
        continue;
    interrupts_queued--;
    serial_resume();
}

bool console_interrupted(void)
{
    interrupts_attended();
    if (scroll_request != 0)
        serve_screen();
    if (interrupts_queued > 0) {
        uintptr_t flags = cpu_interrupts_save();

        take_interrupt();
        interrupted = true;
        cpu_interrupts_restore(flags);
    }
    return interrupted;
}

void console_interrupt_clear(void)
{
    interrupted = false;
}

void console_scroll_later(int lines)
{
    scroll_request += lines;
}

void console_listen(void)
{
    serial_listen();
    keyboard_listen();
    cpu_interrupts_on();
}
