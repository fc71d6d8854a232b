/* SPDX-License-Identifier: MIT */
/*
 * shell_home.h - a shell without a machine: for tests that type commands
 *
 * Include it once, after defining nothing. What is written goes to a buffer;
 * memory comes from malloc, until `shell_home.memory_left` is used up; files
 * come from `shell_home.file`. A test that sets `shell_home.off` is told there
 * when the machine is switched off (1) or starts again (2).
 */
#ifndef TESTS_SHELL_HOME_H
#define TESTS_SHELL_HOME_H

#include <sys/mman.h>

#include "mm/mm.h"
#include "shell/home.h"
#include "shell/past.h"
#include "shell/session.h"
#include "panic.h"

static struct {
    char written[1 << 18];      /* the start is lost when it is full */
    size_t length;
    size_t memory_left;
    const char *file_name, *file;
    const char *keys;           /* what home_read() gives, for pauses */
    long interrupt_after;       /* polls until a Ctrl-C comes; 0: never */
    bool interrupted;
    int columns, rows;
    struct machine *kernel;     /* what `use kernel` finds */
    int status;                 /* of home_poweroff() */
    jmp_buf *off;
} shell_home = { .memory_left = (size_t)1 << 30, .columns = 80, .rows = 25 };

void home_write(const char *text, size_t size)
{
    if (shell_home.length + size >= sizeof shell_home.written)
        shell_home.length = 0;
    memcpy(shell_home.written + shell_home.length, text, size);
    shell_home.length += size;
    shell_home.written[shell_home.length] = '\0';
}

int home_read(void)
{
    if (shell_home.keys == NULL || *shell_home.keys == '\0')
        return -1;
    return (unsigned char)*shell_home.keys++;
}

bool home_interrupted(void)
{
    if (shell_home.interrupt_after > 0 && --shell_home.interrupt_after == 0)
        shell_home.interrupted = true;
    return shell_home.interrupted;
}

void home_interrupt_clear(void) { shell_home.interrupted = false; }

void home_screen_size(int *columns, int *rows)
{
    *columns = shell_home.columns;
    *rows = shell_home.rows;
}

bool home_keymap(const char *name) { return strcmp(name, "de") == 0; }
const char *home_name(void) { return "test"; }
struct machine *home_machine(void) { return shell_home.kernel; }
bool home_stream_open(void)
{
    return false;
}

void home_stream_write(const char *text, size_t size)
{
    (void)text;
    (void)size;
}

#ifndef SHELL_HOME_HAS_DISPLAYS     /* a test may bring its own */
void home_terminal_write(const char *text, size_t size)
{
    (void)text;
    (void)size;
}
bool home_picture(struct home_picture *picture)
{
    (void)picture;
    return false;
}
void home_picture_reserve(int rows) { (void)rows; }
void home_picture_put(int column, int row, char glyph, uint8_t colours)
{
    (void)column; (void)row; (void)glyph; (void)colours;
}
void home_picture_glyph(int x, int y, char glyph, uint8_t colours)
{
    (void)x; (void)y; (void)glyph; (void)colours;
}
void home_picture_tile(int x, int y, int width, int height,
                       const uint8_t texture[8], uint8_t colours)
{
    (void)x; (void)y; (void)width; (void)height; (void)texture;
    (void)colours;
}
#endif

const char *home_file(const char *name, size_t *size)
{
    if (shell_home.file_name == NULL || strcmp(name, shell_home.file_name))
        return NULL;
    *size = strlen(shell_home.file);
    return shell_home.file;
}

const char *home_file_name(unsigned index)
{
    return index == 0 ? shell_home.file_name : NULL;
}

void *home_memory(size_t size)
{
    void *memory = NULL;

    if (size > shell_home.memory_left)
        return NULL;
    shell_home.memory_left -= size;
    assert_int_equal(posix_memalign(&memory, MM_PAGE, size), 0);
    memset(memory, 0, size);
    return memory;
}

void home_memory_release(void *memory, size_t size)
{
    shell_home.memory_left += size;
    free(memory);
}

bool home_break(const struct mm_event *event) { return event != NULL; }
void home_crash(const char *kind) { (void)kind; }
uint64_t home_ticks(void) { return 0; }

_Noreturn void home_poweroff(int status)
{
    shell_home.status = status;
    if (shell_home.off != NULL)
        longjmp(*shell_home.off, 1);
    exit(status);
}

_Noreturn void home_reboot(void)
{
    if (shell_home.off != NULL)
        longjmp(*shell_home.off, 2);
    exit(0);
}

/* ---- a session --------------- */

static struct session session;

static void shell_close(void)
{
    if (session.lab == NULL)
        return;
    past_close(&session);
    home_memory_release(session.lab_memory, session.lab_bytes);
    session.lab = NULL;
}

static inline void shell_open(void)
{
    shell_close();
    memset(&session, 0, sizeof session);
    session_open(&session, "plain");
}

/* Runs one command; what it printed is in shell_home.written. */
static inline void run(const char *command)
{
    char line[LINE_SIZE];

    shell_home.length = 0;
    shell_home.written[0] = '\0';
    snprintf(line, sizeof line, "%s", command);
    session.output.stopped = false;     /* as the prompt would */
    session_run_line(&session, line);
}

static inline void runf(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    run(line);
}

static inline void printed(const char *part)
{
    if (strstr(shell_home.written, part) == NULL)
        fail_msg("'%s' is not in what was printed:\n%s", part,
                 shell_home.written);
}

#endif
