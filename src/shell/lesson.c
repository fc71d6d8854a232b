/* SPDX-License-Identifier: MIT */
/*
 * lesson.c - chapters, pages, exercises: what the course's text says
 * (see lesson.h)
 *
 * The text is read anew each time it is asked something: it is some hundred
 * kilobytes, it does not change, and so there is nothing to keep in step.
 *
 *   L1  What lies between two fences (```) is never a title.
 *   L2  The numbers of an exercise depend on the seed and on the exercise,
 *       not on what was asked before.
 */

#include "lesson.h"

#include "print.h"

/* ---- slices ------------------------------------------------------------- */

bool slice_equal(struct slice slice, const char *text)
{
    return slice.size == text_length(text) && slice_starts_with(slice, text);
}

bool slice_starts_with(struct slice slice, const char *start)
{
    size_t i = 0;

    while (i < slice.size && start[i] != '\0' && slice.text[i] == start[i])
        i++;
    return start[i] == '\0';
}

bool slice_line(struct slice *rest, struct slice *line)
{
    size_t length = 0;

    if (rest->size == 0)
        return false;
    while (length < rest->size && rest->text[length] != '\n')
        length++;
    *line = (struct slice){ rest->text, length };
    if (length < rest->size)
        length++;
    rest->text += length;
    rest->size -= length;
    return true;
}

/* From START up to where REST begins, which is behind it in the same text. */
static struct slice slice_up_to(const char *start, struct slice rest)
{
    return (struct slice){ start, (size_t)(rest.text - start) };
}

static struct slice slice_trim(struct slice slice)
{
    while (slice.size > 0 && (*slice.text == ' ' || *slice.text == '\n')) {
        slice.text++;
        slice.size--;
    }
    while (slice.size > 0 && (slice.text[slice.size - 1] == ' '
                              || slice.text[slice.size - 1] == '\n'))
        slice.size--;
    return slice;
}

/* ---- chapters, pages, exercises ----------------------------------------- */

bool lesson_chapter(struct slice book, unsigned index, struct slice *chapter)
{
    struct slice rest = book, line;
    const char *start = NULL;
    bool fenced = false;
    unsigned seen = 0;

    while (slice_line(&rest, &line)) {
        if (slice_starts_with(line, "```"))
            fenced = !fenced;
        if (fenced || !slice_starts_with(line, "# "))
            continue;
        if (start != NULL) {
            *chapter = (struct slice){ start, (size_t)(line.text - start) };
            return true;
        }
        if (seen++ == index)
            start = line.text;
    }
    if (start != NULL)
        *chapter = slice_up_to(start, rest);
    return start != NULL;
}

bool lesson_number(struct slice chapter, unsigned *number)
{
    size_t i = 2;                       /* behind "# " */

    *number = 0;
    while (i < chapter.size && chapter.text[i] >= '0'
           && chapter.text[i] <= '9' && *number < 1000)
        *number = *number * 10 + (unsigned)(chapter.text[i++] - '0');
    return i > 2 && i < chapter.size && chapter.text[i] == '.';
}

struct slice lesson_title(struct slice chapter)
{
    struct slice line = { chapter.text, 0 };

    slice_line(&chapter, &line);
    while (line.size > 0 && *line.text != '.') {
        line.text++;
        line.size--;
    }
    if (line.size > 0) {
        line.text++;
        line.size--;
    }
    return slice_trim(line);
}

/* Cuts the next page off REST. Pages begin at `## ` and at exercises; the
 * chapter's title and goal stand on one page with its first section. What is
 * to be predicted ends before its transcript: the answer is a page of its
 * own. */
static bool page_next(struct slice *rest, struct slice *page, bool *is_goal)
{
    const char *start = rest->text;
    struct slice line, before = *rest;
    bool fenced = false, text = false, section = false, predict = false;

    *is_goal = false;
    while (slice_line(rest, &line)) {
        if (predict && slice_starts_with(line, "```heap")) {
            *rest = before;
            break;
        }
        if (!fenced && slice_starts_with(line, "```goal")) {
            if (text) {
                *rest = before;         /* the exercise is the next page */
                break;
            }
            *is_goal = true;
            start = rest->text;
            before = *rest;
            while (slice_line(rest, &line) && !slice_starts_with(line, "```"))
                before = *rest;
            *page = slice_up_to(start, before);
            return true;
        }
        if (slice_starts_with(line, "```"))
            fenced = !fenced;
        if (!fenced && slice_starts_with(line, "## ")) {
            if (section) {
                *rest = before;
                break;
            }
            section = true;
            predict = slice_starts_with(line, "## Predict");
        }
        text = text || line.size > 0;
        section = section || (text && !slice_starts_with(
            (struct slice){ start, 2 }, "# "));
        before = *rest;
    }
    *page = slice_up_to(start, *rest);
    return text;
}

bool lesson_page(struct slice chapter, unsigned index, struct slice *page,
                 bool *is_goal)
{
    do {
        if (!page_next(&chapter, page, is_goal))
            return false;
    } while (index-- > 0);
    return true;
}

