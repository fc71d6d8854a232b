/* SPDX-License-Identifier: MIT */
/*
 * power.h - ending and restarting the machine
 */
#ifndef X86_POWER_H
#define X86_POWER_H

_Noreturn void power_off(void);
_Noreturn void power_restart(void);

#endif
