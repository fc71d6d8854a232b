/* SPDX-License-Identifier: MIT */
/*
 * serial.h - the first serial port
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

/* Sends TEXT, with "\r\n" for '\n', waiting for the line. */
void serial_write(const char *text, size_t size);

/* Waits until the last byte has left the UART: before the power goes. */
void serial_finish(void);

/* Hands what arrives to console_typed(), by interrupt. */
void serial_listen(void);

/* There is room in the queue again. Interrupts are off. */
void serial_resume(void);

#endif
