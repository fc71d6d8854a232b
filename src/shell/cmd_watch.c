/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch.c - watch, screen: the live map and the terminal it is drawn on
 */

#include "command.h"
#include "watch.h"

void cmd_watch(struct session *session, const struct words *words)
{
    bool on = session->watch != NULL;

    if (words->count == 1) {
        say(session, "watch is %s\n", on ? "on" : "off");
    } else if (words->count > 2
               || parse_switch(words->word[1], &on) != PARSE_OK) {
        refuse(session, "watch is on or off: watch on");
    } else if (on) {
        watch_open(session);
    } else {
        watch_close(session);
    }
}

/* Reads "132x43". */
static bool size_read(const char *word, int *columns, int *rows)
{
    int numbers[2] = { 0, 0 }, which = 0, digits = 0;

    for (; *word != '\0'; word++) {
        if (*word == 'x' && which == 0 && digits > 0) {
            which = 1;
            digits = 0;
        } else if (*word >= '0' && *word <= '9' && ++digits <= 4) {
            numbers[which] = numbers[which] * 10 + (*word - '0');
        } else {
            return false;
        }
    }
    *columns = numbers[0];
    *rows = numbers[1];
    return which == 1 && digits > 0;
}

void cmd_screen(struct session *session, const struct words *words)
{
    int columns, rows;

    if (words->count == 1) {
        if (session->terminal_columns == 0)
            say(session, "The terminal's size was not said; 80x24 is taken "
                         "where it cannot be found out.\n");
        else
            say(session, "The terminal is %dx%d.\n",
                session->terminal_columns, session->terminal_rows);
        return;
    }
    if (words->count != 2 || !size_read(words->word[1], &columns, &rows)) {
        refuse(session, "screen takes columns and rows of the terminal: "
                        "screen 132x43");
        return;
    }
    if (columns < WATCH_COLUMNS_MIN || rows < WATCH_ROWS_MIN) {
        refuse(session, "a terminal of %dx%d is too small: %dx%d or more",
               columns, rows, WATCH_COLUMNS_MIN, WATCH_ROWS_MIN);
        return;
    }
    session->terminal_columns = columns;
    session->terminal_rows = rows;
}
