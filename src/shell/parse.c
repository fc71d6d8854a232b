/* SPDX-License-Identifier: MIT */
/*
 * parse.c - from a typed line to words, numbers and names of blocks
 * (see parse.h)
 */

#include "parse.h"
#include "print.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether C ends a command: nothing of it comes behind. */
static bool is_end(char c)
{
    return c == '\0' || c == ';' || c == '#';
}

bool parse_words(char **line, struct words *words)
{
    char *at = *line;

    words->count = 0;
    words->too_many = false;
    if (*at == '\0')
        return false;

    while (!is_end(*at)) {
        char *word = at;

        if (is_blank(*at)) {
            at++;
            continue;
        }
        while (!is_end(*at) && !is_blank(*at))
            at++;
        if (words->count < WORDS_MAX)
            words->word[words->count++] = word;
        else
            words->too_many = true;
        if (is_blank(*at))
            *at++ = '\0';
    }
    if (*at == ';') {
        *at++ = '\0';
    } else {                        /* a comment: the line ends here */
        *at = '\0';
    }
    *line = at;
    return true;
}

/* What C is worth as a digit; 16 and more if it is none in any base. */
static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* Multiplies *NUMBER by FACTOR and adds EXTRA; false if that overflows, and
 * then *NUMBER stays at the top. */
static bool scale(uint64_t *number, uint64_t factor, uint64_t extra)
{
    if (*number > (UINT64_MAX - extra) / factor) {
        *number = UINT64_MAX;
        return false;
    }
    *number = *number * factor + extra;
    return true;
}

enum parse_result parse_number(const char *word, uint64_t *number)
{
    const char *at = word;
    unsigned base = 10;
    bool fits = true;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    if (digit_of(*at) >= base)
        return PARSE_NOT_ONE;
    *number = 0;
    for (; digit_of(*at) < base; at++) {
        if (fits)
            fits = scale(number, base, digit_of(*at));
    }
    if (*at != '\0') {
        unsigned shift;

        switch (*at++) {
        case 'k': case 'K': shift = 10; break;
        case 'm': case 'M': shift = 20; break;
        case 'g': case 'G': shift = 30; break;
        default: return PARSE_NOT_ONE;
        }
        if (fits)
            fits = scale(number, (uint64_t)1 << shift, 0);
    }
    if (*at != '\0')
        return PARSE_NOT_ONE;
    return fits ? PARSE_OK : PARSE_TOO_LARGE;
}

enum parse_result parse_offset(const char *word, uint64_t *offset)
{
    return parse_number(*word == '+' ? word + 1 : word, offset);
}

enum parse_result parse_letters(const char *word, uint32_t *index)
{
    uint64_t number = 0;            /* a = 1, so that "aa" is not "a" */
    bool fits = true;

    if (*word == '\0')
        return PARSE_NOT_ONE;
    for (; *word != '\0'; word++) {
        if (*word < 'a' || *word > 'z')
            return PARSE_NOT_ONE;
        if (fits)
            number = number * 26 + (unsigned)(*word - 'a') + 1;
        fits = fits && number - 1 <= UINT32_MAX;
    }
    if (!fits)
        return PARSE_TOO_LARGE;
    *index = (uint32_t)(number - 1);
    return PARSE_OK;
}

enum parse_result parse_switch(const char *word, bool *on)
{
    if (!text_equal(word, "on") && !text_equal(word, "off"))
        return PARSE_NOT_ONE;
    *on = text_equal(word, "on");
    return PARSE_OK;
}
