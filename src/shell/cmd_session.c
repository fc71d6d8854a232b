/* SPDX-License-Identifier: MIT */
/*
 * cmd_session.c - help, plain, more, events, keymap, crash, version,
 * poweroff, reboot: the shell itself
 */

#include "command.h"
#include "home.h"
#include "watch.h"

#ifndef HEAPGLASS_VERSION
#define HEAPGLASS_VERSION "(no version)"
#endif

/* ---- help --------------------------------------------------------------- */

static void help_all(struct session *session)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        struct short_text left;

        if (command->group != NULL
                && !say(session, "%s\n", command->group))
            return;
        print_text(left.text, sizeof(left.text), "%s %s", command->name,
                   command->arguments);
        if (!say(session, "  %-27s %s\n", left.text, command->summary))
            return;
    }
    say(session, "'help alloc' says more about alloc. Numbers: 24, 0x18, 4K, "
                 "2M. X: a, +0x2c0.\n");
}

void cmd_help(struct session *session, const struct words *words)
{
    const struct command *command;

    if (words->count > 2) {
        refuse(session, "help takes one command: help alloc");
        return;
    }
    if (words->count == 1) {
        help_all(session);
        return;
    }
    command = command_find(words->word[1]);
    if (command == NULL) {
        command_suggest(session, words->word[1]);
        return;
    }
    say(session, "%s%s%s: %s\n%s", command->name,
        command->arguments[0] == '\0' ? "" : " ", command->arguments,
        command->summary, command->details);
}

/* ---- switches ----------------------------------------------------------- */

/* Reads the one word of a switch into *ON; without one, says how it stands. */
static bool switch_find(struct session *session, const struct words *words,
                        bool *on)
{
    const char *name = words->word[0];

    if (words->count == 1)
        say(session, "%s is %s\n", name, *on ? "on" : "off");
    else if (words->count > 2
             || parse_switch(words->word[1], on) != PARSE_OK)
        refuse(session, "%s is on or off: %s on", name, name);
    return words->count == 2 && !session->refused;
}

void cmd_plain(struct session *session, const struct words *words)
{
    bool on = session->output.plain;

    if (switch_find(session, words, &on))
        session_plain(session, on);
}

void cmd_more(struct session *session, const struct words *words)
{
    bool on = session->output.more;

    if (!switch_find(session, words, &on))
        return;
    if (on && session->output.plain)
        refuse(session, "there are no pauses in plain mode: plain off first");
    else
        session->output.more = on;
}

void cmd_events(struct session *session, const struct words *words)
{
    switch_find(session, words, &session->events);
}

/* ---- the machine -------------------------------------------------------- */

void cmd_keymap(struct session *session, const struct words *words)
{
    if (words->count != 2 || !home_keymap(words->word[1]))
        refuse(session, "keymap takes us, uk, de, fr or es: keymap de");
}

void cmd_crash(struct session *session, const struct words *words)
{
    if (words->count != 2) {
        refuse(session, "crash takes a kind of fault: null, text, rodata, "
                        "stack, divide, wild, execute, opcode, breakpoint, "
                        "panic, double, storm");
        return;
    }
    session->refused = true;    /* it comes back only if it cannot */
    home_crash(words->word[1]);
}

void cmd_version(struct session *session, const struct words *words)
{
    (void)words;
    say(session, "Heapglass %s, %s\n", HEAPGLASS_VERSION, home_name());
}

void cmd_poweroff(struct session *session, const struct words *words)
{
    (void)words;
    say(session, "status: %d\n", session->failed);
    watch_close(session);       /* the terminal is somebody else's then */
    home_poweroff(session->failed);
}

void cmd_reboot(struct session *session, const struct words *words)
{
    (void)session;
    (void)words;
    home_reboot();
}
