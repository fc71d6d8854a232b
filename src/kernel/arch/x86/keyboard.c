/* SPDX-License-Identifier: MIT */
/*
 * keyboard.c - the PC keyboard, turned into what a terminal would send
 *
 * The keyboard sends a number when a key goes down, and the same number with
 * bit 7 set when it goes up (scan code set 1, to which the controller
 * translates); keys that the first PC did not have come after a byte 0xe0.
 * Numbers name places on the keyboard, so a layout is a table from places to
 * characters; all layouts here are the us layout and a list of differences.
 *
 * Keys that move a cursor become the sequences that a terminal sends, so that
 * the shell reads one language. Shift-PageUp and Shift-PageDown scroll the
 * screen and are not sent. Accents that combine with the next letter are left
 * out: the shell's language is ASCII.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, Keyboard and
 * Auxiliary Device Controller; Keyboards (scan code set 1).
 */
#include "keyboard.h"

#include "cpu.h"
#include "interrupts.h"
#include "kernel/console.h"
#include "shell/print.h"

#include <stdint.h>

enum {
    DATA = 0x60,
    STATUS = 0x64,
    COMMAND = 0x64,

    OUTPUT_FULL = 0x01,         /* in STATUS: a byte for us to read */
    INPUT_FULL = 0x02,          /* in STATUS: it has not read our byte yet */
    ABSENT = 0xFF,

    READ_CONFIGURATION = 0x20,
    WRITE_CONFIGURATION = 0x60,
    MOUSE_OFF = 0xA7,
    KEYBOARD_OFF = 0xAD,
    KEYBOARD_ON = 0xAE,

    KEYBOARD_INTERRUPT = 0x01,  /* in the configuration */
    MOUSE_INTERRUPT = 0x02,
    KEYBOARD_SHUT = 0x10,
    TRANSLATE = 0x40,

    PATIENCE = 20000,           /* polls */
    DRAIN = 64,                 /* bytes that may lie in the controller */

    KEY_RELEASED = 0x80,
    KEY_EXTENDED = 0xE0,
    KEY_PAUSE = 0xE1,           /* two more bytes, twice: no key of ours */

    KEY_ENTER = 0x1C,
    KEY_CTRL = 0x1D,
    KEY_LEFT_SHIFT = 0x2A,
    KEY_SLASH = 0x35,
    KEY_RIGHT_SHIFT = 0x36,
    KEY_ALT = 0x38,
    KEY_CAPS_LOCK = 0x3A,
    KEY_HOME = 0x47,
    KEY_UP = 0x48,
    KEY_PAGE_UP = 0x49,
    KEY_LEFT = 0x4B,
    KEY_RIGHT = 0x4D,
    KEY_END = 0x4F,
    KEY_DOWN = 0x50,
    KEY_PAGE_DOWN = 0x51,
    KEY_DELETE = 0x53,
    KEYS = 0x60,

    SCROLL_LINES = 12,
};

/* ---- layouts ------------------------------------------------------------ */

struct key {
    uint16_t plain, shifted, with_altgr;    /* Unicode; 0: nothing */
};

struct difference {
    uint8_t place;
    struct key key;
};

struct layout {
    const char *name;
    const struct difference *differences;   /* ends with place 0 */
};

#define K(place, plain, shifted) [place] = { plain, shifted, 0 }

