/* SPDX-License-Identifier: MIT */
/*
 * line.c - line editing: bytes go in, a line comes out (see line.h)
 *
 * Every key is one small function that changes the text or the cursor and
 * then calls line_show(). Between any two keys these hold:
 *
 *   L1  cursor <= length < LINE_SIZE, and text[length] is '\0'.
 *   L2  Not in plain mode: shift <= cursor, and the cursor is in the window.
 *   L3  In plain mode: cursor == length.
 *   L4  The display's cursor stands where the next typed character belongs.
 */

#include "line.h"
#include "print.h"

/* Control characters, by the key that is held with Ctrl. */
#define CTRL(key) ((key) & 0x1f)

enum {
    ESCAPE    = 0x1b,
    BACKSPACE = 0x7f,           /* or Ctrl-H: terminals do not agree */
};

/* line->escape: what has come of an escape sequence. */
enum {
    ESCAPE_NONE,
    ESCAPE_BEGUN,               /* ESC */
    ESCAPE_BRACKET,             /* ESC [ and perhaps numbers */
    ESCAPE_LETTER,              /* ESC O: one letter follows */
};

/* ---- showing ------------------------------------------------------------ */

static void line_write(struct line *line, const char *text, size_t size)
{
    if (size > 0)
        line->owner.write(line->owner.context, text, size);
}

static void line_write_text(struct line *line, const char *text)
{
    line_write(line, text, text_length(text));
}

/* How many characters of the text fit in the row, behind the prompt. The last
 * column stays free: terminals differ in what they do when it is written. */
static size_t line_window(const struct line *line)
{
    int room = line->columns - 1 - (int)text_length(line->prompt);

    return room < 8 ? 8 : (size_t)room;
}

/* Moves the window so that the cursor is in it: L2. True if it moved. */
static bool line_follow(struct line *line)
{
    size_t window = line_window(line);
    size_t before = line->shift;

    if (line->cursor < line->shift)
        line->shift = line->cursor;
    if (line->cursor - line->shift > window)
        line->shift = line->cursor - window;
    return line->shift != before;
}

/* Draws prompt and text where the cursor's row is. Establishes L4. */
static void line_draw(struct line *line)
{
    size_t shown = line->length - line->shift;
    size_t window = line_window(line);
    size_t back;
    char move[16];

    if (shown > window)
        shown = window;
    line_write_text(line, "\r");
    line_write_text(line, line->prompt);
    line_write(line, &line->text[line->shift], shown);
    line_write_text(line, "\x1b[K");
    back = line->shift + shown - line->cursor;
    if (back > 0) {
        print_text(move, sizeof(move), "\x1b[%uD", (unsigned)back);
        line_write_text(line, move);
    }
}

/* Shows the line after it changed other than by typing at its end. */
static void line_show(struct line *line)
{
    if (line->plain) {
        line->cursor = line->length;                /* L3 */
        line_write_text(line, "\n");
        line_write_text(line, line->prompt);
        line_write(line, line->text, line->length);
        return;
    }
    line_follow(line);
    line_draw(line);
}

static void line_bell(struct line *line)
{
    if (!line->plain)
        line_write_text(line, "\a");
}

/* ---- changing the text -------------------------------------------------- */

static void copy_text(char *to, const char *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
    to[count] = '\0';
}

/* Makes room for COUNT characters before the cursor, puts TEXT there, moves
 * the cursor behind it. What does not fit is counted as lost, whole. */
static bool line_insert(struct line *line, const char *text, size_t count)
{
    if (count > LINE_SIZE - 1 - line->length) {
        line->lost += count;
        return false;
    }
    for (size_t i = line->length + 1; i > line->cursor; i--)
        line->text[i - 1 + count] = line->text[i - 1];
    for (size_t i = 0; i < count; i++)
        line->text[line->cursor + i] = text[i];
    line->cursor += count;
    line->length += count;
    return true;
}

