/* SPDX-License-Identifier: MIT */
/*
 * test_print.c - the shell's printing agrees with the C library's
 *
 * sources: src/shell/print.c
 *
 * Where snprintf() exists it is the oracle; the texts that it does not know
 * (percentages, sizes, letters) are compared with answers worked out by hand.
 */

#include "shell/print.h"
#include "support.h"

/* The same format and arguments to both. */
#define SAME(...)                                                          \
    do {                                                                   \
        char ours[80], theirs[80];                                         \
        size_t ours_length = print_text(ours, sizeof ours, __VA_ARGS__);   \
        int length = snprintf(theirs, sizeof theirs, __VA_ARGS__);         \
        assert_string_equal(ours, theirs);                                 \
        assert_int_equal(ours_length, length);                             \
    } while (0)

static void numbers_agree_with_the_c_library(void **state)
{
    static const uint64_t values[] = {
        0, 1, 9, 10, 255, 256, 4095, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX,
        10000000000000000000u,
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        wide v = values[i];

        SAME("%llu|%llx|%lld", v, v, (long long)v);
        SAME("%u|%x|%d", (unsigned)v, (unsigned)v, (int)(unsigned)v);
        SAME("%zu", (size_t)v);
        SAME("%25llu|%-25llu|%025llu", v, v, v);
        SAME("%3d|%-3d|%03d|%12d|%012d", (int)v, (int)v, (int)v, (int)v,
             (int)v);
        SAME("%08x|%2x", (unsigned)v, (unsigned)v);
        SAME("%25lld|%-25lld|%025lld", (long long)v, (long long)v,
             (long long)v);
    }
}

static void strings_agree_with_the_c_library(void **state)
{
    static const char *const texts[] = { "", "a", "abc", "hello world" };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const char *s = texts[i];

        SAME("<%s>", s);
        SAME("<%5s|%-5s>", s, s);
        SAME("<%.2s|%5.2s|%-5.2s|%.0s>", s, s, s, s);
        SAME("<%*s|%-*s|%.*s>", 7, s, 7, s, 2, s);
        SAME("<%*s>", -7, s);
        SAME("<%c%3c%-3c>%%", 'x', 'y', 'z');
    }
}

static void a_text_is_cut_where_the_room_ends(void **state)
{
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        char *out = exact_copy("zzzzzzzz", size);   /* ASan is behind it */

        assert_int_equal(print_text(out, size, "%s", "hello"), 5);
        if (size > 0)
            assert_memory_equal(out, "hello\0", size < 6 ? size - 1 : 6);
        if (size > 0 && size < 6)
            assert_int_equal(out[size - 1], '\0');
        free(out);
    }
}

static void an_unknown_conversion_prints_as_itself(void **state)
{
    char out[32];
    const char *format = "%q %s";       /* not a literal: it is wrong */

    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    print_text(out, sizeof out, format, "x");
#pragma GCC diagnostic pop
    assert_string_equal(out, "%q x");
}

static void percent(uint64_t part, uint64_t whole, const char *expected)
{
    struct short_text text;

    assert_string_equal(print_percent(&text, part, whole), expected);
}

static void percentages_are_rounded_to_a_tenth(void **state)
{
    (void)state;
    percent(0, 0, "-");
    percent(5, 0, "-");
    percent(0, 7, "0.0%");
    percent(1, 3, "33.3%");
    percent(2, 3, "66.7%");
    percent(1, 2000, "0.1%");           /* 0.05: a half goes up */
    percent(1, 2001, "0.0%");
    percent(3, 3, "100.0%");
    percent(9, 3, "300.0%");
    percent(UINT64_MAX, UINT64_MAX, "100.0%");
    percent(UINT64_MAX / 2, UINT64_MAX, "50.0%");
    percent(UINT64_MAX / 1000, UINT64_MAX, "0.1%");
}

static void size(uint64_t bytes, const char *expected)
{
    struct short_text text;

    assert_string_equal(print_size(&text, bytes), expected);
}

static void sizes_take_the_largest_unit_that_divides_them(void **state)
{
    (void)state;
    size(0, "0 bytes");
    size(1, "1 byte");
    size(1000, "1000 bytes");
    size(1024, "1 KiB");
    size(1025 * 1024, "1025 KiB");
    size(65536, "64 KiB");
    size(1 << 20, "1 MiB");
    size((uint64_t)3 << 30, "3 GiB");
    size((uint64_t)16 << 40, "16 TiB");
    size((uint64_t)1 << 63, "8388608 TiB");
    size(UINT64_MAX, "18446744073709551615 bytes");
}

static void letters_count_like_columns_of_a_sheet(void **state)
{
    struct short_text text;

    (void)state;
    assert_string_equal(print_letters(&text, 0), "a");
    assert_string_equal(print_letters(&text, 25), "z");
    assert_string_equal(print_letters(&text, 26), "aa");
    assert_string_equal(print_letters(&text, 27), "ab");
    assert_string_equal(print_letters(&text, 51), "az");
    assert_string_equal(print_letters(&text, 701), "zz");
    assert_string_equal(print_letters(&text, 702), "aaa");
    assert_string_equal(print_letters(&text, UINT32_MAX), "mwlqkwv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_agree_with_the_c_library),
        cmocka_unit_test(strings_agree_with_the_c_library),
        cmocka_unit_test(a_text_is_cut_where_the_room_ends),
        cmocka_unit_test(an_unknown_conversion_prints_as_itself),
        cmocka_unit_test(percentages_are_rounded_to_a_tenth),
        cmocka_unit_test(sizes_take_the_largest_unit_that_divides_them),
        cmocka_unit_test(letters_count_like_columns_of_a_sheet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
