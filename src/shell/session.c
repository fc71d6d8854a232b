/* SPDX-License-Identifier: MIT */
/*
 * session.c - what a shell knows while somebody uses it (see session.h)
 *
 * A byte goes session_feed() -> line_feed(); when that has a line, the line
 * goes session_run_line() -> parse_words() -> the command's function, which
 * prints with say(). The commands themselves are in cmd_*.c.
 */

#include "session.h"

#include "command.h"
#include "course.h"
#include "explain.h"
#include "home.h"
#include "past.h"
#include "stream.h"
#include "watch.h"

#include "../trace/ledger.h"

static const char prompt[] = "heap> ";

/* ---- output ------------------------------------------------------------- */

/*
 * In plain mode characters go straight out. Otherwise they are collected to
 * words, so that a row can be broken between two of them, and rows are
 * counted, so that the display can wait when it is full.
 */

static void output_write(const char *text, size_t size)
{
    if (size > 0)
        home_write(text, size);
}

/* Waits for a key, the display being full. */
static void output_pause(struct output *output)
{
    static const char question[] = "-- more: Space, Enter for a line, q --";
    int key;

    home_write("\x1b[7m", 4);
    home_write(question, sizeof(question) - 1);
    home_write("\x1b[0m", 4);
    do {
        key = home_read();
    } while (key != ' ' && key != '\r' && key != '\n' && key != 'q'
             && key != 0x03 && key >= 0);
    home_write("\r\x1b[K", 4);

    if (key == '\r' || key == '\n')
        output->rows_shown--;           /* room for one more */
    else
        output->rows_shown = 0;
    if (key == 'q' || key == 0x03) {
        output->muted = true;
        home_interrupt_clear();
    }
}

static void output_new_row(struct output *output)
{
    home_write("\n", 1);
    output->column = 0;
    output->rows_shown++;
    if (output->more && output->rows_shown >= output->rows - 1)
        output_pause(output);
}

/* Puts the pending word out, on the next row if this one has no room. */
static void output_flush(struct output *output)
{
    if (output->column + output->pending_width >= output->columns
            && output->column > 0 && output->pending_width > 0)
        output_new_row(output);
    if (!output->muted)
        output_write(output->word, output->pending);
    output->column += output->pending_width;
    output->pending = 0;
    output->pending_width = 0;
}

static void output_put(void *context, char c)
{
    struct output *output = context;

    if (output->muted || output->silent)
        return;
    if (output->plain) {
        output->word[output->pending++] = c;
        if (c == '\n' || output->pending == ROW_SIZE) {
            output_write(output->word, output->pending);
            output->pending = 0;
        }
        return;
    }
    if (output->in_escape) {            /* takes no room */
        output->word[output->pending++] = c;
        output->in_escape = !(c >= 'A' && c <= 'z' && c != '[');
    } else if (c == '\x1b') {
        output->word[output->pending++] = c;
        output->in_escape = true;
    } else if (c == '\n') {
        output_flush(output);
        if (!output->muted)             /* the flush may have paused */
            output_new_row(output);
    } else if (c == ' ') {
        output_flush(output);
        if (!output->muted && output->column + 1 < output->columns) {
            output_write(" ", 1);
            output->column++;
        }
    } else {
        output->word[output->pending++] = c;
        output->pending_width++;
    }
    if (output->pending >= ROW_SIZE - 1)
        output_flush(output);
}

/* What is pending is shown even if no blank or new line follows. */
static void output_end(struct output *output)
{
    if (output->plain) {
        output_write(output->word, output->pending);
        output->pending = 0;
    } else {
        output_flush(output);
    }
}

static void output_begin(struct session *session)
{
    struct output *output = &session->output;

    home_screen_size(&output->columns, &output->rows);
    watch_limit(session, &output->columns, &output->rows);
    if (output->columns < 20)
        output->columns = 80;
    if (output->rows < 4)
        output->rows = 25;
    output->muted = false;
    output->stopped = false;
    output->percent = 0;
    output->in_escape = false;
    output->pending = 0;
    output->pending_width = 0;
    output->column = 0;
    output->rows_shown = 0;
}

void session_progress(struct session *session, const char *what,
                      uint64_t done, uint64_t total)
{
    struct output *output = &session->output;
    unsigned percent = done >= total ? 100 : (unsigned)(done * 100 / total);
    struct short_text text;

    if (output->plain || output->muted || percent == output->percent)
        return;
    output->percent = percent;
    print_text(text.text, sizeof(text.text), "\r%s %u%%\x1b[K", what, percent);
    home_write(text.text, text_length(text.text));
    watch_note(session);
    watch_draw(session);
}

/* The row of the progress goes, if it is there. */
static void progress_end(struct output *output)
{
    if (output->percent != 0)
        home_write("\r\x1b[K", 4);
    output->percent = 0;
}