/* Takes out the characters [START, END). The cursor moves to START. */
static void line_remove(struct line *line, size_t start, size_t end)
{
    for (size_t i = end; i <= line->length; i++)
        line->text[start + (i - end)] = line->text[i];
    line->length -= end - start;
    line->cursor = start;
    line->lost = 0;             /* there is room again: the person saw that
                                   the line was full, and made it shorter */
}

/* The same, and Ctrl-Y will put them back. */
static void line_cut(struct line *line, size_t start, size_t end)
{
    if (start == end)
        return;
    copy_text(line->cut, &line->text[start], end - start);
    line_remove(line, start, end);
    line_show(line);
}

static void line_replace(struct line *line, const char *text)
{
    line->length = text_length(text);
    copy_text(line->text, text, line->length);
    line->cursor = line->length;
    line->lost = 0;
}

/* ---- moving ------------------------------------------------------------- */

static void line_move(struct line *line, size_t to)
{
    if (line->plain || to == line->cursor)
        return;                 /* plain: there is nothing to move (L3) */
    line->cursor = to;
    line_show(line);
}

static size_t word_left(const struct line *line)
{
    size_t at = line->cursor;

    while (at > 0 && line->text[at - 1] == ' ')
        at--;
    while (at > 0 && line->text[at - 1] != ' ')
        at--;
    return at;
}

static size_t word_right(const struct line *line)
{
    size_t at = line->cursor;

    while (at < line->length && line->text[at] == ' ')
        at++;
    while (at < line->length && line->text[at] != ' ')
        at++;
    return at;
}

/* ---- older lines -------------------------------------------------------- */

/* The line that was remembered BACK lines ago; 1 is the last. */
static char *history_line(struct line *line, size_t back)
{
    return line->history[(line->history_end - back) % LINE_HISTORY];
}

static size_t history_count(const struct line *line)
{
    return line->history_end < LINE_HISTORY ? line->history_end
                                            : LINE_HISTORY;
}

/* Remembers the text, unless it is empty or the same as the last. */
static void history_insert(struct line *line)
{
    if (line->length == 0)
        return;
    if (line->history_end > 0
            && text_equal(history_line(line, 1), line->text))
        return;
    copy_text(line->history[line->history_end % LINE_HISTORY], line->text,
              line->length);
    line->history_end++;
}

/* Shows the line of BACK lines ago; 0 is the new one, as it was left. */
static void history_show(struct line *line, size_t back)
{
    if (line->history_back == 0)
        copy_text(line->draft, line->text, line->length);
    line->history_back = back;
    line_replace(line, back == 0 ? line->draft : history_line(line, back));
    line_show(line);
}

/* ---- completion --------------------------------------------------------- */

/* Where the word begins in which the cursor stands. */
static size_t word_start(const struct line *line)
{
    size_t at = line->cursor;

    while (at > 0 && line->text[at - 1] != ' ' && line->text[at - 1] != ';')
        at--;
    return at;
}

/* The next candidate from *INDEX on that begins with the COUNT characters at
 * WORD, or NULL. */
static const char *candidate_find(struct line *line, size_t start,
                                  unsigned *index)
{
    size_t count = line->cursor - start;
    const char *text;

    while ((text = line->owner.candidate(line->owner.context, line->text,
                                         start, (*index)++)) != NULL) {
        size_t same = 0;

        while (same < count && text[same] == line->text[start + same])
            same++;             /* stops at the candidate's '\0', too */
        if (same == count)
            return text;
    }
    return NULL;
}

/* Shows all candidates below the line, and the line again. */
static void candidates_show(struct line *line, size_t start)
{
    unsigned index = 0;
    const char *text;

    while ((text = candidate_find(line, start, &index)) != NULL) {
        line_write_text(line, "\n  ");
        line_write_text(line, text);
    }
    line_write_text(line, "\n");
    line_show(line);
}

/*
 * Completes the word before the cursor as far as all candidates agree; adds a
 * blank if there is only one. If there is nothing to add, the second Tab in a
 * row shows what there is.
 */
