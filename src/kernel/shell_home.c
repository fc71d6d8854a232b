/* SPDX-License-Identifier: MIT */
/*
 * shell_home.c - what the shell asks of the kernel
 *
 * The other half, memory and the machine to show, is with the code that makes
 * them.
 */
#include "shell/home.h"

#include "arch/x86/keyboard.h"
#include "arch/x86/cpu.h"
#include "arch/x86/power.h"
#include "arch/x86/serial.h"
#include "console.h"
#include "panic.h"
#include "print.h"
#include "screen.h"

#ifndef HEAPGLASS_ARCH
#error "the GNUmakefile says for which architecture this is built"
#endif

void home_write(const char *text, size_t size)
{
    console_write(text, size);
}

int home_read(void)
{
    return console_read();
}

bool home_interrupted(void)
{
    return console_interrupted();
}

void home_interrupt_clear(void)
{
    console_interrupt_clear();
}

void home_screen_size(int *columns, int *rows)
{
    console_size(columns, rows);
}

/* ---- a picture above the conversation ----------------------------------- */

void home_terminal_write(const char *text, size_t size)
{
    serial_write(text, size);
}

bool home_picture(struct home_picture *picture)
{
    const struct display *display = screen_display();

    if (display == NULL)
        return false;
    *picture = (struct home_picture){
        .columns = display->columns, .rows = display->rows,
        .width = display->width, .height = display->height,
    };
    return true;
}

void home_picture_reserve(int rows)
{
    screen_reserve(rows);
}

void home_picture_put(int column, int row, char glyph, uint8_t colours)
{
    screen_display()->draw(column, row,
                           (cell_t)(colours << 8 | (uint8_t)glyph));
}

void home_picture_glyph(int x, int y, char glyph, uint8_t colours)
{
    screen_display()->draw_at(x, y, (cell_t)(colours << 8 | (uint8_t)glyph));
}

void home_picture_tile(int x, int y, int width, int height,
                       const uint8_t texture[8], uint8_t colours)
{
    screen_display()->tile(x, y, width, height, texture, colours);
}

/* ---- the stream --------------------------------------------------------- */

bool home_stream_open(void)
{
    return serial_second_is_present();
}

void home_stream_write(const char *text, size_t size)
{
    serial_second_write(text, size);
}

/* ---- the machine -------------------------------------------------------- */

bool home_keymap(const char *name)
{
    return keyboard_layout(name);
}

const char *home_name(void)
{
    return HEAPGLASS_ARCH;
}

uint64_t home_ticks(void)
{
    return cpu_ticks();
}

bool home_break(const struct mm_event *event)
{
    if (event != NULL)
        cpu_magic_break(event);
    return true;
}

void home_crash(const char *kind)
{
    kernel_crash(kind);
    print("No such fault here. There are: %s.\n", kernel_crash_kinds);
}

_Noreturn void home_poweroff(int status)
{
    (void)status;   /* it travelled in the shell's last line */
    screen_refresh();
    power_off();
}

_Noreturn void home_reboot(void)
{
    power_restart();
}