bool lesson_goal(struct slice chapter, unsigned index, struct slice *goal)
{
    bool is_goal;

    while (page_next(&chapter, goal, &is_goal)) {
        if (is_goal && index-- == 0)
            return true;
    }
    return false;
}

bool goal_field(struct slice goal, const char *name, unsigned index,
                struct slice *field)
{
    struct slice line;
    bool found = false;

    while (slice_line(&goal, &line)) {
        size_t length = text_length(name);

        if (line.size > 0 && line.text[0] == ' ') {
            if (found)
                field->size = (size_t)(line.text + line.size - field->text);
            continue;
        }
        if (found)
            return true;
        if (slice_starts_with(line, name) && length < line.size
                && (line.text[length] == ':' || line.text[length] == ' ')
                && index-- == 0) {
            *field = (struct slice){ line.text + length + 1,
                                     line.size - length - 1 };
            found = true;
        }
    }
    return found;
}

/* ---- expressions -------------------------------------------------------- */

/*
 * Read from left to right by one function a level, the loosest first:
 *
 *     or   and   not   == < ...   + -   * / %   -   numbers, names, ( )
 */
struct reader {
    struct numbers *numbers;
    const char *at, *end;
    bool failed;
    unsigned depth;
};

enum { DEPTH_MOST = 16 };

static int64_t read_or(struct reader *reader);

static int64_t fail(struct reader *reader)
{
    reader->failed = true;
    return 0;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end
           && (*reader->at == ' ' || *reader->at == '\n'))
        reader->at++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether TOKEN comes next; steps over it. A word must not go on. */
static bool accept(struct reader *reader, const char *token)
{
    struct slice rest;
    size_t length = text_length(token);

    skip_blanks(reader);
    rest = (struct slice){ reader->at, (size_t)(reader->end - reader->at) };
    if (!slice_starts_with(rest, token))
        return false;
    if (is_word(token[0]) && length < rest.size && is_word(rest.text[length]))
        return false;
    reader->at += length;
    return true;
}

static int64_t read_number(struct reader *reader)
{
    uint64_t value = 0;
    unsigned base = 10;

    if (reader->at + 1 < reader->end && reader->at[0] == '0'
            && reader->at[1] == 'x') {
        reader->at += 2;
        base = 16;
    }
    for (; reader->at < reader->end && is_word(*reader->at); reader->at++) {
        char c = *reader->at;
        unsigned digit = c <= '9' ? (unsigned)(c - '0')
                                  : (unsigned)(c - 'a') + 10;

        if (digit >= base || value > UINT32_MAX)
            return fail(reader);
        value = value * base + digit;
    }
    return (int64_t)value;
}

/* Random numbers that are good enough to draw exercises from: a linear
 * congruential generator (Knuth, MMIX), of which the upper bits are used. */
static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005)
             + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* The rest of pick(LOW, HIGH, STEP), behind the bracket. */
static int64_t read_pick(struct reader *reader)
{
    int64_t low = read_or(reader), high, step = 1;

    if (!accept(reader, ","))
        return fail(reader);
    high = read_or(reader);
    if (accept(reader, ","))
        step = read_or(reader);
    if (!accept(reader, ")") || step < 1 || high < low)
        return fail(reader);
    return low + step * (int64_t)(draw(&reader->numbers->random)
                                  % (uint64_t)((high - low) / step + 1));
}

/* NAME is followed by a bracket: a letter or a number is in it. */
static int64_t read_fact_of(struct reader *reader, struct slice name)
{
    struct numbers *numbers = reader->numbers;
    struct slice word = { reader->at, 0 };
    int64_t value = 0;

    while (reader->at < reader->end && is_word(*reader->at)) {
        reader->at++;
        word.size++;
    }
    if (accept(reader, ")") && word.size > 0 && numbers->fact != NULL
            && numbers->fact(numbers->context, name, word, &value))
        return value;
    reader->at = word.text;
    value = read_or(reader);
    if (!accept(reader, ")") || numbers->fact_of == NULL
            || !numbers->fact_of(numbers->context, name, value, &value))
        return fail(reader);
    return value;
}

static int64_t read_name(struct reader *reader)
{
    struct numbers *numbers = reader->numbers;
    struct slice name = { reader->at, 0 };
    int64_t value = 0;

    while (reader->at < reader->end && is_word(*reader->at)) {
        reader->at++;
        name.size++;
    }
    if (accept(reader, "("))
        return slice_equal(name, "pick") ? read_pick(reader)
                                         : read_fact_of(reader, name);
    for (unsigned i = 0; i < numbers->count; i++) {
        struct slice known = numbers->number[i].name;

        if (known.size == name.size) {
            size_t same = 0;

            while (same < name.size && known.text[same] == name.text[same])
                same++;
            if (same == name.size)
                return numbers->number[i].value;
        }
    }
    if (numbers->fact == NULL
            || !numbers->fact(numbers->context, name, (struct slice){ 0 },
                              &value))
        return fail(reader);
    return value;
}

