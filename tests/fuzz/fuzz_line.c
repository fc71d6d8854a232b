/* SPDX-License-Identifier: MIT */
/*
 * fuzz_line.c - any bytes typed at the line editor; what comes out is cut into
 * words, and each word is read as a number
 *
 * sources: src/shell/line.c src/shell/parse.c src/shell/print.c
 */
#include "fuzz.h"

#include "shell/line.h"
#include "shell/parse.h"

static size_t shown;

static void show(void *context, const char *text, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++)
        shown += (unsigned char)text[i];
}

static const char *candidate(void *context, const char *text, size_t start,
                             unsigned index)
{
    static const char *const words[] = { "alloc", "all", "free", "frames" };

    (void)context;
    FUZZ_EXPECT(start <= strlen(text), "a word that starts behind the text");
    return index < 4 ? words[index] : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line_owner owner = { .write = show, .candidate = candidate };
    struct fuzz fuzz = { data, size };
    struct line *line = malloc(sizeof *line);
    uint32_t how = fuzz_byte(&fuzz);
    int columns = 1 + (int)(how >> 1);

    FUZZ_EXPECT(line != NULL, "out of memory");
    line_init(line, &owner, "heap> ");
    line_begin(line, columns, how & 1);
    while (fuzz.size > 0) {
        enum line_event event = line_feed(line,
                                          (unsigned char)fuzz_byte(&fuzz));

        FUZZ_EXPECT(line->length < LINE_SIZE && line->cursor <= line->length &&
                    strlen(line->text) == line->length,
                    "the line's account of itself is wrong");
        if (event == LINE_TYPING)
            continue;
        if (event == LINE_DONE) {
            char *copy = fuzz_exact(line->text, line->length + 1), *at = copy;
            struct words words;
            uint64_t number;

            for (uint32_t i = 0; parse_words(&at, &words); i++) {
                FUZZ_EXPECT(words.count <= WORDS_MAX && i <= LINE_SIZE,
                            "more words than there can be");
                for (int k = 0; k < words.count; k++) {
                    FUZZ_EXPECT(words.word[k] >= copy &&
                                words.word[k] <= copy + line->length,
                                "a word outside the line");
                    parse_number(words.word[k], &number);
                }
            }
            free(copy);
        }
        line_begin(line, columns, how & 1);
    }
    free(line);
    return 0;
}
