/* SPDX-License-Identifier: MIT */
/*
 * framebuffer.c - text on a screen made of pixels
 *
 * A pixel is 2, 3 or 4 bytes; where red, green and blue lie in it, the boot
 * loader says. The sixteen colours of VGA text are turned into such pixels
 * once. A cell is drawn row by row; nothing is ever read back from the
 * framebuffer, because on real machines that is slow.
 */
#include "framebuffer.h"

#include "bootinfo.h"
#include "font.h"
#include "paging.h"
#include "screen.h"

enum {
    COLOURS = 16,
    CURSOR_FROM_LINE = 13,  /* of 16: an underline */
};

/* The colours of VGA text mode: red, green, blue. */
static const uint8_t palette[COLOURS][3] = {
    { 0x00, 0x00, 0x00 }, { 0x00, 0x00, 0xAA }, { 0x00, 0xAA, 0x00 },
    { 0x00, 0xAA, 0xAA }, { 0xAA, 0x00, 0x00 }, { 0xAA, 0x00, 0xAA },
    { 0xAA, 0x55, 0x00 }, { 0xAA, 0xAA, 0xAA }, { 0x55, 0x55, 0x55 },
    { 0x55, 0x55, 0xFF }, { 0x55, 0xFF, 0x55 }, { 0x55, 0xFF, 0xFF },
    { 0xFF, 0x55, 0x55 }, { 0xFF, 0x55, 0xFF }, { 0xFF, 0xFF, 0x55 },
    { 0xFF, 0xFF, 0xFF },
};

static struct {
    volatile uint8_t *pixels;
    uint32_t pitch;             /* bytes from one line to the next */
    unsigned bytes;             /* in a pixel */
    uint32_t colours[COLOURS];  /* as pixels */
    cell_t cells[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];
    int cursor_column, cursor_row; /* row -1: none */
} frame;

static struct display display = { .name = "framebuffer" };

static uint32_t field(uint8_t intensity, uint8_t at, uint8_t bits)
{
    /* 8 bits of intensity to BITS of them, at bit AT */
    return (uint32_t)(intensity >> (8 - bits)) << at;
}

static void pixel_write(volatile uint8_t *at, uint32_t pixel)
{
    switch (frame.bytes) {
    case 4:
        *(volatile uint32_t *)at = pixel;
        break;
    case 3:
        at[0] = (uint8_t)pixel;
        at[1] = (uint8_t)(pixel >> 8);
        at[2] = (uint8_t)(pixel >> 16);
        break;
    default:
        *(volatile uint16_t *)at = (uint16_t)pixel;
    }
}

static volatile uint8_t *pixel_at(int x, int y)
{
    return frame.pixels + (size_t)y * frame.pitch + (size_t)x * frame.bytes;
}

/* A cell with its left upper pixel at AT. */
static void cell_write(volatile uint8_t *at, cell_t cell, bool with_cursor)
{
    const uint8_t *glyph = font_glyphs[cell & 0xFF];
    uint32_t front = frame.colours[cell >> 8 & 0x0F];
    uint32_t back = frame.colours[cell >> 12];

    for (int y = 0; y < FONT_HEIGHT; y++, at += frame.pitch) {
        uint8_t bits = glyph[y];

        if (with_cursor && y >= CURSOR_FROM_LINE)
            bits = 0xFF;
        for (unsigned x = 0; x < FONT_WIDTH; x++)
            pixel_write(at + x * frame.bytes,
                        bits & 0x80 >> x ? front : back);
    }
}

static void cell_draw(int column, int row, cell_t cell, bool with_cursor)
{
    cell_write(pixel_at(column * FONT_WIDTH, row * FONT_HEIGHT), cell,
               with_cursor);
}

static void draw_at(int x, int y, cell_t cell)
{
    cell_write(pixel_at(x, y), cell, false);
}

static void tile(int x, int y, int width, int height,
                 const uint8_t texture[8], uint8_t colours)
{
    uint32_t front = frame.colours[colours & 0x0F];
    uint32_t back = frame.colours[colours >> 4];

    for (int j = y; j < y + height; j++) {
        volatile uint8_t *at = pixel_at(x, j);
        uint8_t bits = texture[j % 8];

        for (int i = x; i < x + width; i++, at += frame.bytes)
            pixel_write(at, bits & 0x80 >> i % 8 ? front : back);
    }
}

static void draw(int column, int row, cell_t cell)
{
    frame.cells[row][column] = cell;
    cell_draw(column, row, cell, false);
    if (row == frame.cursor_row && column == frame.cursor_column)
        frame.cursor_row = -1;  /* drawn over: cursor() draws it again */
}

static void cursor(int column, int row)
{
    if (frame.cursor_row >= 0)
        cell_draw(frame.cursor_column, frame.cursor_row,
                  frame.cells[frame.cursor_row][frame.cursor_column], false);
    frame.cursor_row = row >= 0 && row < display.rows ? row : -1;
    frame.cursor_column = column;
    if (frame.cursor_row >= 0)
        cell_draw(column, row, frame.cells[row][column], true);
}

static bool colour_is_possible(uint8_t at, uint8_t bits, unsigned pixel_bits)
{
    return bits >= 1 && bits <= 8 && at + bits <= pixel_bits;
}

const struct display *
framebuffer_display(const struct boot_framebuffer *told)
{
    unsigned bytes = (told->bits_per_pixel + 7u) / 8;

    if (told->type != BOOT_FRAMEBUFFER_RGB || bytes < 2 || bytes > 4 ||
        !colour_is_possible(told->red_at, told->red_bits, bytes * 8) ||
        !colour_is_possible(told->green_at, told->green_bits, bytes * 8) ||
        !colour_is_possible(told->blue_at, told->blue_bits, bytes * 8) ||
        told->width < FONT_WIDTH || told->height < FONT_HEIGHT ||
        told->pitch / bytes < told->width)
        return NULL;

    frame.pixels = paging_view(told->address,
                               (uint64_t)told->pitch * told->height,
                               PAGE_READ | PAGE_WRITE);
    if (frame.pixels == NULL)
        return NULL;
    frame.pitch = told->pitch;
    frame.bytes = bytes;
    frame.cursor_row = -1;
    for (int i = 0; i < COLOURS; i++)
        frame.colours[i] =
            field(palette[i][0], told->red_at, told->red_bits) |
            field(palette[i][1], told->green_at, told->green_bits) |
            field(palette[i][2], told->blue_at, told->blue_bits);

    uint32_t columns = told->width / FONT_WIDTH;
    uint32_t rows = told->height / FONT_HEIGHT;

    display.columns = columns < SCREEN_COLUMNS_MAX ? (int)columns
                                                   : SCREEN_COLUMNS_MAX;
    display.rows = rows < SCREEN_ROWS_MAX ? (int)rows : SCREEN_ROWS_MAX;
    display.width = FONT_WIDTH;
    display.height = FONT_HEIGHT;
    display.draw = draw;
    display.draw_at = draw_at;
    display.tile = tile;
    display.cursor = cursor;
    return &display;
}
