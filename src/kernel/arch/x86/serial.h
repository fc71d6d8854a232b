/* SPDX-License-Identifier: MIT */
/*
 * serial.h - the serial ports: one to talk on, one for the stream
 */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

/* Finds out whether there is a port at all and sets it to 115200 baud. */
void serial_start(void);

/* Whether there is a COM1, a COM2. */
bool serial_is_present(void);
bool serial_second_is_present(void);

/* The second port, for the stream: finds out whether it is there, and sets it
 * to 115200 baud. */
void serial_second_start(void);

/* Sends SIZE bytes as they are. A port whose other end takes nothing for long
 * counts as absent from then on. */
void serial_second_write(const char *text, size_t size);

/* Whether an `s` has arrived there since this was asked last. */
bool serial_second_asked(void);

/* The same, without forgetting it. */
bool serial_second_waits(void);

/* Sends TEXT, with "\r\n" for '\n', waiting for the line. */
void serial_write(const char *text, size_t size);

/* Waits until the last byte has left the UART: before the power goes. */
void serial_finish(void);

/* Hands what arrives to console_typed(), by interrupt. */
void serial_listen(void);

/* There is room in the queue again. Interrupts are off. */
void serial_resume(void);

#endif