static int64_t read_value(struct reader *reader)
{
    int64_t value;

    skip_blanks(reader);
    if (reader->at == reader->end || reader->depth >= DEPTH_MOST)
        return fail(reader);
    if (accept(reader, "(")) {
        value = read_or(reader);
        return accept(reader, ")") ? value : fail(reader);
    }
    if (accept(reader, "-"))
        return -read_value(reader);
    if (*reader->at >= '0' && *reader->at <= '9')
        return read_number(reader);
    if (is_word(*reader->at))
        return read_name(reader);
    return fail(reader);
}

static int64_t read_product(struct reader *reader)
{
    int64_t value = read_value(reader);

    for (;;) {
        bool times = accept(reader, "*");
        bool by = !times && accept(reader, "/");
        bool rest = !times && !by && accept(reader, "%");
        int64_t other;

        if (!times && !by && !rest)
            return value;
        other = read_value(reader);
        if (reader->failed || (!times && other <= 0) || value < 0)
            return fail(reader);
        value = times ? value * other : by ? value / other : value % other;
    }
}

static int64_t read_sum(struct reader *reader)
{
    int64_t value = read_product(reader);

    for (;;) {
        if (accept(reader, "+"))
            value += read_product(reader);
        else if (accept(reader, "-"))
            value -= read_product(reader);
        else
            return value;
    }
}

static int64_t read_comparison(struct reader *reader)
{
    int64_t value = read_sum(reader);

    if (accept(reader, "=="))
        return value == read_sum(reader);
    if (accept(reader, "!="))
        return value != read_sum(reader);
    if (accept(reader, "<="))
        return value <= read_sum(reader);
    if (accept(reader, ">="))
        return value >= read_sum(reader);
    if (accept(reader, "<"))
        return value < read_sum(reader);
    if (accept(reader, ">"))
        return value > read_sum(reader);
    return value;
}

static int64_t read_not(struct reader *reader)
{
    return accept(reader, "not") ? !read_comparison(reader)
                                 : read_comparison(reader);
}

static int64_t read_and(struct reader *reader)
{
    int64_t value = read_not(reader);

    while (accept(reader, "and"))
        value = (read_not(reader) != 0) & (value != 0);
    return value;
}

static int64_t read_or(struct reader *reader)
{
    int64_t value;

    reader->depth++;
    value = read_and(reader);
    while (accept(reader, "or"))
        value = (read_and(reader) != 0) | (value != 0);
    reader->depth--;
    return value;
}

bool numbers_value(struct numbers *numbers, struct slice text, int64_t *value,
                   struct slice *rest)
{
    struct reader reader = { .numbers = numbers, .at = text.text,
                             .end = text.text + text.size };

    *value = read_or(&reader);
    skip_blanks(&reader);
    if (rest != NULL)
        *rest = (struct slice){ reader.end, 0 };
    if (reader.at < reader.end && *reader.at == ':') {
        if (rest != NULL)
            *rest = slice_trim((struct slice){
                reader.at + 1, (size_t)(reader.end - reader.at) - 1 });
    } else if (reader.at != reader.end) {
        return false;
    }
    return !reader.failed;
}

bool numbers_draw(struct numbers *numbers, struct slice goal, uint64_t seed,
                  uint32_t key)
{
    struct slice let;

    numbers->count = 0;
    numbers->random = seed * 1024 + key;
    for (int i = 0; i < 8; i++)
        draw(&numbers->random);         /* far from the seed */
    for (unsigned i = 0; goal_field(goal, "let", i, &let); i++) {
        struct slice name = { let.text, 0 };
        int64_t value;

        while (name.size < let.size && is_word(let.text[name.size]))
            name.size++;
        let.text += name.size;
        let.size -= name.size;
        let = slice_trim(let);
        if (let.size == 0 || *let.text != '=' || i == NUMBERS_MAX)
            return false;
        let.text++;
        let.size--;
        if (!numbers_value(numbers, let, &value, NULL))
            return false;
        numbers->number[i].name = name;
        numbers->number[i].value = value;
        numbers->count = i + 1;
    }
    return true;
}

bool numbers_fill_in(struct numbers *numbers, struct slice text, char *out,
                     size_t size)
{
    size_t length = 0;

    text = slice_trim(text);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.text[i] == '\n' ? ' ' : text.text[i];

        if (c == ' ' && length > 0 && out[length - 1] == ' ')
            continue;
        if (c == '{') {
            struct slice inside = { text.text + ++i, 0 };
            int64_t value;

            while (i < text.size && text.text[i] != '}') {
                inside.size++;
                i++;
            }
            if (!numbers_value(numbers, inside, &value, NULL))
                return false;
            if (length < size)
                print_text(out + length, size - length, "%lld",
                           (long long)value);
            while (length < size - 1 && out[length] != '\0')
                length++;
        } else if (length < size - 1) {
            out[length++] = c;
        }
    }
    out[length] = '\0';
    return true;
}
