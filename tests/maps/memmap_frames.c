/* SPDX-License-Identifier: MIT */
/*
 * memmap_frames.c - answer questions about memory maps, for tests/maps/oracle
 *
 * Reads questions on its input, a word and hexadecimal numbers a line:
 *
 *     limit L                      clears everything; the architecture's limit
 *     region BASE LENGTH TYPE D    the map; D is 1 if the region is disabled
 *     machine BASE LENGTH TYPE D   what this machine has, if the map is a
 *                                  file's (`machine` alone: it has nothing)
 *     reserve START END
 *     go                           answer
 *
 * and answers each `go` with the usable frames, a line `FIRST END` a run, and
 * a line with a dot. It decides nothing by itself.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/memmap.h"

enum { ENTRIES = 1024, RESERVATIONS = 64 };

static struct firmware_entry regions[ENTRIES], machine[ENTRIES];
static struct memmap_reservation reservations[RESERVATIONS];
static struct memmap_piece
    pieces[MEMMAP_PIECES_FOR(2 * ENTRIES + RESERVATIONS)];

static void answer(const struct memmap_input *input)
{
    struct memmap map;
    uint64_t first, end;
    size_t cursor = 0;

    if (!memmap_build(&map, input, pieces, sizeof pieces / sizeof pieces[0])
        || map.pieces_dropped > 0) {
        puts("refused");
        return;
    }
    while (memmap_next_usable(&map, &cursor, &first, &end))
        printf("%" PRIx64 " %" PRIx64 "\n", first, end);
    puts(".");
}

int main(void)
{
    struct memmap_input input = { 0 };
    char line[200], word[16];

    while (fgets(line, sizeof line, stdin) != NULL) {
        uint64_t a = 0, b = 0, type = 0, disabled = 0;
        int count = sscanf(line,
                           "%15s %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
                           word, &a, &b, &type, &disabled);
        struct firmware_entry entry = { a, b, (uint32_t)type, disabled != 0 };

        if (count == 2 && strcmp(word, "limit") == 0) {
            input = (struct memmap_input){
                .entries = regions, .reservations = reservations, .limit = a,
            };
        } else if (count == 5 && strcmp(word, "region") == 0
                   && input.entry_count < ENTRIES) {
            regions[input.entry_count++] = entry;
        } else if (count == 1 && strcmp(word, "machine") == 0) {
            input.machine = machine;
        } else if (count == 5 && strcmp(word, "machine") == 0
                   && input.machine_count < ENTRIES) {
            input.machine = machine;
            machine[input.machine_count++] = entry;
        } else if (count == 3 && strcmp(word, "reserve") == 0
                   && input.reservation_count < RESERVATIONS) {
            reservations[input.reservation_count++] =
                (struct memmap_reservation){ a, b, MEMMAP_MODULE, NULL };
        } else if (count == 1 && strcmp(word, "go") == 0) {
            answer(&input);
        } else {
            fprintf(stderr, "memmap_frames: cannot read: %s", line);
            return 2;
        }
    }
    return 0;
}
