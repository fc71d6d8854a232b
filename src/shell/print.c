/* SPDX-License-Identifier: MIT */
/*
 * print.c - numbers and words as text (see print.h)
 *
 * A conversion is first read into a structure, then its argument is turned
 * into a run of characters, then that run is padded to its width. Only the
 * second step differs from one conversion to the next.
 */

#include "print.h"

/* Where characters go. */
struct sink {
    void (*put)(void *context, char c);
    void *context;
};

/* What stands between a % and its letter. */
struct conversion {
    bool left;          /* '-': pad on the right */
    bool zero;          /* '0': pad with zeros */
    int  width;         /* at least so many characters */
    int  precision;     /* of a %s at most so many; -1: all */
    bool is_64_bit;     /* ll */
    bool is_size;       /* z */
    char letter;
};

enum { DIGITS_MAX = 20 };   /* 2^64 - 1 in decimal */

static void put_many(const struct sink *sink, char c, int count)
{
    while (count-- > 0)
        sink->put(sink->context, c);
}

/* Puts COUNT characters at TEXT, padded as CONVERSION asks. */
static void put_padded(const struct sink *sink,
                       const struct conversion *conversion,
                       const char *text, int count)
{
    int padding = conversion->width - count;

    if (!conversion->left)
        put_many(sink, ' ', padding);
    for (int i = 0; i < count; i++)
        sink->put(sink->context, text[i]);
    if (conversion->left)
        put_many(sink, ' ', padding);
}

static void put_string(const struct sink *sink,
                       const struct conversion *conversion, const char *text)
{
    int count = 0;

    if (text == NULL)
        text = "(nothing)";
    while (text[count] != '\0' && count != conversion->precision)
        count++;
    put_padded(sink, conversion, text, count);
}

/* Puts VALUE in BASE, with a '-' before it if IS_NEGATIVE. */
static void put_number(const struct sink *sink,
                       const struct conversion *conversion,
                       uint64_t value, unsigned base, bool is_negative)
{
    char digits[DIGITS_MAX + 1];
    int at = (int)sizeof(digits);
    int count;

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    count = (int)sizeof(digits) - at;

    if (conversion->zero && !conversion->left) {
        if (is_negative)
            sink->put(sink->context, '-');
        put_many(sink, '0', conversion->width - count - is_negative);
        for (int i = 0; i < count; i++)
            sink->put(sink->context, digits[at + i]);
        return;
    }
    if (is_negative) {          /* the sign has a place: 20 digits at most
                                   with 64 bits, 19 with a sign */
        digits[--at] = '-';
        count++;
    }
    put_padded(sink, conversion, &digits[at], count);
}

static const char *read_number(const char *at, int *number)
{
    *number = 0;
    while (*at >= '0' && *at <= '9' && *number < 10000)
        *number = *number * 10 + (*at++ - '0');
    return at;
}

void print_list(void (*put)(void *context, char c), void *context,
                const char *format, va_list list)
{
    const struct sink sink = { put, context };
    const char *at = format;

    while (*at != '\0') {
        struct conversion conversion = { .precision = -1 };
        const char *start = at;

        if (*at != '%') {
            put(context, *at++);
            continue;
        }
        at++;
        for (; *at == '-' || *at == '0'; at++) {
            conversion.left = conversion.left || *at == '-';
            conversion.zero = conversion.zero || *at == '0';
        }
        if (*at == '*') {
            conversion.width = va_arg(list, int);
            if (conversion.width < 0) {     /* as in C: to the left */
                conversion.left = true;
                conversion.width = -conversion.width;
            }
            at++;
        } else {
            at = read_number(at, &conversion.width);
        }
        if (*at == '.') {
            at++;
            if (*at == '*') {
                conversion.precision = va_arg(list, int);
                at++;
            } else {
                at = read_number(at, &conversion.precision);
            }
        }
        if (at[0] == 'l' && at[1] == 'l') {
            conversion.is_64_bit = true;
            at += 2;
        } else if (*at == 'z') {
            conversion.is_size = true;
            at++;
        }
        conversion.letter = *at;
        if (*at != '\0')
            at++;

        switch (conversion.letter) {
        case '%':
            put(context, '%');
            break;
        case 'c': {
            char c = (char)va_arg(list, int);

            put_padded(&sink, &conversion, &c, 1);
            break;
        }
        case 's':
            put_string(&sink, &conversion, va_arg(list, const char *));
            break;
        case 'd': {
            int64_t value = conversion.is_64_bit ? va_arg(list, long long)
                                                 : va_arg(list, int);
            /* -2^63 has no positive twin: negate as unsigned. */
            uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

            put_number(&sink, &conversion, size, 10, value < 0);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value = conversion.is_64_bit
                                 ? va_arg(list, unsigned long long)
                             : conversion.is_size ? va_arg(list, size_t)
                                                  : va_arg(list, unsigned);

            put_number(&sink, &conversion, value,
                       conversion.letter == 'x' ? 16 : 10, false);
            break;
        }
        default:
            while (start < at)
                put(context, *start++);
        }
    }
}

/* ---- into a buffer ------------------------------------------------------ */

struct buffer {
    char  *out;
    size_t size;
    size_t length;      /* of the whole text, cut or not */
};

static void buffer_put(void *context, char c)
{
    struct buffer *buffer = context;

    if (buffer->length + 1 < buffer->size)
        buffer->out[buffer->length] = c;
    buffer->length++;
}

size_t print_text(char *out, size_t size, const char *format, ...)
{
    struct buffer buffer = { out, size, 0 };
    va_list list;

    va_start(list, format);
    print_list(buffer_put, &buffer, format, list);
    va_end(list);
    if (size > 0)
        out[buffer.length < size ? buffer.length : size - 1] = '\0';
    return buffer.length;
}

/* ---- short texts -------------------------------------------------------- */

const char *print_percent(struct short_text *text, uint64_t part,
                          uint64_t whole)
{
    uint64_t tenths;

    if (whole == 0)
        return "-";
    while (part > UINT64_MAX / 4000 || whole > UINT64_MAX / 4) {
        part >>= 1;             /* keeps the ratio, to one part in 2^52 */
        whole >>= 1;
    }
    tenths = (part * 2000 + whole) / (whole * 2);
    print_text(text->text, sizeof(text->text), "%llu.%u%%",
               (wide)(tenths / 10), (unsigned)(tenths % 10));
    return text->text;
}

const char *print_size(struct short_text *text, uint64_t size)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
                                         "TiB" };
    unsigned unit = 0;

    while (size != 0 && size % 1024 == 0 && unit < 4) {
        size /= 1024;
        unit++;
    }
    print_text(text->text, sizeof(text->text), "%llu %s", (wide)size,
               size == 1 && unit == 0 ? "byte" : units[unit]);
    return text->text;
}

const char *print_letters(struct short_text *text, uint32_t index)
{
    size_t at = sizeof(text->text) - 1;
    uint64_t rest = (uint64_t)index + 1;    /* a = 1: there is no zero */

    text->text[at] = '\0';
    while (rest != 0) {
        rest--;
        text->text[--at] = (char)('a' + rest % 26);
        rest /= 26;
    }
    return &text->text[at];
}

const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- what <string.h> would have ----------------------------------------- */

size_t text_length(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

bool text_equal(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return *a == *b;
}

bool text_starts_with(const char *text, const char *start)
{
    while (*start != '\0') {
        if (*text++ != *start++)
            return false;
    }
    return true;
}
