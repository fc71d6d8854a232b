/* SPDX-License-Identifier: MIT */
/*
 * test_parse.c - words, numbers and letters are read as documented
 *
 * sources: src/shell/parse.c src/shell/print.c
 */

#include "shell/parse.h"
#include "shell/print.h"
#include "support.h"

/* The commands of LINE, each as its words joined by '_', joined by '|'. */
static void cut(const char *line, const char *expected)
{
    char *copy = exact_copy(line, strlen(line) + 1), *at = copy;
    char out[512] = "";
    struct words words;

    while (parse_words(&at, &words)) {
        if (out[0] != '\0')
            strcat(out, "|");
        for (int i = 0; i < words.count; i++) {
            strcat(out, i == 0 ? "" : "_");
            strcat(out, words.word[i]);
        }
        strcat(out, words.count == 0 ? "()" : "");
    }
    assert_string_equal(out, expected);
    free(copy);
}

static void lines_are_cut_into_commands_and_words(void **state)
{
    (void)state;
    cut("", "");
    cut("   ", "()");
    cut("alloc 24", "alloc_24");
    cut("  alloc   24  ", "alloc_24");
    cut("alloc\t24\r", "alloc_24");
    cut("alloc 24; dump", "alloc_24|dump");
    cut("alloc 24;dump;", "alloc_24|dump");
    cut(";;dump", "()|()|dump");
    cut("dump # and; not this", "dump");
    cut("dump#", "dump");
    cut("# nothing", "()");
    cut("a;b#c;d", "a|b");
}

static void words_beyond_the_most_are_noticed(void **state)
{
    char line[4 * WORDS_MAX] = "", *at = line;
    struct words words;

    (void)state;
    for (int i = 0; i < WORDS_MAX; i++)
        strcat(line, "w ");
    assert_true(parse_words(&at, &words));
    assert_int_equal(words.count, WORDS_MAX);
    assert_false(words.too_many);

    line[0] = '\0';
    for (int i = 0; i < WORDS_MAX + 1; i++)
        strcat(line, "w ");
    at = line;
    assert_true(parse_words(&at, &words));
    assert_int_equal(words.count, WORDS_MAX);
    assert_true(words.too_many);
}

static void number(const char *word, enum parse_result expected,
                   uint64_t value)
{
    uint64_t read = 12345;
    enum parse_result result = parse_number(word, &read);

    if (result != expected)
        fail_msg("%s is read as %d, not %d", word, result, expected);
    if (result == PARSE_OK && read != value)
        fail_msg("%s is read as %llu", word, (wide)read);
}

static void numbers_have_bases_suffixes_and_a_limit(void **state)
{
    (void)state;
    number("0", PARSE_OK, 0);
    number("24", PARSE_OK, 24);
    number("007", PARSE_OK, 7);
    number("0x18", PARSE_OK, 24);
    number("0XfF", PARSE_OK, 255);
    number("4K", PARSE_OK, 4096);
    number("4k", PARSE_OK, 4096);
    number("0x10K", PARSE_OK, 16384);
    number("2M", PARSE_OK, 2 << 20);
    number("3G", PARSE_OK, (uint64_t)3 << 30);
    number("18446744073709551615", PARSE_OK, UINT64_MAX);
    number("0xffffffffffffffff", PARSE_OK, UINT64_MAX);
    number("18014398509481983K", PARSE_OK, 18014398509481983u * 1024);

    number("18446744073709551616", PARSE_TOO_LARGE, 0);
    number("0x10000000000000000", PARSE_TOO_LARGE, 0);
    number("18014398509481984K", PARSE_TOO_LARGE, 0);
    number("99999999999999999999999999", PARSE_TOO_LARGE, 0);
    number("17179869184G", PARSE_TOO_LARGE, 0);

    number("", PARSE_NOT_ONE, 0);
    number("x", PARSE_NOT_ONE, 0);
    number("0x", PARSE_NOT_ONE, 0);
    number("0xg", PARSE_NOT_ONE, 0);
    number("-1", PARSE_NOT_ONE, 0);
    number("+1", PARSE_NOT_ONE, 0);
    number("12a", PARSE_NOT_ONE, 0);
    number("4KB", PARSE_NOT_ONE, 0);
    number("4KK", PARSE_NOT_ONE, 0);
    number("K", PARSE_NOT_ONE, 0);
    number("99999999999999999999999999x", PARSE_NOT_ONE, 0);
}

static void offsets_may_have_a_plus(void **state)
{
    uint64_t at = 0;

    (void)state;
    assert_int_equal(parse_offset("+0x40", &at), PARSE_OK);
    assert_int_equal(at, 0x40);
    assert_int_equal(parse_offset("0x40", &at), PARSE_OK);
    assert_int_equal(at, 0x40);
    assert_int_equal(parse_offset("64", &at), PARSE_OK);
    assert_int_equal(at, 64);
    assert_int_equal(parse_offset("++0x40", &at), PARSE_NOT_ONE);
    assert_int_equal(parse_offset("+", &at), PARSE_NOT_ONE);
    assert_int_equal(parse_offset("+-1", &at), PARSE_NOT_ONE);
}

static void letters_are_read_as_they_are_printed(void **state)
{
    static const uint32_t far[] = { 701, 702, 18277, 18278, 475253, 475254,
                                    UINT32_MAX - 1, UINT32_MAX };
    struct short_text text;
    uint32_t index;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        assert_int_equal(parse_letters(print_letters(&text, i), &index),
                         PARSE_OK);
        assert_int_equal(index, i);
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        assert_int_equal(parse_letters(print_letters(&text, far[i]), &index),
                         PARSE_OK);
        assert_true(index == far[i]);
    }
    assert_int_equal(parse_letters("mwlqkww", &index), PARSE_TOO_LARGE);
    assert_int_equal(parse_letters("zzzzzzzzzzzzzzzzzzzz", &index),
                     PARSE_TOO_LARGE);
    assert_int_equal(parse_letters("", &index), PARSE_NOT_ONE);
    assert_int_equal(parse_letters("A", &index), PARSE_NOT_ONE);
    assert_int_equal(parse_letters("a1", &index), PARSE_NOT_ONE);
    assert_int_equal(parse_letters("zzzzzzzzzzzzzzzzzzz9", &index),
                     PARSE_NOT_ONE);
}

static void switches_are_on_or_off(void **state)
{
    bool on = false;

    (void)state;
    assert_int_equal(parse_switch("on", &on), PARSE_OK);
    assert_true(on);
    assert_int_equal(parse_switch("off", &on), PARSE_OK);
    assert_false(on);
    on = true;
    assert_int_equal(parse_switch("ON", &on), PARSE_NOT_ONE);
    assert_int_equal(parse_switch("", &on), PARSE_NOT_ONE);
    assert_true(on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_into_commands_and_words),
        cmocka_unit_test(words_beyond_the_most_are_noticed),
        cmocka_unit_test(numbers_have_bases_suffixes_and_a_limit),
        cmocka_unit_test(offsets_may_have_a_plus),
        cmocka_unit_test(letters_are_read_as_they_are_printed),
        cmocka_unit_test(switches_are_on_or_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
