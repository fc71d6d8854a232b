/* SPDX-License-Identifier: MIT */
/*
 * impatient.c - a unit test that ends with its first failure
 *
 * Linked with the tests when mutants are tried: whether one test or ten fail
 * is all the same then, and CMocka would run them all. Its functions are found
 * here before they are found in the library.
 */
#include <signal.h>
#include <unistd.h>

_Noreturn void _fail(const char *file, int line);

/* CMocka's: an assertion does not hold. */
_Noreturn void _fail(const char *file, int line)
{
    (void)file;
    (void)line;
    _exit(9);
}

/* CMocka would catch signals and go on with the next test. */
void (*signal(int number, void (*handler)(int)))(int)
{
    (void)number;
    (void)handler;
    return SIG_DFL;
}
