/* SPDX-License-Identifier: MIT */
/*
 * main.c - the same shell in a process
 *
 *     heapglass                      a person types, or standard input is read
 *     heapglass -c 'alloc 24; dump'  these commands
 *     heapglass FILE                 the commands in a file
 *
 * Where no person types the shell is in plain mode, and prints what a kernel
 * prints in plain mode: prompts and typed lines included. -c and a file give
 * exactly the transcript, without a prompt at its end that nobody answers.
 *
 * Status: 0; 1 if a command was refused; 2 for wrong usage; 4 if the
 * allocator itself was found wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "home.h"
#include "shell/session.h"
#include "shell/shell.h"

enum {
    STATUS_USAGE = 2,
    COMMAND_LINE_SIZE = 512,
    MEMORY_LEAST_MIB = 2,
    MEMORY_MOST_MIB = 128,      /* see machine.c */
};

static const char usage[] =
    "usage: heapglass [-c COMMANDS | FILE] [--plain] [--cmdline WORDS]\n"
    "                 [--memory SIZE] [--stream FILE]\n"
    "  -c COMMANDS      run these commands, separated by ';', and end\n"
    "  FILE             run the commands in this file, and end\n"
    "  --plain          no colours, no cursor movement, no pauses\n"
    "  --cmdline WORDS  start as a kernel with this command line would\n"
    "  --memory SIZE    physical memory of the kernel that `use kernel`\n"
    "                   imitates: 2M to 128M, or 128M without this\n"
    "  --stream FILE    write each event to FILE, as the second serial port of\n"
    "                   a kernel carries it\n"
    "Without -c and FILE commands are read from standard input.\n";

struct options {
    const char *commands;       /* of -c */
    const char *file;
    char command_line[COMMAND_LINE_SIZE];
};

/* Ends with the sentence MESSAGE about WORD. */
static _Noreturn void refuse_usage(const char *message, const char *word)
{
    fprintf(stderr, "heapglass: ");
    fprintf(stderr, message, word);
    fprintf(stderr, "\n%s", usage);
    exit(STATUS_USAGE);
}

static void command_line_add(struct options *options, const char *words)
{
    size_t length = strlen(options->command_line);

    if (length + strlen(words) + 2 > sizeof(options->command_line))
        refuse_usage("a command line has at most 510 characters", "");
    snprintf(options->command_line + length,
             sizeof(options->command_line) - length, "%s%s",
             length == 0 ? "" : " ", words);
}

static void memory_set(const char *word)
{
    uint64_t bytes;

    if (parse_number(word, &bytes) != PARSE_OK
            || bytes >> 20 < MEMORY_LEAST_MIB
            || bytes >> 20 > MEMORY_MOST_MIB || bytes % MM_PAGE != 0)
        refuse_usage("--memory takes 2M to 128M, in whole frames of 4K: %s",
                     word);
    host_memory_bytes = (size_t)bytes;
}

static void options_read(struct options *options, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        bool takes_one = strcmp(word, "-c") == 0
                         || strcmp(word, "--cmdline") == 0
                         || strcmp(word, "--memory") == 0
                         || strcmp(word, "--stream") == 0;

        if (takes_one && i + 1 == count)
            refuse_usage("%s takes one more word", word);
        if (strcmp(word, "-c") == 0)
            options->commands = words[++i];
        else if (strcmp(word, "--cmdline") == 0)
            command_line_add(options, words[++i]);
        else if (strcmp(word, "--memory") == 0)
            memory_set(words[++i]);
        else if (strcmp(word, "--stream") == 0) {
            if (!host_stream_to(words[++i]))
                refuse_usage("%s cannot be written", words[i]);
        } else if (strcmp(word, "--plain") == 0)
            command_line_add(options, "plain");
        else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (word[0] == '-' && word[1] != '\0')
            refuse_usage("there is no option %s", word);
        else if (options->file != NULL)
            refuse_usage("one file is enough: %s is the second", word);
        else
            options->file = word;
    }
    if (options->file != NULL && options->commands != NULL)
        refuse_usage("either -c or a file, not both (%s)", options->file);
}

/*
 * Runs the commands at TEXT as if they had been typed one a line: blanks
 * around a ';' are not typed. In a comment a ';' separates nothing.
 */
static void run_commands(struct session *session, const char *text)
{
    bool in_comment = false, at_start = true;

    for (; *text != '\0' && !session->ended; text++) {
        char c = *text;

        in_comment = c != '\n' && (in_comment || c == '#');
        if (c == ';' && !in_comment)
            c = '\n';
        if (at_start && (c == ' ' || c == '\n'))
            continue;                   /* nothing is typed for nothing */
        if (c == ' ' && !in_comment) {
            const char *next = text + strspn(text, " ");

            if (*next == ';' || *next == '\0')
                continue;
        }
        session_feed(session, (unsigned char)c);
        at_start = c == '\n';
    }
    if (!at_start)
        session_feed(session, '\n');
}

static void run_file(struct session *session, FILE *file)
{
    int c;

    while (!session->ended && (c = getc(file)) != EOF)
        session_feed(session, (unsigned char)c);
}

int main(int count, char **words)
{
    static struct options options;
    static struct session session;
    FILE *file = NULL;

    options_read(&options, count, words);
    if (options.commands == NULL && options.file == NULL) {
        if (host_is_interactive())
            host_open_terminal();
        else
            command_line_add(&options, "plain");
        return shell_run(options.command_line);
    }
    if (options.file != NULL && (file = fopen(options.file, "r")) == NULL)
        refuse_usage("%s cannot be read", options.file);

    command_line_add(&options, "plain");
    session_open(&session, options.command_line);
    if (file != NULL)
        run_file(&session, file);
    else
        run_commands(&session, options.commands);
    return session_close(&session);
}