static const struct key us_keys[KEYS] = {
    K(0x01, 27, 27),
    K(0x02, '1', '!'), K(0x03, '2', '@'), K(0x04, '3', '#'),
    K(0x05, '4', '$'), K(0x06, '5', '%'), K(0x07, '6', '^'),
    K(0x08, '7', '&'), K(0x09, '8', '*'), K(0x0A, '9', '('),
    K(0x0B, '0', ')'), K(0x0C, '-', '_'), K(0x0D, '=', '+'),
    K(0x0E, 127, 127), K(0x0F, '\t', '\t'),
    K(0x10, 'q', 'Q'), K(0x11, 'w', 'W'), K(0x12, 'e', 'E'),
    K(0x13, 'r', 'R'), K(0x14, 't', 'T'), K(0x15, 'y', 'Y'),
    K(0x16, 'u', 'U'), K(0x17, 'i', 'I'), K(0x18, 'o', 'O'),
    K(0x19, 'p', 'P'), K(0x1A, '[', '{'), K(0x1B, ']', '}'),
    K(KEY_ENTER, '\r', '\r'),
    K(0x1E, 'a', 'A'), K(0x1F, 's', 'S'), K(0x20, 'd', 'D'),
    K(0x21, 'f', 'F'), K(0x22, 'g', 'G'), K(0x23, 'h', 'H'),
    K(0x24, 'j', 'J'), K(0x25, 'k', 'K'), K(0x26, 'l', 'L'),
    K(0x27, ';', ':'), K(0x28, '\'', '"'), K(0x29, '`', '~'),
    K(0x2B, '\\', '|'),
    K(0x2C, 'z', 'Z'), K(0x2D, 'x', 'X'), K(0x2E, 'c', 'C'),
    K(0x2F, 'v', 'V'), K(0x30, 'b', 'B'), K(0x31, 'n', 'N'),
    K(0x32, 'm', 'M'), K(0x33, ',', '<'), K(0x34, '.', '>'),
    K(KEY_SLASH, '/', '?'), K(0x37, '*', '*'), K(0x39, ' ', ' '),
    K(0x4A, '-', '-'), K(0x4E, '+', '+'), K(0x56, '\\', '|'),
};

#define D(place, plain, shifted, altgr) { place, { plain, shifted, altgr } }
#define D_END { 0, { 0, 0, 0 } }

static const struct difference us_differences[] = { D_END };

static const struct difference uk_differences[] = {
    D(0x03, '2', '"', 0), D(0x04, '3', 0xA3, 0), D(0x28, '\'', '@', 0),
    D(0x29, '`', 0xAC, '|'), D(0x2B, '#', '~', 0), D(0x56, '\\', '|', 0),
    D_END
};

static const struct difference de_differences[] = {
    D(0x03, '2', '"', 0xB2), D(0x04, '3', 0xA7, 0xB3), D(0x07, '6', '&', 0),
    D(0x08, '7', '/', '{'), D(0x09, '8', '(', '['), D(0x0A, '9', ')', ']'),
    D(0x0B, '0', '=', '}'), D(0x0C, 0xDF, '?', '\\'), D(0x0D, 0, '`', 0),
    D(0x10, 'q', 'Q', '@'), D(0x15, 'z', 'Z', 0), D(0x1A, 0xFC, 0xDC, 0),
    D(0x1B, '+', '*', '~'), D(0x27, 0xF6, 0xD6, 0), D(0x28, 0xE4, 0xC4, 0),
    D(0x29, '^', 0xB0, 0), D(0x2B, '#', '\'', 0), D(0x2C, 'y', 'Y', 0),
    D(0x32, 'm', 'M', 0xB5), D(0x33, ',', ';', 0), D(0x34, '.', ':', 0),
    D(0x35, '-', '_', 0), D(0x56, '<', '>', '|'),
    D_END
};

