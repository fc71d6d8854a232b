/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the serial ports: 16550 UARTs, or what claims to be one
 *
 * The first carries the conversation. The second carries the stream, one way;
 * all that it listens for is an `s`, which asks for a snapshot.
 *
 * Output is polled: a byte is written when the transmitter is empty. Input
 * comes by interrupt. When the queue of typed bytes is nearly full the
 * interrupt is shut off, so that bytes stay in the UART; a sender that honours
 * RTS, and every emulator, then waits.
 *
 * A port that is not there answers 0xff to everything, which would look like
 * an eternally ready and eternally chatting line; so we ask first.
 *
 * Reference: National Semiconductor PC16550D data sheet.
 */
#include "serial.h"

#include "cpu.h"
#include "interrupts.h"
#include "kernel/console.h"

enum {
    COM1 = 0x3F8,
    COM2 = 0x2F8,

    /* registers, from the port's base */
    DATA = 0,
    INTERRUPTS = 1,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    SCRATCH = 7,

    /* with DIVISOR_ACCESS in LINE_CONTROL */
    DIVISOR_LOW = 0,
    DIVISOR_HIGH = 1,

    DIVISOR_ACCESS = 0x80,
    EIGHT_BITS = 0x03,          /* no parity, one stop bit */
    FIFO_ON = 0xC7,             /* emptied; interrupt at 14 bytes */
    FIFO_WORKS = 0xC0,          /* reads so, where there is one */
    READY = 0x0B,               /* DTR, RTS, interrupts through */
    RECEIVED = 0x01,            /* in INTERRUPTS and in LINE_STATUS */
    TRANSMITTER_EMPTY = 0x20,   /* it has room for another byte */
    TRANSMITTER_IDLE = 0x40,    /* and the last one is on the line */
    ABSENT = 0xFF,

    SECOND_PATIENCE = 10000000, /* seconds: a reader may be slow */
    PATIENCE = 200000,          /* polls; some ms on the slowest bus */
    FIFO_SIZE = 16,
};

static bool present, paused;
static bool second_present;
static size_t second_room = 1;          /* bytes that it takes at once */
static volatile bool second_asked;

/* Whether a UART at BASE remembers what it is told. The scratch register came
 * with the 16450; older ones are not in machines that boot GRUB. */
static bool port_answers(uint16_t base)
{
    if (port_read8(base + LINE_STATUS) == ABSENT)
        return false;
    port_write8(base + SCRATCH, 0x5A);
    port_pause();
    if (port_read8(base + SCRATCH) != 0x5A)
        return false;
    port_write8(base + SCRATCH, 0xA5);
    port_pause();
    return port_read8(base + SCRATCH) == 0xA5;
}

/* Sets the port at BASE up, deaf as yet. Whether there is one. */
static bool port_start(uint16_t base)
{
    if (!port_answers(base))
        return false;
    port_write8(base + INTERRUPTS, 0);
    port_write8(base + LINE_CONTROL, DIVISOR_ACCESS);
    port_write8(base + DIVISOR_LOW, 1);         /* 115200 baud */
    port_write8(base + DIVISOR_HIGH, 0);
    port_write8(base + LINE_CONTROL, EIGHT_BITS);
    port_write8(base + FIFO_CONTROL, FIFO_ON);
    port_write8(base + MODEM_CONTROL, READY);
    return true;
}

void serial_start(void)
{
    present = port_start(COM1);
}

bool serial_is_present(void)
{
    return present;
}

void serial_second_start(void)
{
    second_present = port_start(COM2);
    if (second_present &&
        (port_read8(COM2 + FIFO_CONTROL) & FIFO_WORKS) == FIFO_WORKS)
        second_room = FIFO_SIZE;
}

bool serial_second_is_present(void)
{
    return second_present;
}

static void send(char byte)
{
    for (int i = 0; i < PATIENCE; i++)
        if (port_read8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY)
            break;
    port_write8(COM1 + DATA, (uint8_t)byte);
}

void serial_write(const char *text, size_t size)
{
    if (!present)
        return;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            send('\r');
        send(text[i]);
    }
}

void serial_finish(void)
{
    for (int i = 0; present && i < PATIENCE; i++)
        if (port_read8(COM1 + LINE_STATUS) & TRANSMITTER_IDLE)
            return;
}

/* Empties the UART into the queue, as long as there is room. */
static void receive(void)
{
    while (port_read8(COM1 + LINE_STATUS) & RECEIVED) {
        if (!console_has_room(FIFO_SIZE)) {
            paused = true;
            port_write8(COM1 + INTERRUPTS, 0);
            return;
        }
        console_typed((char)port_read8(COM1 + DATA));
    }
}

static void on_interrupt(void)
{
    if (!paused)
        receive();
}

/* ---- the second port ----------------------------------------------------- */

/* Waits until the transmitter is empty. False, after seconds, when it never
 * is: then nobody takes what is sent. */
static bool second_is_ready(void)
{
    for (int i = 0; i < SECOND_PATIENCE; i++)
        if (port_read8(COM2 + LINE_STATUS) & TRANSMITTER_EMPTY)
            return true;
    return false;
}

void serial_second_write(const char *text, size_t size)
{
    while (second_present && size > 0) {
        size_t burst = size < second_room ? size : second_room;

        second_present = second_is_ready();
        for (size_t i = 0; second_present && i < burst; i++)
            port_write8(COM2 + DATA, (uint8_t)text[i]);
        text += burst;
        size -= burst;
    }
}

bool serial_second_waits(void)
{
    return second_asked;
}

bool serial_second_asked(void)
{
    bool asked = second_asked;

    second_asked = false;
    return asked;
}

static void second_receive(void)
{
    while (port_read8(COM2 + LINE_STATUS) & RECEIVED)
        if (port_read8(COM2 + DATA) == 's')
            second_asked = true;
}

static void second_listen(void)
{
    if (!second_present)
        return;
    interrupts_handle(LINE_COM2, second_receive);
    port_write8(COM2 + INTERRUPTS, RECEIVED);
    second_receive();
}

void serial_listen(void)
{
    second_listen();
    if (!present)
        return;
    interrupts_handle(LINE_COM1, on_interrupt);
    port_write8(COM1 + INTERRUPTS, RECEIVED);
    receive();
}

void serial_resume(void)
{
    if (!paused || !console_has_room(4 * FIFO_SIZE))
        return;
    paused = false;
    port_write8(COM1 + INTERRUPTS, RECEIVED);
    receive();
}
