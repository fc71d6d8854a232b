/* SPDX-License-Identifier: MIT */
/*
 * home.c - the shell's home when it is a process
 *
 * What the kernels do with serial lines and frames is done here with a
 * terminal and the C library. The promises are those of shell/home.h; the
 * allocator's one demand by name, mm_home_panic(), is met here as well.
 *
 * Bytes that arrive while the shell only asks for a Ctrl-C (home_interrupted)
 * are kept in a queue for home_read(). The terminal is switched so that
 * Ctrl-C is a byte like any other; Ctrl-Z still stops the process.
 */
#define _DEFAULT_SOURCE

#include "shell/home.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "home.h"
#include "mm/mm.h"

enum { CTRL_C = 0x03, STATUS_FAULT = 4 };

/* ---- the terminal ------------------------------------------------------- */

static struct termios terminal_before;
static bool terminal_is_open;

bool host_is_interactive(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void terminal_switch(void)
{
    struct termios now = terminal_before;

    now.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    now.c_cc[VINTR] = _POSIX_VDISABLE;
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

static void terminal_restore(void)
{
    if (terminal_is_open)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
}

/* After Ctrl-Z and `fg` the terminal is as somebody else left it. */
static void on_continue(int signal_number)
{
    (void)signal_number;
    terminal_switch();
}

static void on_end(int signal_number)
{
    terminal_restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void host_open_terminal(void)
{
    if (tcgetattr(STDIN_FILENO, &terminal_before) != 0)
        return;
    terminal_is_open = true;
    atexit(terminal_restore);
    signal(SIGCONT, on_continue);
    signal(SIGTERM, on_end);
    signal(SIGHUP, on_end);
    terminal_switch();
}

void home_screen_size(int *columns, int *rows)
{
    struct winsize size;

    *columns = 80;
    *rows = 25;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

/* ---- writing and reading ------------------------------------------------ */

void home_write(const char *text, size_t size)
{
    fwrite(text, 1, size, stdout);
}

/* Bytes that came, and were not asked for yet. */
static struct {
    unsigned char bytes[4096];
    size_t start, end;
    bool ended;                 /* there will be no more */
    bool interrupted;
} input;

/* Reads what is there into the queue, which has room; waits if it must. */
static void input_fill(void)
{
    ssize_t count;

    do {
        count = read(STDIN_FILENO, &input.bytes[input.end],
                     sizeof(input.bytes) - input.end);
    } while (count < 0 && errno == EINTR);
    if (count <= 0)
        input.ended = true;
    else
        input.end += (size_t)count;
}

int home_read(void)
{
    if (input.start == input.end) {
        input.start = input.end = 0;
        fflush(stdout);
        if (!input.ended)
            input_fill();
        if (input.ended)
            return -1;
    }
    return input.bytes[input.start++];
}

/* Takes a Ctrl-C out of the queue, if there is one, and what was typed ahead
 * of it. */
static void input_find_interrupt(void)
{
    for (size_t i = input.start; i < input.end; i++) {
        if (input.bytes[i] == CTRL_C) {
            input.start = i + 1;
            input.interrupted = true;
            return;
        }
    }
}

bool home_interrupted(void)
{
    struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };

    if (!terminal_is_open)      /* a script's bytes are all commands */
        return false;
    fflush(stdout);             /* progress is worth nothing afterwards */
    while (!input.interrupted && !input.ended
           && input.end < sizeof(input.bytes)
           && poll(&ready, 1, 0) == 1) {
        input_fill();
        input_find_interrupt();
    }
    return input.interrupted;
}

void home_interrupt_clear(void)
{
    input.interrupted = false;
}

bool home_keymap(const char *name)
{
    static const char *const names[] = { "us", "uk", "de", "fr", "es" };

    /* The terminal has its own keyboard: any name that a kernel knows. */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* ---- a picture: the terminal is the only display ------------------------- */

void home_terminal_write(const char *text, size_t size)
{
    home_write(text, size);
}

bool home_picture(struct home_picture *picture)
{
    (void)picture;
    return false;
}

void home_picture_reserve(int rows)
{
    (void)rows;
}

void home_picture_put(int column, int row, char glyph, uint8_t colours)
{
    (void)column;
    (void)row;
    (void)glyph;
    (void)colours;
}

void home_picture_glyph(int x, int y, char glyph, uint8_t colours)
{
    home_picture_put(x, y, glyph, colours);
}

void home_picture_tile(int x, int y, int width, int height,
                       const uint8_t texture[8], uint8_t colours)
{
    (void)width;
    (void)height;
    home_picture_put(x, y, (char)texture[0], colours);
}

/* ---- the stream: a file --------------------------------------------------- */

static FILE *stream;

bool host_stream_to(const char *name)
{
    stream = fopen(name, "w");
    return stream != NULL;
}

bool home_stream_open(void)
{
    return stream != NULL;
}

void home_stream_write(const char *text, size_t size)
{
    fwrite(text, 1, size, stream);
    if (text[size - 1] == '\n')
        fflush(stream);                 /* somebody may be reading along */
}

/* ---- the machine -------------------------------------------------------- */

const char *home_name(void)
{
    return "host";
}

void *home_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void home_memory_release(void *memory, size_t size)
{
    munmap(memory, size);
}

uint64_t home_ticks(void)
{
    return 0;
}

bool home_break(const struct mm_event *event)
{
    (void)event;
    return false;
}

void home_crash(const char *kind)
{
    static const char text[] = "there is no fault screen in a process: crash "
                               "works where Heapglass was booted\n";

    (void)kind;
    home_write(text, sizeof(text) - 1);
}

_Noreturn void home_poweroff(int status)
{
    exit(status);
}

_Noreturn void home_reboot(void)
{
    static const char text[] = "A process ends here; start heapglass again.\n";

    home_write(text, sizeof(text) - 1);
    exit(0);
}

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    printf("\n%s (%s:%d)\nstatus: %d\n", sentence, file, line, STATUS_FAULT);
    exit(STATUS_FAULT);
}