static void line_complete(struct line *line, bool again)
{
    size_t start = word_start(line);
    size_t typed = line->cursor - start;
    char common[LINE_SIZE];
    size_t length = 0;
    unsigned index = 0;
    unsigned count = 0;
    const char *text;

    while ((text = candidate_find(line, start, &index)) != NULL) {
        size_t same = 0;

        if (count++ == 0) {
            while (text[length] != '\0' && length < LINE_SIZE - 2) {
                common[length] = text[length];
                length++;
            }
            continue;
        }
        while (same < length && text[same] == common[same])
            same++;
        length = same;
    }
    if (count == 0) {
        line_bell(line);
        return;
    }
    if (count == 1)
        common[length++] = ' ';
    if (length > typed) {
        line_insert(line, &common[typed], length - typed);
        line_show(line);
    } else if (again) {
        candidates_show(line, start);
    } else {
        line_bell(line);
        line->after_tab = true;
    }
}

/* ---- keys --------------------------------------------------------------- */

/* A character that stands for itself. */
static void line_type(struct line *line, char c)
{
    bool at_end = line->cursor == line->length;

    if (!line_insert(line, &c, 1)) {
        line_bell(line);
        return;
    }
    if (line->plain || (at_end && !line_follow(line)))
        line_write(line, &c, 1);
    else
        line_show(line);
}

static void key_backspace(struct line *line)
{
    if (line->cursor == 0) {
        line_bell(line);
        return;
    }
    line_remove(line, line->cursor - 1, line->cursor);
    line_show(line);
}

static void key_delete(struct line *line)
{
    if (line->cursor == line->length) {
        line_bell(line);
        return;
    }
    line_remove(line, line->cursor, line->cursor + 1);
    line_show(line);
}

static void key_up(struct line *line)
{
    if (line->history_back < history_count(line))
        history_show(line, line->history_back + 1);
    else
        line_bell(line);
}

static void key_down(struct line *line)
{
    if (line->history_back > 0)
        history_show(line, line->history_back - 1);
    else
        line_bell(line);
}

static void key_yank(struct line *line)
{
    if (line_insert(line, line->cut, text_length(line->cut)))
        line_show(line);
    else
        line_bell(line);
}

static void key_clear(struct line *line)
{
    if (!line->plain)
        line_write_text(line, "\x1b[H\x1b[2J");
    line_show(line);
}

/* What ESC [ ... LETTER means, or ESC O LETTER. */
static void key_sequence(struct line *line, char letter)
{
    bool by_word = line->parameter == 5 || line->parameter == 3;

    switch (letter) {
    case 'A': key_up(line); break;
    case 'B': key_down(line); break;
    case 'C':
        if (by_word)                            /* with Ctrl or Alt */
            line_move(line, word_right(line));
        else if (line->cursor < line->length)
            line_move(line, line->cursor + 1);
        break;
    case 'D':
        if (by_word)
            line_move(line, word_left(line));
        else if (line->cursor > 0)
            line_move(line, line->cursor - 1);
        break;
    case 'H': line_move(line, 0); break;
    case 'F': line_move(line, line->length); break;
    case '~':
        switch (line->parameter) {
        case 1: case 7: line_move(line, 0); break;
        case 4: case 8: line_move(line, line->length); break;
        case 3: key_delete(line); break;
        default: break;
        }
        break;
    default: break;         /* a key that we have no use for */
    }
}