static const struct difference fr_differences[] = {
    D(0x02, '&', '1', 0), D(0x03, 0xE9, '2', '~'), D(0x04, '"', '3', '#'),
    D(0x05, '\'', '4', '{'), D(0x06, '(', '5', '['), D(0x07, '-', '6', '|'),
    D(0x08, 0xE8, '7', '`'), D(0x09, '_', '8', '\\'), D(0x0A, 0xE7, '9', '^'),
    D(0x0B, 0xE0, '0', '@'), D(0x0C, ')', 0xB0, ']'), D(0x0D, '=', '+', '}'),
    D(0x10, 'a', 'A', 0), D(0x11, 'z', 'Z', 0), D(0x1A, '^', 0, 0),
    D(0x1B, '$', 0xA3, 0), D(0x1E, 'q', 'Q', 0), D(0x27, 'm', 'M', 0),
    D(0x28, 0xF9, '%', 0), D(0x29, 0xB2, 0, 0), D(0x2B, '*', 0xB5, 0),
    D(0x2C, 'w', 'W', 0), D(0x32, ',', '?', 0), D(0x33, ';', '.', 0),
    D(0x34, ':', '/', 0), D(0x35, '!', 0xA7, 0), D(0x56, '<', '>', 0),
    D_END
};

static const struct difference es_differences[] = {
    D(0x02, '1', '!', '|'), D(0x03, '2', '"', '@'), D(0x04, '3', 0xB7, '#'),
    D(0x05, '4', '$', '~'), D(0x07, '6', '&', 0xAC), D(0x08, '7', '/', 0),
    D(0x09, '8', '(', 0), D(0x0A, '9', ')', 0), D(0x0B, '0', '=', 0),
    D(0x0C, '\'', '?', 0), D(0x0D, 0xA1, 0xBF, 0), D(0x1A, '`', '^', '['),
    D(0x1B, '+', '*', ']'), D(0x27, 0xF1, 0xD1, 0), D(0x28, 0, 0, '{'),
    D(0x29, 0xBA, 0xAA, '\\'), D(0x2B, 0xE7, 0xC7, '}'),
    D(0x33, ',', ';', 0), D(0x34, '.', ':', 0), D(0x35, '-', '_', 0),
    D(0x56, '<', '>', 0),
    D_END
};

static const struct layout layouts[] = {
    { "us", us_differences }, { "uk", uk_differences },
    { "de", de_differences }, { "fr", fr_differences },
    { "es", es_differences },
};

static const struct layout *volatile layout = &layouts[0];

bool keyboard_layout(const char *name)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        if (text_equal(layouts[i].name, name)) {
            layout = &layouts[i];
            return true;
        }
    return false;
}

static struct key key_at(uint8_t place)
{
    for (const struct difference *d = layout->differences; d->place != 0; d++)
        if (d->place == place)
            return d->key;
    return place < KEYS ? us_keys[place] : (struct key){ 0, 0, 0 };
}

/* ---- keys --------------------------------------------------------------- */

static struct {
    bool left_shift, right_shift, left_ctrl, right_ctrl, altgr, caps_lock;
    bool extended;      /* the byte 0xe0 came */
    unsigned skip;      /* bytes of the Pause key to come */
} keys;

static void send(const char *text)
{
    size_t length = text_length(text);

    if (!console_has_room(length))
        return;
    while (*text != '\0')
        console_typed(*text++);
}

/* Sends CHARACTER in UTF-8: one byte, or two for the letters of Europe. */
static void send_character(uint16_t character)
{
    char text[3] = { 0, 0, 0 };

    if (character < 0x80) {
        text[0] = (char)character;
    } else {
        text[0] = (char)(0xC0 | character >> 6);
        text[1] = (char)(0x80 | (character & 0x3F));
    }
    send(text);
}

static bool is_letter(uint16_t character)
{
    return (character >= 'a' && character <= 'z') || character >= 0xE0;
}

/* The sequence for a key that moves a cursor; NULL for other keys. */
static const char *sequence_of(uint8_t place)
{
    switch (place) {
    case KEY_UP:        return "\x1b[A";
    case KEY_DOWN:      return "\x1b[B";
    case KEY_RIGHT:     return "\x1b[C";
    case KEY_LEFT:      return "\x1b[D";
    case KEY_HOME:      return "\x1b[H";
    case KEY_END:       return "\x1b[F";
    case KEY_DELETE:    return "\x1b[3~";
    case KEY_PAGE_UP:   return "\x1b[5~";
    case KEY_PAGE_DOWN: return "\x1b[6~";
    default:            return NULL;
    }
}