bool session_stopped(struct session *session)
{
    struct output *output = &session->output;

    if (!output->stopped && home_interrupted()) {
        home_interrupt_clear();
        output_end(output);
        output->muted = false;
        if (output->column > 0)
            output_new_row(output);
        output->stopped = true;
        refuse(session, "stopped by Ctrl-C");
        output->muted = true;
    }
    return output->stopped;
}

bool say(struct session *session, const char *format, ...)
{
    va_list list;

    if (session_stopped(session))
        return false;
    progress_end(&session->output);
    va_start(list, format);
    print_list(output_put, &session->output, format, list);
    va_end(list);
    output_end(&session->output);
    return !session->output.muted;
}

bool refuse(struct session *session, const char *format, ...)
{
    struct output *output = &session->output;
    va_list list;

    session->refused = true;
    progress_end(output);
    output->muted = false;              /* a refusal is always heard */
    va_start(list, format);
    print_list(output_put, output, format, list);
    va_end(list);
    output_put(output, '\n');
    output_end(output);
    return false;
}

const char *colour(const struct session *session, enum colour colour)
{
    static const char *const sequences[] = {
        [COLOUR_NONE]    = "\x1b[0m",
        [COLOUR_USED]    = "\x1b[33m",
        [COLOUR_FREE]    = "\x1b[32m",
        [COLOUR_FAINT]   = "\x1b[90m",
        [COLOUR_WARNING] = "\x1b[31m",
        [COLOUR_NAME]    = "\x1b[36m",
    };

    return session->output.plain ? "" : sequences[colour];
}

/* ---- the machine -------------------------------------------------------- */

static bool is_of_a_frame(const struct mm_event *event)
{
    return event->kind == MM_EVENT_FRAME_TAKE
           || event->kind == MM_EVENT_FRAME_GIVE;
}

/* Every event of the machine in use comes here, as it happens. */
static void session_hear(void *context, const struct mm_event *event)
{
    struct session *session = context;
    struct heard *heard = &session->heard;

    if (!session->output.silent && session->breaks >> event->kind & 1)
        home_break(event);
    heard->events[event->kind]++;
    heard->bytes[event->kind] += event->size;
    if (heard->count < HEARD_MAX && !is_of_a_frame(event))
        heard->event[heard->count++] = *event;
    stats_event(session->stats, event,
                session->machine == NULL ? NULL : session->machine->ledger);
    if (session->events)
        show_event(session, event);
    session_stream_event(session, event);
    past_hear(session, event);
}

/* The kernel's events are not heard any more, and there is no machine in use
 * until another is chosen: the lab may be about to go. */
static void kernel_leave(struct session *session)
{
    if (session->kernel != NULL)
        session->kernel->listener = NULL;
    session->machine = NULL;
}

void session_restart(struct session *session)
{
    kernel_leave(session);
    session->stats = &session->lab_stats;
    stats_init(session->stats);
    session_stream_hello(session);
    session->lab = lab_init(session->lab_memory, &session->setup,
                            session_hear, session);
    session->machine = lab_machine(session->lab);
}

bool session_reset(struct session *session, const struct lab_setup *setup)
{
    const char *fault = lab_setup_fault(setup);
    size_t bytes;
    void *memory;
    struct short_text size;

    if (fault != NULL)
        return refuse(session, "%s", fault);
    bytes = lab_bytes(setup);
    memory = home_memory(bytes);
    if (memory == NULL)
        return refuse(session, "there is no memory for a lab that needs %s "
                               "in all: try a smaller arena",
                      print_size(&size, bytes));
    kernel_leave(session);
    if (session->lab != NULL)
        home_memory_release(session->lab_memory, session->lab_bytes);
    session->setup = *setup;
    session->lab_memory = memory;
    session->lab_bytes = bytes;
    session_restart(session);
    past_open(session);
    return true;
}

bool session_use_lab(struct session *session)
{
    if (session->lab == NULL)
        return refuse(session, "there is no lab: there was no memory for it");
    kernel_leave(session);
    session->machine = lab_machine(session->lab);
    session->stats = &session->lab_stats;
    return true;
}

/* The kernel's letters and counts begin when somebody first looks. Without
 * memory for letters its blocks go by their offsets. */
static void kernel_meet(struct session *session, struct machine *kernel)
{
    void *memory = home_memory(ledger_bytes(KERNEL_LETTERS));

    if (memory != NULL)
        kernel->ledger = ledger_init(memory, KERNEL_LETTERS);
    stats_init(&session->kernel_stats);
    session->kernel = kernel;
}

bool session_use_kernel(struct session *session)
{
    struct machine *kernel = home_machine();

    if (kernel == NULL)
        return refuse(session, "there is no memory to imitate a kernel's "
                               "with: the lab is still in use");
    if (session->kernel == NULL)
        kernel_meet(session, kernel);
    kernel->listener = session_hear;
    kernel->listener_context = session;
    session->machine = kernel;
    session->stats = &session->kernel_stats;
    return true;
}

void session_plain(struct session *session, bool plain)
{
    if (plain)
        watch_close(session);
    session->output.plain = plain;
    session->output.more = !plain;
}

/* ---- running ------------------------------------------------------------ */