/* Takes a BYTE that belongs to an escape sequence. */
static void line_escape(struct line *line, unsigned char byte)
{
    switch (line->escape) {
    case ESCAPE_BEGUN:
        line->parameter = 0;
        if (byte == '[') {
            line->escape = ESCAPE_BRACKET;
        } else if (byte == 'O') {
            line->escape = ESCAPE_LETTER;
        } else {
            line->escape = ESCAPE_NONE;
            if (byte == 'b')
                line_move(line, word_left(line));
            else if (byte == 'f')
                line_move(line, word_right(line));
        }
        break;
    case ESCAPE_BRACKET:
        if (byte >= '0' && byte <= '9') {
            if (line->parameter < 1000)
                line->parameter = line->parameter * 10 + (byte - '0');
        } else if (byte == ';') {
            line->parameter = 0;    /* ESC [ 1 ; 5 C: only the last counts */
        } else if (byte >= 0x40 && byte <= 0x7e) {
            line->escape = ESCAPE_NONE;
            key_sequence(line, (char)byte);
        }
        break;
    default:
        line->escape = ESCAPE_NONE;
        key_sequence(line, (char)byte);
    }
}

static enum line_event line_enter(struct line *line)
{
    line_write_text(line, "\n");
    history_insert(line);
    return line->lost > 0 ? LINE_TOO_LONG : LINE_DONE;
}

/* ---- what the owner calls ----------------------------------------------- */

void line_init(struct line *line, const struct line_owner *owner,
               const char *prompt)
{
    line->owner = *owner;
    line->prompt = prompt;
    line->text[0] = '\0';
    line->cut[0] = '\0';
    line->history_end = 0;
    line->after_return = false;
    line->escape = ESCAPE_NONE;
}

void line_begin(struct line *line, int columns, bool plain)
{
    line->columns = columns;
    line->plain = plain;
    line->text[0] = '\0';
    line->length = 0;
    line->cursor = 0;
    line->shift = 0;
    line->lost = 0;
    line->history_back = 0;
    line->after_tab = false;
    line_write_text(line, line->prompt);
}

bool line_is_empty(const struct line *line)
{
    return line->length == 0 && line->lost == 0;
}

enum line_event line_feed(struct line *line, unsigned char byte)
{
    bool after_return = line->after_return;
    bool after_tab = line->after_tab;

    line->after_return = false;
    line->after_tab = false;

    if (line->escape != ESCAPE_NONE) {
        line_escape(line, byte);
        return LINE_TYPING;
    }
    switch (byte) {
    case '\n':
        return after_return ? LINE_TYPING : line_enter(line);
    case '\r':
        line->after_return = true;
        return line_enter(line);
    case CTRL('C'):
        if (line->plain || line->cursor - line->shift + 2
                               <= line_window(line))
            line_write_text(line, "^C");
        line_write_text(line, "\n");
        return LINE_CANCELLED;
    case CTRL('D'):
        if (line_is_empty(line)) {
            line_write_text(line, "\n");
            return LINE_END;
        }
        key_delete(line);
        break;
    case '\t':
        if (line->plain)        /* a script's Tab is a blank */
            line_type(line, ' ');
        else
            line_complete(line, after_tab);
        break;
    case ESCAPE: line->escape = ESCAPE_BEGUN; break;
    case BACKSPACE:
    case CTRL('H'): key_backspace(line); break;
    case CTRL('A'): line_move(line, 0); break;
    case CTRL('E'): line_move(line, line->length); break;
    case CTRL('B'):
        if (line->cursor > 0)
            line_move(line, line->cursor - 1);
        break;
    case CTRL('F'):
        if (line->cursor < line->length)
            line_move(line, line->cursor + 1);
        break;
    case CTRL('K'): line_cut(line, line->cursor, line->length); break;
    case CTRL('U'): line_cut(line, 0, line->cursor); break;
    case CTRL('W'): line_cut(line, word_left(line), line->cursor); break;
    case CTRL('Y'): key_yank(line); break;
    case CTRL('P'): key_up(line); break;
    case CTRL('N'): key_down(line); break;
    case CTRL('L'): key_clear(line); break;
    default:
        if (byte >= ' ' && byte < 0x7f)
            line_type(line, (char)byte);
        else if (byte >= 0xc0)
            line_type(line, '?');   /* a letter that we do not have (the
                                       first byte of it, in UTF-8): seen,
                                       and refused with its command */
    }
    return LINE_TYPING;
}
