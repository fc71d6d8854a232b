/* SPDX-License-Identifier: MIT */
/*
 * vga.c - VGA text mode, 80 by 25
 *
 * The screen is an array of cells in memory; only the cursor is behind ports.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem.
 */
#include "vga.h"

#include "cpu.h"
#include "kernel/paging.h"
#include "kernel/screen.h"

enum {
    TEXT_MEMORY = 0xB8000,
    COLUMNS = 80,
    ROWS = 25,

    CRTC_INDEX = 0x3D4,
    CRTC_DATA = 0x3D5,
    CURSOR_START = 0x0A,
    CURSOR_HIGH = 0x0E,
    CURSOR_LOW = 0x0F,
    CURSOR_OFF = 0x20,
    CURSOR_FROM_LINE = 13,      /* of 16: an underline */
};

static volatile cell_t *cells;

static void crtc_write(uint8_t index, uint8_t value)
{
    port_write8(CRTC_INDEX, index);
    port_write8(CRTC_DATA, value);
}

static void draw(int column, int row, cell_t cell)
{
    cells[row * COLUMNS + column] = cell;
}

static void cursor(int column, int row)
{
    if (row < 0 || row >= ROWS) {
        crtc_write(CURSOR_START, CURSOR_OFF);
        return;
    }

    unsigned at = (unsigned)(row * COLUMNS + column);

    crtc_write(CURSOR_START, CURSOR_FROM_LINE);
    crtc_write(CURSOR_HIGH, (uint8_t)(at >> 8));
    crtc_write(CURSOR_LOW, (uint8_t)at);
}

static const struct display display = {
    .name = "VGA text",
    .columns = COLUMNS,
    .rows = ROWS,
    .draw = draw,
    .cursor = cursor,
};

const struct display *vga_display(void)
{
    if (cells == NULL)
        cells = paging_view(TEXT_MEMORY, COLUMNS * ROWS * sizeof(cell_t),
                            PAGE_READ | PAGE_WRITE);
    return cells == NULL ? NULL : &display;
}
