/* SPDX-License-Identifier: MIT */
/*
 * command.c - which commands there are (see command.h)
 */

#include "command.h"

#include "../trace/ledger.h"

const struct command commands[] = {
    { "alloc", "N [align A]", "take N bytes from the heap",
      "The heap finds a free block, splits it if it is too large, and gives "
      "it a\nletter.\n"
      "A: the payload's offset is a multiple of it, a power of two.\n"
      "'alloc N block', 'small' or 'large' says what to take it from.\n"
      "  alloc 24\n"
      "  alloc 4K align 4K\n"
      "  alloc 24 small\n",
      "", "Blocks", cmd_alloc, CHANGES_MACHINE },
    { "free", "X", "give the block X back",
      "The block is joined with its free neighbours (coalescing). X is its "
      "letter or\nits offset.\n"
      "  free a\n"
      "  free +0x2c0\n",
      "*", NULL, cmd_free, CHANGES_MACHINE },
    { "realloc", "X N", "give the block X the size N",
      "In place where the right neighbour allows, else by moving; the letter "
      "stays.\n"
      "  realloc a 100\n",
      "*", NULL, cmd_realloc, CHANGES_MACHINE },
    { "fill", "X BYTE [COUNT]", "write BYTE all over the block X",
      "COUNT bytes, or as many as were requested. More than the block has "
      "room for\noverruns it, as a wrong program would.\n"
      "  fill a 0x41\n"
      "  fill a 0x41 40\n",
      "*", NULL, cmd_fill, CHANGES_MACHINE },
    { "poke", "ADDR BYTE...", "write bytes anywhere in the arena",
      "It may damage the lab, and nothing else.\n"
      "  poke +0x2bc 0xff 0xff\n",
      "*", NULL, cmd_poke, CHANGES_MACHINE },
    { "trim", "", "give back what can be given back",
      "Empty slot pages, whole pages inside free blocks, empty spans.\n"
      "  trim\n",
      "", NULL, cmd_trim, CHANGES_MACHINE },

    { "dump", "[X]", "all blocks, or the bytes of one",
      "A row a block: letter, offset of the payload, size of the block, "
      "bytes\nrequested, used or free, the left neighbour's size, the header "
      "word.\n'dump X' shows one block in hexadecimal and names its header's "
      "bits.\n"
      "  dump\n"
      "  dump a\n",
      "*", "Looking", cmd_dump, NEEDS_MACHINE },
    { "map", "[CELL]", "a picture of the arena",
      "A glyph a cell of 16 bytes, or of CELL bytes. Rows like the one above "
      "are\ncounted, not shown.\n"
      "  map\n"
      "  map 256\n",
      "", NULL, cmd_map, NEEDS_MACHINE },
    { "watch", "on|off", "the heap, drawn while you work",
      "The display is split: above the heap as it is, drawn again after every "
      "step,\nwith what has just changed on a light ground; below the shell. "
      "On the serial\nline it needs a terminal of 80x24 or more; 'screen' "
      "says how large yours is.\n"
      "  watch on\n",
      "on off", NULL, cmd_watch, NEEDS_MACHINE },
    { "lists", "", "the free blocks, by address and by size",
      "Left: the free blocks as a walk through memory finds them, with their "
      "links.\nRight: the lists by size, as the links lead through them.\n"
      "  lists\n",
      "", NULL, cmd_lists, NEEDS_MACHINE },
    { "frag", "", "how fragmented the heap is",
      "Internal: of the used bytes, the part that nobody asked for. External: "
      "of the\nfree bytes, the part outside the largest block. Utilization: "
      "of the held bytes,\nthe part that was asked for.\n"
      "  frag\n",
      "", NULL, cmd_frag, NEEDS_MACHINE },
    { "slots", "", "the slot pages, for small requests",
      "Each page is cut into equal slots. Slots above its watermark were "
      "never\ntouched; freed ones are on its list.\n"
      "  small on\n"
      "  alloc 24\n"
      "  slots\n",
      "", NULL, cmd_slots, NEEDS_MACHINE },
    { "whatis", "ADDR", "what a byte belongs to, all the way down",
      "Slot or block, span, range, page, frame, the firmware's region.\n"
      "  whatis +0x2c8\n"
      "  whatis a\n",
      "*", NULL, cmd_whatis, NEEDS_MACHINE },
    { "check", "", "prove every invariant, or name one that is broken",
      "Walks blocks, slot pages, ranges and frames, and believes nothing.\n"
      "  check\n",
      "", NULL, cmd_check, NEEDS_MACHINE },
    { "stats", "", "what has happened so far, in numbers",
      "Counted since the lab was made; the kernel's, since 'use kernel' "
      "first.\n"
      "  stats\n",
      "", NULL, cmd_stats, NEEDS_MACHINE },

    { "apart", "[BYTES]", "fill memory, free all but its two ends",
      "Blocks of mixed sizes fill BYTES, or all there is. Then only two words "
      "stay,\nand apart says how much lies between them, how many pages are "
      "still held and\nwhat for, before and after a trim. All is freed again.\n"
      "  apart\n"
      "  use kernel; apart 64M\n",
      "", NULL, cmd_apart, CHANGES_MACHINE },
    { "bench", "[ticks]", "what an alloc and a free cost, counted",
      "In a heap of its own, with nobody watching: the free blocks that an "
      "alloc\nlooks at, and with the word ticks the CPU's counter. Under "
      "QEMU's -icount a\ntick is an instruction, the same number everywhere.\n"
      "  bench\n"
      "  bench ticks\n",
      "", NULL, cmd_bench, 0 },

    { "history", "[N]", "the commands that made the lab what it is",
      "With the moment that each led to. They can be typed into another "
      "machine, and\nlead to the same bytes there.\n"
      "  history\n"
      "  history 10\n",
      "", "Time", cmd_history, NEEDS_MACHINE },
    { "back", "[N]", "undo the last command, or N of them",
      "'forward' does them again, until another command changes the lab.\n"
      "  back\n"
      "  back 3\n",
      "", NULL, cmd_back, NEEDS_MACHINE },
    { "forward", "[N]", "do again what back has undone",
      "  forward\n",
      "", NULL, cmd_forward, NEEDS_MACHINE },
    { "goto", "MOMENT", "the lab after so many commands",
      "Moment 0 is the new lab.\n"
      "  goto 3\n",
      "", NULL, cmd_goto, NEEDS_MACHINE },
    { "diff", "[A [B]]", "what differs between two moments, block by block",
      "- was there at moment A, + is there at moment B; ~ has other contents. "
      "Without\nB: now; alone: what the last command did.\n"
      "  diff\n"
      "  diff 3 7\n",
      "now", NULL, cmd_diff, NEEDS_MACHINE },
    { "save", "NAME", "keep the lab as it is now, under a name",
      "In memory, while the machine runs; also beyond 'reset'.\n"
      "  save before\n",
      "", NULL, cmd_save, NEEDS_MACHINE },
    { "load", "NAME", "the lab as it was saved",
      "  load before\n",
      "", NULL, cmd_load, NEEDS_MACHINE },

    { "why", "", "what the last operation looked at, and why it did that",
      "Which lists, which blocks, split or not, which case of joining. After "
      "a\nrefusal: what is missing, and which block, if it were freed, would "
      "make it\nfit.\n"
      "  alloc 24\n"
      "  why\n",
      "", "Reasons", cmd_why, NEEDS_MACHINE },
    { "step", "on|off", "stop at every event of an operation",
      "What is concerned is shown as it was before the event and as it is "
      "after it.\nEnter goes on, c to the end of the operation. In plain mode "
      "nothing waits.\n"
      "  step on\n"
      "  alloc 24\n",
      "on off", NULL, cmd_step, NEEDS_NOTHING },
    { "predict", "on|off [SEED]", "say first what an operation will do",
      "alloc and free wait; the next line is the answer. A seed draws one "
      "question for\neach, the same for everybody who has that seed.\n"
      "  predict on\n"
      "  alloc 24\n",
      "on off", NULL, cmd_predict, NEEDS_MACHINE },
    { "quiz", "SEED N", "N operations, each with a question",
      "In a new lab. The same seed asks the same questions.\n"
      "  quiz 7 10\n",
      "", NULL, cmd_quiz, NEEDS_MACHINE },

    { "traces", "", "recordings of real programs that came along",
      "'make run TRACES=\"guile jq\"' brings those of bench/traces.\n"
      "  traces\n",
      "", "Real input", cmd_traces, NEEDS_NOTHING },
    { "replay", "NAME ...", "do what a program did",
      "replay NAME [ARENA] [scale N] [until CONDITION]\n"
      "In a new lab that has room for it, or of ARENA bytes; scale divides "
      "all sizes.\nEvery operation is a moment: back and goto go to any. Alone, "
      "replay goes on.\n"
      "  replay guile\n"
      "  replay guile 256K until fail\n",
      "", NULL, cmd_replay, NEEDS_MACHINE },
    { "until", "CONDITION", "go on with the replay until something is so",
      "frag > 50%, used > 100K, fail, block c moves, op 1000, end.\n"
      "  until frag > 50%\n",
      "frag used fail block op end", NULL, cmd_until, NEEDS_MACHINE },
    { "race", "[POLICY...] on NAME ...",
      "the same trace under several policies",
      "race [POLICY...] on NAME [ARENA] [scale N]\n"
      "A table of what each cost, and a curve of its fragmentation.\n"
      "  race first best segregated buddy on guile\n",
      "first next best worst segregated buddy bump on", NULL, cmd_race,
      NEEDS_MACHINE },

    { "memmap", "", "the firmware's memory map, and what became of it",
      "First what the firmware says, then every piece of it and why it may "
      "be used or\nnot.\n"
      "  memmap\n",
      "", "Below the heap", cmd_memmap, NEEDS_MACHINE },
    { "frames", "", "the physical frames",
      "Frames below a watermark were handed out at least once; those freed "
      "since are\non the list.\n"
      "  frames\n",
      "", NULL, cmd_frames, NEEDS_MACHINE },
    { "ranges", "", "the runs of pages",
      "A row a range: offset, size, what it is for, what may be done with "
      "it.\n"
      "  ranges\n",
      "", NULL, cmd_ranges, NEEDS_MACHINE },
    { "tree", "", "the AVL tree of the ranges",
      "Lying on its side, by address from top to bottom, with each tag's "
      "balance and\nthe largest free range in its subtree.\n"
      "  reset 1M 64K\n"
      "  alloc 70000\n"
      "  tree\n",
      "", NULL, cmd_tree, NEEDS_MACHINE },

    { "reset", "[ARENA [SPAN]]", "a new lab",
      "An arena of 64 KiB in one span, or of the sizes given. Letters start "
      "at a\nagain.\n"
      "  reset\n"
      "  reset 1M 64K\n",
      "", "The lab", cmd_reset, NEEDS_NOTHING },
    { "small", "on|off", "small requests get slots, or blocks",
      "  small on\n",
      "on off", NULL, cmd_small, CHANGES_MACHINE },
    { "policy", "[NAME [lifo]]", "another way to choose a block",
      "first, next, best, worst: one list, by address or, with lifo, the last "
      "freed\nfirst; segregated: the heap's own; buddy; bump. The lab is made "
      "anew.\n"
      "  policy\n"
      "  policy best\n"
      "  policy first lifo\n",
      "first next best worst segregated buddy bump", NULL, cmd_policy,
      NEEDS_MACHINE },
    { "as", "THREAD COMMAND", "what a thread would do, with its own heap",
      "Threads have the numbers 1 to 8 and take spans of their own; what one "
      "frees of\nanother's waits on that one's remote list. They can alloc, "
      "free, realloc, trim,\nand show their lists and slots.\n"
      "  reset 1M 64K\n"
      "  as 2 alloc 64\n"
      "  as 1 free a\n",
      "1 2 3 4 5 6 7 8", NULL, cmd_as, CHANGES_MACHINE },
    { "threads", "", "the heaps of all threads",
      "Spans, blocks, slot pages, kept blocks, and what waits on the remote "
      "list,\nthe last pushed first.\n"
      "  threads\n",
      "", NULL, cmd_threads, NEEDS_MACHINE },
    { "use", "lab|kernel", "what the commands act on",
      "The lab is the same everywhere and may be broken. The kernel's own "
      "memory is\nreal: it can be allocated, freed and looked at, but not "
      "poked at or reset.\n"
      "  use kernel\n",
      "lab kernel", NULL, cmd_use, NEEDS_NOTHING },
    { "events", "on|off", "print each step as it happens",
      "  events on\n"
      "  alloc 24\n",
      "on off", NULL, cmd_events, NEEDS_NOTHING },
    { "bp", "on|off|STEP...", "let a debugger stop at each step",
      "STEP is split, coalesce, take or release. The kernel executes Bochs's "
      "magic\nbreakpoint there; 'make bochs-step' shows the block before and "
      "after.\n"
      "  bp on\n"
      "  bp split\n",
      "on off split coalesce take release", NULL, cmd_bp, NEEDS_NOTHING },

    { "lesson", "[N]", "the lessons: all of them, or read one",
      "'lesson 6' shows a lesson page by page, 'next' the page after it. "
      "'lesson 6.2'\ngoes to its second exercise. 'lesson 6 all' shows it "
      "whole, 'lesson 6 reset'\nstarts it over, 'lesson seed 42' chooses the "
      "numbers in the exercises.\n"
      "  lesson 0\n"
      "  lesson 6.2\n",
      "seed", "The lessons", cmd_lesson, NEEDS_NOTHING },
    { "next", "", "the lesson's next page",
      "  next\n",
      "", NULL, cmd_next, NEEDS_NOTHING },
    { "answer", "NUMBER", "answer an exercise's question",
      "  answer 80\n"
      "  answer +0x2d0\n",
      "", NULL, cmd_answer, NEEDS_MACHINE },
    { "done", "", "have an exercise judged, with a hint if it is wrong",
      "The lab is judged, not what was typed. It is looked at after every "
      "command,\ntoo: when all is right you are told without asking.\n"
      "  done\n",
      "", NULL, cmd_done, NEEDS_MACHINE },
    { "bug", "N [--seed S]", "a new lab with a fault to be found",
      "What it is, N does not tell: look with check, dump, lists, whatis. "
      "'bug 0' is\na healthy lab. Another seed has other faults behind the "
      "same numbers.\n"
      "  bug 3\n"
      "  bug 3 --seed 42\n",
      "", NULL, cmd_bug, NEEDS_NOTHING },
    { "plant", "N [--seed S]", "put a fault into the lab as it is",
      "The same faults as those of 'bug', in a lab that you made yourself.\n"
      "  plant 3\n",
      "", NULL, cmd_plant, CHANGES_MACHINE },
    { "found", "[BLOCK KIND]", "say what is wrong with the lab",
      "Alone it lists the kinds of faults.\n"
      "  found +0x2d0 overrun\n"
      "  found healthy\n",
      "*", NULL, cmd_found, NEEDS_MACHINE },
    { "handin", "NAME", "print what your teacher wants to see",
      "The seed, every exercise that you solved, the commands that solved it, "
      "and a\ncheck code. Copy it into a file and hand that in. Pasted at the "
      "prompt of\nanother machine, or of this one tomorrow, it solves them "
      "again: you go on from\nthere.\n"
      "  handin ada lovelace\n",
      "", NULL, cmd_handin, NEEDS_NOTHING },

    { "stream", "[snapshot]", "the lab told to a program",
      "On the second serial port, or in a file, each event is a line of JSON; "
      "a\nsnapshot is all that is there now. docs/stream.md says what the "
      "lines mean.\n"
      "  stream\n"
      "  stream snapshot\n",
      "snapshot", NULL, cmd_stream, NEEDS_MACHINE },
    { "help", "[CMD]", "this list, or more about one command",
      "  help alloc\n",
      "commands", "The shell", cmd_help, NEEDS_NOTHING },
    { "plain", "on|off", "no colours, no cursor movement, no pauses",
      "For scripts: docs/output.md says what each command prints then.\n"
      "  plain on\n",
      "on off", NULL, cmd_plain, NEEDS_NOTHING },
    { "more", "on|off", "pause when the screen is full",
      "  more off\n",
      "on off", NULL, cmd_more, NEEDS_NOTHING },
    { "screen", "COLSxROWS", "how large the terminal on the serial line is",
      "A serial line does not tell. The live map is drawn that large.\n"
      "  screen 132x43\n",
      "", NULL, cmd_screen, NEEDS_NOTHING },
    { "keymap", "NAME", "the keyboard's layout: us, uk, de, fr, es",
      "  keymap de\n",
      "us uk de fr es", NULL, cmd_keymap, NEEDS_NOTHING },
    { "crash", "KIND", "provoke a real fault, to see the fault screen",
      "Kinds: null, text, rodata, stack, divide, wild, execute, opcode, "
      "breakpoint,\npanic, double, storm. The machine stops.\n"
      "  crash null\n",
      "null text rodata stack divide wild execute opcode breakpoint panic "
      "double storm", NULL, cmd_crash, NEEDS_NOTHING },
    { "version", "", "which Heapglass this is",
      "  version\n",
      "", NULL, cmd_version, NEEDS_NOTHING },
    { "poweroff", "", "end the machine",
      "Prints 'status: 0', or 'status: 1' if any command was refused.\n"
      "  poweroff\n",
      "", NULL, cmd_poweroff, NEEDS_NOTHING },
    { "reboot", "", "start the machine again",
      "  reboot\n",
      "", NULL, cmd_reboot, NEEDS_NOTHING },
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (text_equal(commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

/* ---- suggestions -------------------------------------------------------- */

/* What people type who know other shells and allocators. */
static const struct {
    const char *theirs, *ours;
} other_names[] = {
    { "malloc", "alloc" },    { "calloc", "alloc" },   { "new", "alloc" },
    { "kmalloc", "alloc" },   { "delete", "free" },    { "kfree", "free" },
    { "resize", "realloc" },  { "memset", "fill" },    { "write", "poke" },
    { "ls", "dump" },         { "list", "lists" },     { "blocks", "dump" },
    { "hexdump", "dump" },    { "show", "dump" },      { "print", "dump" },
    { "exit", "poweroff" },   { "quit", "poweroff" },  { "halt", "poweroff" },
    { "shutdown", "poweroff" }, { "man", "help" },     { "restart", "reboot" },
    { "vmmap", "ranges" },    { "pages", "ranges" },   { "e820", "memmap" },
    { "mem", "memmap" },      { "verify", "check" },   { "clear", "reset" },
    { "fragmentation", "frag" },
};

enum { NAME_MOST = 24 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * How many letters must be added, left out, changed or swapped with the next
 * to make B of A: the edit distance, by the usual table, of which two rows
 * before the present one are kept.
 */
static unsigned distance(const char *a, const char *b)
{
    size_t rows = text_length(a), columns = text_length(b);
    unsigned table[3][NAME_MOST + 1];

    if (rows > NAME_MOST || columns > NAME_MOST)
        return NAME_MOST;
    for (size_t column = 0; column <= columns; column++)
        table[0][column] = (unsigned)column;
    for (size_t row = 1; row <= rows; row++) {
        unsigned *now = table[row % 3], *above = table[(row + 2) % 3];
        const unsigned *before = table[(row + 1) % 3];

        now[0] = (unsigned)row;
        for (size_t column = 1; column <= columns; column++) {
            bool same = a[row - 1] == b[column - 1];

            now[column] = least(least(now[column - 1], above[column]) + 1,
                                above[column - 1] + !same);
            if (row > 1 && column > 1 && a[row - 1] == b[column - 2]
                    && a[row - 2] == b[column - 1])
                now[column] = least(now[column], before[column - 2] + 1);
        }
    }
    return table[rows % 3][columns];
}

/* The command that NAME was probably meant to be, or NULL. */
static const char *command_near(const char *name)
{
    unsigned best = text_length(name) <= 3 ? 2 : 3;  /* fewer than so many */
    const char *near = NULL;

    for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]);
         i++) {
        if (text_equal(other_names[i].theirs, name))
            return other_names[i].ours;
    }
    for (size_t i = 0; i < command_count; i++) {
        unsigned changes = distance(name, commands[i].name);

        if (changes < best) {
            best = changes;
            near = commands[i].name;
        }
    }
    for (size_t i = 0; near == NULL && i < command_count; i++) {
        if (text_starts_with(commands[i].name, name))
            near = commands[i].name;
    }
    return near;
}

void command_suggest(struct session *session, const char *name)
{
    const char *near = command_near(name);

    if (near != NULL)
        refuse(session, "no command '%s': did you mean %s?", name, near);
    else
        refuse(session, "no command '%s': help lists all commands", name);
}

/* ---- completion --------------------------------------------------------- */

/* Word number INDEX of LIST, copied to TEXT; NULL behind the last. */
static const char *list_word(struct short_text *text, const char *list,
                             unsigned index)
{
    size_t length = 0;

    for (; index > 0 && *list != '\0'; index--) {
        while (*list != ' ' && *list != '\0')
            list++;
        while (*list == ' ')
            list++;
    }
    while (list[length] != ' ' && list[length] != '\0'
           && length + 1 < sizeof(text->text)) {
        text->text[length] = list[length];
        length++;
    }
    text->text[length] = '\0';
    return length == 0 ? NULL : text->text;
}

/* The name of the live block number INDEX, in the order of letters. */
static const char *live_letter(struct session *session,
                               struct short_text *text, unsigned index)
{
    const struct ledger *ledger = session->machine->ledger;
    const struct ledger_entry *entry =
        ledger == NULL ? NULL : ledger_first(ledger);

    while (entry != NULL && index-- > 0)
        entry = ledger_next(ledger, entry);
    return entry == NULL ? NULL : print_letters(text, entry->letter);
}

const char *command_candidate(void *context, const char *text, size_t start,
                              unsigned index)
{
    struct session *session = context;
    size_t first = start;           /* where this command's name begins */
    char name[NAME_MOST + 1];
    const struct command *command;
    size_t length = 0;

    while (first > 0 && text[first - 1] != ';')
        first--;
    while (text[first] == ' ' && first < start)
        first++;
    if (first == start)
        return index < command_count ? commands[index].name : NULL;

    while (length < NAME_MOST && first + length < start
           && text[first + length] != ' ') {
        name[length] = text[first + length];
        length++;
    }
    name[length] = '\0';
    command = command_find(name);
    if (command == NULL)
        return NULL;
    for (first += length; first < start; first++) {
        if (text[first] != ' ')
            return NULL;            /* only the first word is completed */
    }
    if (text_equal(command->first, "commands"))
        return index < command_count ? commands[index].name : NULL;
    if (text_equal(command->first, "*"))
        return session->machine == NULL
                   ? NULL
                   : live_letter(session, &session->candidate, index);
    return list_word(&session->candidate, command->first, index);
}
