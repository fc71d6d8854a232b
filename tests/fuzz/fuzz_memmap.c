/* SPDX-License-Identifier: MIT */
/*
 * fuzz_memmap.c - any memory map, and any text that calls itself one
 *
 * M2 and M3 of memmap.h are checked at the edges of every piece, where bytes
 * change hands, by asking each region and each reservation.
 *
 * sources: src/kernel/memmap.c
 */
#include "fuzz.h"

#include "kernel/memmap.h"

enum { ENTRIES = 40, RESERVED = 6 };

static struct firmware_entry entries[ENTRIES];
static struct memmap_reservation reserved[RESERVED];

/* Mostly near others, sometimes anywhere. */
static uint64_t draw_address(struct fuzz *fuzz)
{
    uint32_t what = fuzz_byte(fuzz);

    switch (what % 4) {
    case 0: return fuzz_number(fuzz, 8);
    case 1: return (uint64_t)fuzz_half(fuzz) << 12;
    case 2: return (UINT64_C(1) << 32) + ((uint64_t)fuzz_byte(fuzz) << 12) -
                   (1 << 19);
    default: return fuzz_number(fuzz, 3);
    }
}

/* May the byte AT be used? The slow way. */
static bool is_ours(uint64_t at, size_t count, size_t reservations,
                    uint64_t limit)
{
    bool available = false;

    if (at < 4096 || at >= limit || (at >= 0xA0000 && at < 0x100000))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct firmware_entry *entry = &entries[i];

        if (at < entry->base || at - entry->base >= entry->length)
            continue;
        if (entry->type != FIRMWARE_AVAILABLE || entry->disabled ||
            entry->length - 1 > UINT64_MAX - entry->base)   /* up to 2^64 */
            return false;
        available = true;
    }
    for (size_t i = 0; i < reservations; i++)
        if (at >= reserved[i].start && at < reserved[i].end)
            return false;
    return available;
}

static void try_text(struct fuzz *fuzz)
{
    struct memmap_text text = memmap_parse_text((const char *)fuzz->data,
                                                fuzz->size, entries, ENTRIES);

    FUZZ_EXPECT(text.count <= ENTRIES, "more regions than room");
    FUZZ_EXPECT(memchr(text.sentence, 0, sizeof text.sentence) != NULL,
                "a sentence without an end");
    FUZZ_EXPECT(text.ok == (text.line == 0), "a mistake in no line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = { data, size };
    struct memmap_piece pieces[MEMMAP_PIECES_FOR(ENTRIES + RESERVED)];
    uint32_t what = fuzz_byte(&fuzz);
    size_t count = 0, reservations = what >> 1 & 3;
    struct memmap_input input = { .limit = what & 8 ? MEMMAP_LIMIT_I686
                                                    : MEMMAP_LIMIT_X86_64 };
    struct memmap_totals totals;
    struct memmap map;
    char line[MEMMAP_DESCRIPTION_SIZE];

    if (what & 1) {
        try_text(&fuzz);
        return 0;
    }
    for (size_t i = 0; i < reservations; i++) {
        reserved[i].start = draw_address(&fuzz);
        reserved[i].end = reserved[i].start + fuzz_half(&fuzz);
        reserved[i].reason = (enum memmap_reason)(fuzz_byte(&fuzz) % 4);
        reserved[i].name = NULL;
        if (reserved[i].end < reserved[i].start)
            reserved[i].end = reserved[i].start;
    }
    for (; count < ENTRIES && fuzz.size > 0; count++) {
        entries[count].base = draw_address(&fuzz);
        entries[count].length = draw_address(&fuzz);
        what = fuzz_byte(&fuzz);
        entries[count].disabled = what == 77;
        entries[count].type = what < 128 ? 1 : what - 127;
    }
    input.entries = entries;
    input.entry_count = count;
    input.reservations = reserved;
    input.reservation_count = reservations;
    FUZZ_EXPECT(memmap_build(&map, &input, pieces,
                             sizeof pieces / sizeof pieces[0]),
                "a map within the limits was refused");
    FUZZ_EXPECT(map.pieces_dropped == 0, "the room promised is too small");
    for (size_t i = 0; i < map.piece_count; i++) {
        const struct memmap_piece *piece = &map.pieces[i];

        FUZZ_EXPECT(piece->start < piece->end, "an empty piece");
        FUZZ_EXPECT(i == 0 || piece[-1].end <= piece->start,
                    "M2: pieces overlap");
        memmap_describe(&map, piece, line, sizeof line);
        if (piece->reason != MEMMAP_USABLE)
            continue;
        FUZZ_EXPECT(piece->start % 4096 == 0 && piece->end % 4096 == 0,
                    "M3: not whole frames");

        /* Who may use a byte changes only where something starts or ends. */
        FUZZ_EXPECT(is_ours(piece->start, count, reservations, input.limit) &&
                    is_ours(piece->end - 1, count, reservations, input.limit),
                    "M3: a byte that is not ours is usable");
        for (size_t k = 0; k < count; k++) {
            uint64_t at = entries[k].base, end = at + entries[k].length;

            if (at >= piece->start && at < piece->end)
                FUZZ_EXPECT(is_ours(at, count, reservations, input.limit) ||
                            entries[k].length == 0,
                            "M3: a byte that is not ours is usable");
            if (end > at && end >= piece->start && end < piece->end)
                FUZZ_EXPECT(is_ours(end, count, reservations, input.limit),
                            "M3: a byte that is not ours is usable");
        }
    }
    memmap_total(&map, &totals);
    FUZZ_EXPECT(totals.of_reason[MEMMAP_USABLE] ==
                memmap_usable_frames(&map) * 4096, "two totals differ");
    return 0;
}