static void key_pressed(uint8_t place, bool extended)
{
    bool shift = keys.left_shift || keys.right_shift;
    bool ctrl = keys.left_ctrl || keys.right_ctrl;
    const char *sequence = sequence_of(place);

    /* The number pad without Num Lock sends the same places, not extended:
       there too they move the cursor. */
    if (sequence != NULL) {
        if (shift && place == KEY_PAGE_UP)
            console_scroll_later(-SCROLL_LINES);
        else if (shift && place == KEY_PAGE_DOWN)
            console_scroll_later(SCROLL_LINES);
        else
            send(sequence);
        return;
    }
    if (extended && place != KEY_ENTER && place != KEY_SLASH)
        return;

    struct key key = extended ? us_keys[place] : key_at(place);
    bool upper = shift != (keys.caps_lock && is_letter(key.plain));
    uint16_t character = keys.altgr ? key.with_altgr
                         : upper    ? key.shifted
                                    : key.plain;

    if (ctrl && character >= '@' && character <= '~')
        character &= 0x1F;      /* Ctrl-C is 3 */
    if (character != 0)
        send_character(character);
}

static void key_event(uint8_t place, bool extended, bool pressed)
{
    switch (place) {
    case KEY_LEFT_SHIFT:
        if (!extended)          /* extended: a shadow of the arrow keys */
            keys.left_shift = pressed;
        break;
    case KEY_RIGHT_SHIFT:
        if (!extended)
            keys.right_shift = pressed;
        break;
    case KEY_CTRL:
        *(extended ? &keys.right_ctrl : &keys.left_ctrl) = pressed;
        break;
    case KEY_ALT:
        if (extended)
            keys.altgr = pressed;
        break;
    case KEY_CAPS_LOCK:
        keys.caps_lock ^= pressed;
        break;
    default:
        if (pressed)
            key_pressed(place, extended);
    }
}

static void on_interrupt(void)
{
    uint8_t byte = port_read8(DATA);

    if (keys.skip > 0) {
        keys.skip--;
    } else if (byte == KEY_EXTENDED) {
        keys.extended = true;
        return;
    } else if (byte == KEY_PAUSE) {
        keys.skip = 2;
    } else {
        key_event(byte & (uint8_t)~KEY_RELEASED, keys.extended,
                  !(byte & KEY_RELEASED));
    }
    keys.extended = false;
}

/* ---- the controller ----------------------------------------------------- */

static bool wait_for(uint8_t bit, bool set)
{
    for (int i = 0; i < PATIENCE; i++)
        if (((port_read8(STATUS) & bit) != 0) == set)
            return true;
    return false;
}

static void controller_write(uint16_t port, uint8_t value)
{
    wait_for(INPUT_FULL, false);
    port_write8(port, value);
}

static void controller_drain(void)
{
    for (int i = 0; i < DRAIN && port_read8(STATUS) & OUTPUT_FULL; i++)
        (void)port_read8(DATA);
}

void keyboard_listen(void)
{
    if (port_read8(STATUS) == ABSENT)
        return;

    controller_write(COMMAND, KEYBOARD_OFF);
    controller_write(COMMAND, MOUSE_OFF);
    controller_drain();
    controller_write(COMMAND, READ_CONFIGURATION);
    if (wait_for(OUTPUT_FULL, true)) {
        uint8_t configuration = port_read8(DATA);

        configuration |= KEYBOARD_INTERRUPT | TRANSLATE;
        configuration &= (uint8_t)~(MOUSE_INTERRUPT | KEYBOARD_SHUT);
        controller_write(COMMAND, WRITE_CONFIGURATION);
        controller_write(DATA, configuration);
    }
    controller_write(COMMAND, KEYBOARD_ON);
    controller_drain();
    interrupts_handle(LINE_KEYBOARD, on_interrupt);
}
