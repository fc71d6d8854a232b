/* SPDX-License-Identifier: MIT */
/*
 * only.c - a unit test's program runs the one test that ONLY_TEST names
 *
 * Linked in front of CMocka by tests/planted/planted (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

int __real__cmocka_run_group_tests(const char *group,
                                   const struct CMUnitTest *tests,
                                   size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *group,
                                   const struct CMUnitTest *tests,
                                   size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);

int __wrap__cmocka_run_group_tests(const char *group,
                                   const struct CMUnitTest *tests,
                                   size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown)
{
    if (getenv("ONLY_TEST") != NULL)
        cmocka_set_test_filter(getenv("ONLY_TEST"));
    return __real__cmocka_run_group_tests(group, tests, count, setup,
                                          teardown);
}
