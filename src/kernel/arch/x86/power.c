/* SPDX-License-Identifier: MIT */
/*
 * power.c - ending and restarting the machine
 *
 * Switching a PC off properly takes an interpreter for its firmware's ACPI
 * tables. Emulators have it simpler: their power management ports lie at
 * known places. Where none of them answers, the CPU halts and a person has to
 * press the button.
 */
#include "power.h"

#include "cpu.h"
#include "segments.h"
#include "serial.h"

enum {
    SLEEP_NOW = 0x2000,             /* ACPI's PM1 control: SLP_EN, type 0 */
    PM_CONTROL_QEMU = 0x604,        /* with SeaBIOS, and Q35 with OVMF */
    PM_CONTROL_QEMU_OVMF = 0xB004,  /* i440FX with OVMF; old QEMU; Bochs */
    PM_CONTROL_VIRTUALBOX = 0x4004,
    SLEEP_NOW_VIRTUALBOX = 0x3400,
    BOCHS_SHUTDOWN = 0x8900,        /* a port that waits for a word */

    KEYBOARD_COMMAND = 0x64,
    PULSE_RESET = 0xFE,             /* the line from its days as a reset */
    RESET_CONTROL = 0xCF9,          /* the chipset's own */
    RESET_HARD = 0x02,
    RESET_NOW = 0x06,
    PAUSES = 10000,
};

static void wait(void)
{
    for (int i = 0; i < PAUSES; i++)
        port_pause();
}

_Noreturn void power_off(void)
{
    cpu_interrupts_off();
    serial_finish();                /* what was said last is to be heard */
    port_write16(PM_CONTROL_QEMU, SLEEP_NOW);
    port_write16(PM_CONTROL_QEMU_OVMF, SLEEP_NOW);
    for (const char *word = "Shutdown"; *word != '\0'; word++)
        port_write8(BOCHS_SHUTDOWN, (uint8_t)*word);
    port_write16(PM_CONTROL_VIRTUALBOX, SLEEP_NOW_VIRTUALBOX);
    cpu_halt();
}

_Noreturn void power_restart(void)
{
    cpu_interrupts_off();
    port_write8(RESET_CONTROL, RESET_HARD);
    port_pause();
    port_write8(RESET_CONTROL, RESET_NOW);
    wait();
    port_write8(KEYBOARD_COMMAND, PULSE_RESET);
    wait();

    /* The last resort: without an interrupt table the next exception cannot
       be delivered, nor the one about that, and the CPU resets itself. */
    gates_keep(0);
    __asm__ volatile("int3");
    cpu_halt();
}