/* Runs the command that WORDS name. */
static void session_run(struct session *session, const struct words *words)
{
    const struct command *command;

    session->refused = false;
    session->heard = (struct heard){ .count = 0 };
    output_begin(session);
    if (words->too_many) {
        refuse(session, "that command has more than %d words", WORDS_MAX);
    } else if ((command = command_find(words->word[0])) == NULL) {
        command_suggest(session, words->word[0]);
    } else if (session->machine == NULL && command->needs != NEEDS_NOTHING) {
        refuse(session, "there is no lab: there was no memory for it");
    } else if (past_before(session, command, words)) {
        course_note(session, words);
        command->run(session, words);
        past_after(session, command, words);
        course_judge(session);
    }
    session_stopped(session);
    progress_end(&session->output);
    output_end(&session->output);
    session_stream_settle(session);
    watch_note(session);
    watch_draw(session);
    session->failed = session->failed || session->refused;
}

void session_run_line(struct session *session, char *line)
{
    struct words words;

    if (past_answer(session, line) || course_resume(session, line))
        return;
    while (!session->output.stopped && parse_words(&line, &words)) {
        if (words.count > 0)
            session_run(session, &words);
    }
}

/* ---- typing ------------------------------------------------------------- */

static void session_show(void *context, const char *text, size_t size)
{
    home_write(text, size);
    if (text_starts_with(text, "\x1b[H\x1b[2J"))
        watch_spoilt(context);
}

void session_prompt(struct session *session)
{
    if (session->prompted)
        return;
    output_begin(session);
    line_begin(&session->line, session->output.columns,
               session->output.plain);
    session->prompted = true;
}

void session_feed(struct session *session, unsigned char byte)
{
    struct line *line = &session->line;

    /* The '\n' of a "\r\n" starts no new line. */
    if (byte == '\n' && line->after_return && !session->prompted) {
        line->after_return = false;
        return;
    }
    session_prompt(session);
    switch (line_feed(line, byte)) {
    case LINE_TYPING:
        return;
    case LINE_DONE:
        session->prompted = false;
        session_run_line(session, line->text);
        break;
    case LINE_TOO_LONG:
        session->prompted = false;
        output_begin(session);
        refuse(session,
               "that line has %zu characters and %d fit: nothing was done "
               "(Up brings back the part that fits)",
               line->length + line->lost, LINE_SIZE - 1);
        session->failed = true;
        break;
    case LINE_CANCELLED:
        session->prompted = false;
        home_interrupt_clear();
        break;
    case LINE_END:
        session->prompted = false;
        if (text_equal(home_name(), "host"))
            session->ended = true;
        else
            home_write("poweroff ends the machine\n", 26);
        break;
    }
}

int session_close(struct session *session)
{
    if (session->prompted && !line_is_empty(&session->line))
        session_feed(session, '\n');
    else if (session->prompted)
        home_write("\n", 1);
    session->prompted = false;
    watch_close(session);
    return session->failed;
}

/* The word of COMMAND_LINE that starts with KEY, copied to OUT without it;
 * false if there is none. */
static bool command_line_find(const char *command_line, const char *key,
                              char *out, size_t size)
{
    const char *at = command_line;

    while (*at != '\0') {
        const char *word = at;
        size_t length = 0;

        while (*at != '\0' && *at != ' ')
            at++;
        if (text_starts_with(word, key)) {
            const char *value = word + text_length(key);

            while (value + length < at && length + 1 < size) {
                out[length] = value[length];
                length++;
            }
            out[length] = '\0';
            if (length == 0 || key[text_length(key) - 1] == '=')
                return true;            /* not just the start of a word */
        }
        while (*at == ' ')
            at++;
    }
    return false;
}

void session_open(struct session *session, const char *command_line)
{
    static const char hello[] = "Type help for the commands, help alloc for "
                                "one of them.\n";
    const struct line_owner owner = {
        .context = session,
        .write = session_show,
        .candidate = command_candidate,
    };
    char value[16];

    session->lab = NULL;
    session->kernel = NULL;
    session->machine = NULL;
    session->prompted = false;
    session->failed = false;
    session->refused = false;
    session->ended = false;
    session->events = false;
    session->breaks = 0;
    session->warned = false;
    session->course = NULL;
    session->zoo = (struct zoo){ .open = false };
    session->watch = NULL;
    session_stream_open(session);
    session->past = NULL;
    session->output.silent = false;
    session->terminal_columns = session->terminal_rows = 0;
    line_init(&session->line, &owner, prompt);
    session_plain(session, command_line_find(command_line, "plain", value,
                                             sizeof(value)));
    output_begin(session);
    home_interrupt_clear();
    session_reset(session, &lab_default);
    if (command_line_find(command_line, "keymap=", value, sizeof(value))
            && !home_keymap(value))
        refuse(session, "keymap=%s: there is no such keymap; us, uk, de, fr "
                        "and es are there", value);
    if (!session->output.plain)
        home_write(hello, sizeof(hello) - 1);
}
