/* SPDX-License-Identifier: MIT */
/*
 * test_memmap.c - every byte is decided once, and no frame is ours by mistake
 *
 * sources: src/kernel/memmap.c
 *
 * Three kinds of test:
 *
 *   - answers worked out by hand, for each rule of memmap.h and each sentence;
 *   - invariants M1..M4 on 170 real maps and on ten damaged copies of each,
 *     compared with `is_frame_ours` below: a slow account that looks at one
 *     frame at a time and shares no code and no idea with the sweep;
 *   - tiny made-up maps, compared byte by byte.
 *
 * tests/maps/oracle compares the exact frame sets once more, in Python.
 */

#include <dirent.h>

#include "kernel/memmap.h"
#include "support.h"

enum { ENTRIES_MAX = 600, RESERVED_MAX = 8, PIECES_MAX = 4 * 700 };

/* One question to memmap_build(), and room for the answer. */
struct bench {
    struct firmware_entry entries[ENTRIES_MAX];
    size_t count;
    struct memmap_reservation reserved[RESERVED_MAX];
    size_t reserved_count;
    struct firmware_entry machine[ENTRIES_MAX];
    size_t machine_count;
    bool has_machine;
    uint64_t limit;
    struct memmap_piece pieces[PIECES_MAX];
    struct memmap map;
    char name[300];
};

static struct bench bench;

static struct memmap_input input_of(struct bench *b)
{
    return (struct memmap_input){
        .entries = b->entries, .entry_count = b->count,
        .reservations = b->reserved, .reservation_count = b->reserved_count,
        .limit = b->limit,
        .machine = b->has_machine ? b->machine : NULL,
        .machine_count = b->machine_count,
    };
}

static void start(uint64_t limit)
{
    memset(&bench, 0, sizeof bench);
    bench.limit = limit;
    strcpy(bench.name, "by hand");
}

static void add(uint64_t base, uint64_t length, uint32_t type)
{
    assert_true(bench.count < ENTRIES_MAX);
    bench.entries[bench.count++] = (struct firmware_entry){
        .base = base, .length = length, .type = type };
}

static void reserve(uint64_t from, uint64_t end, enum memmap_reason reason,
                    const char *name)
{
    assert_true(bench.reserved_count < RESERVED_MAX);
    bench.reserved[bench.reserved_count++] = (struct memmap_reservation){
        from, end, reason, name };
}

static void build(void)
{
    struct memmap_input input = input_of(&bench);

    assert_true(memmap_build(&bench.map, &input, bench.pieces, PIECES_MAX));
    assert_int_equal(bench.map.pieces_dropped, 0);
    assert_true(bench.map.piece_count
                <= MEMMAP_PIECES_FOR(bench.count + bench.reserved_count
                                     + bench.machine_count));
}

/* ---- the slow account --------------------------------------------------- */

/* True if [from, end) of REGION holds ADDRESS; counted without addition, so
 * that nothing here can wrap. */
static bool holds(const struct firmware_entry *region, uint64_t address)
{
    return address >= region->base && address - region->base < region->length;
}

static bool is_nonsense(const struct firmware_entry *region)
{
    return region->length > 0
           && region->length - 1 > UINT64_MAX - region->base;
}

/* True if REGIONS call the byte at ADDRESS memory, all who mention it. */
static bool is_byte_memory(const struct firmware_entry *regions, size_t count,
                           uint64_t address)
{
    bool somebody = false;

    for (size_t i = 0; i < count; i++) {
        bool good = regions[i].type == 1 && !regions[i].disabled
                    && !is_nonsense(&regions[i]);

        if (!holds(&regions[i], address))
            continue;
        if (!good)
            return false;
        somebody = true;
    }
    return somebody;
}

static bool is_byte_ours(const struct bench *b, uint64_t address)
{
    if (address < 4096 || address >= b->limit)
        return false;
    if (address >= 0xA0000 && address < 0x100000)
        return false;
    for (size_t i = 0; i < b->reserved_count; i++)
        if (address >= b->reserved[i].start && address < b->reserved[i].end)
            return false;
    if (b->has_machine
        && !is_byte_memory(b->machine, b->machine_count, address))
        return false;
    return is_byte_memory(b->entries, b->count, address);
}

static int by_address(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return a < b ? -1 : a > b;
}

/* Every address at which something starts or ends, sorted, in EDGES. */
static size_t edges_of(const struct bench *b, uint64_t *edges)
{
    size_t n = 0;

    for (size_t i = 0; i < b->count; i++) {
        edges[n++] = b->entries[i].base;
        edges[n++] = b->entries[i].base + b->entries[i].length;
    }
    for (size_t i = 0; i < b->machine_count; i++) {
        edges[n++] = b->machine[i].base;
        edges[n++] = b->machine[i].base + b->machine[i].length;
    }
    for (size_t i = 0; i < b->reserved_count; i++) {
        edges[n++] = b->reserved[i].start;
        edges[n++] = b->reserved[i].end;
    }
    edges[n++] = 0;
    edges[n++] = 4096;
    edges[n++] = 0xA0000;
    edges[n++] = 0x100000;
    edges[n++] = b->limit;
    qsort(edges, n, sizeof *edges, by_address);
    return n;
}

/* True if all 4096 bytes of the frame at ADDRESS are ours. Between two EDGES
 * all bytes are alike, so its first byte and those at edges stand for all. */
static bool is_frame_ours(const struct bench *b, uint64_t address,
                          const uint64_t *edges, size_t edge_count)
{
    if (!is_byte_ours(b, address))
        return false;
    for (size_t i = 0; i < edge_count; i++)
        if (edges[i] >= address && edges[i] - address < 4096
            && !is_byte_ours(b, edges[i]))
            return false;
    return true;
}

/* ---- M1..M4 of one map -------------------------------------------------- */

static bool is_mentioned(const struct bench *b, uint64_t address)
{
    for (size_t i = 0; i < b->count; i++)
        if (holds(&b->entries[i], address))
            return true;
    for (size_t i = 0; i < b->reserved_count; i++)
        if (address >= b->reserved[i].start && address < b->reserved[i].end)
            return true;
    return false;
}

static bool is_in_usable_piece(const struct memmap *map, uint64_t address)
{
    bool found = false;

    for (size_t i = 0; i < map->piece_count; i++)
        if (address >= map->pieces[i].start && address < map->pieces[i].end) {
            if (found)
                fail_msg("M2: 0x%llx lies in two pieces",
                         (unsigned long long)address);
            found = true;
            if (map->pieces[i].reason == MEMMAP_USABLE)
                return true;
        }
    return false;
}

#define CHECK(condition, invariant, address)                               \
    do {                                                                   \
        if (!(condition))                                                  \
            fail_msg("%s: %s broken at 0x%llx, limit 0x%llx", b->name,     \
                     invariant, (unsigned long long)(address),             \
                     (unsigned long long)b->limit);                        \
    } while (0)

static void check_invariants(struct bench *b)
{
    static uint64_t edges[2 * (2 * ENTRIES_MAX + RESERVED_MAX) + 8];
    const struct memmap *map = &b->map;
    size_t edge_count = edges_of(b, edges);
    struct memmap_totals totals;
    uint64_t frames = 0, expected = 0, sum = 0;

    /* M2, and usable pieces are whole frames. */
    for (size_t i = 0; i < map->piece_count; i++) {
        const struct memmap_piece *piece = &map->pieces[i];

        CHECK(piece->start < piece->end, "M2 (empty piece)", piece->start);
        if (i > 0)
            CHECK(map->pieces[i - 1].end <= piece->start, "M2",
                  piece->start);
        if (piece->reason == MEMMAP_USABLE) {
            CHECK(piece->start % 4096 == 0 && piece->end % 4096 == 0,
                  "M3 (whole frames)", piece->start);
            CHECK(piece->is_ram, "M3 (is_ram)", piece->start);
            frames += (piece->end - piece->start) / 4096;
        }
        CHECK(piece->entry >= -1 && piece->entry < (int)b->count
                  && piece->overruled >= -1
                  && piece->overruled < (int)b->count
                  && piece->reservation >= -1
                  && piece->reservation < (int)b->reserved_count,
              "an index", piece->start);
        if (piece->entry >= 0 && piece->reason >= MEMMAP_BAD)
            CHECK(holds(&b->entries[piece->entry], piece->start),
                  "the region it came from", piece->start);
        if (piece->reason == MEMMAP_PARTIAL_FRAME)
            CHECK(piece->end - piece->start < 2 * 4096,
                  "M4 (a partial frame of two)", piece->start);
    }

    /* M1: around every edge, mentioned if and only if in a piece. */
    for (size_t i = 0; i < edge_count; i++)
        for (int step = -1; step <= 1; step++) {
            uint64_t address = edges[i] + (uint64_t)(int64_t)step;

            if (address != MEMMAP_TOP)
                CHECK((memmap_find(map, address) != NULL)
                          == is_mentioned(b, address), "M1", address);
        }

    /* M3 and M4: frame by frame at the edges; between the frames of two
     * edges all frames are alike, so the first and last of them are asked. */
    for (size_t i = 0; i < edge_count; i++) {
        uint64_t frame = edges[i] / 4096 * 4096;
        uint64_t next = i + 1 < edge_count ? edges[i + 1] / 4096 * 4096
                                           : MEMMAP_TOP / 4096 * 4096;
        bool ours;

        if (i > 0 && edges[i - 1] / 4096 * 4096 == frame)
            goto between;
        ours = is_frame_ours(b, frame, edges, edge_count);
        CHECK(is_in_usable_piece(map, frame) == ours,
              ours ? "M4" : "M3", frame);
        expected += ours;
    between:
        if (next <= frame || next - frame <= 4096)
            continue;
        ours = is_frame_ours(b, frame + 4096, edges, edge_count);
        CHECK(is_in_usable_piece(map, frame + 4096) == ours,
              ours ? "M4" : "M3", frame + 4096);
        CHECK(is_in_usable_piece(map, next - 4096) == ours,
              ours ? "M4" : "M3", next - 4096);
        if (ours)
            expected += (next - frame) / 4096 - 1;
    }
    CHECK(frames == expected, "M3+M4 (sum of frames)", 0);
    CHECK(memmap_usable_frames(map) == expected, "usable_frames", 0);

    memmap_total(map, &totals);
    for (int i = 0; i < MEMMAP_REASONS; i++)
        sum += totals.of_reason[i];
    for (size_t i = 0; i < map->piece_count; i++)
        sum -= map->pieces[i].end - map->pieces[i].start;
    CHECK(sum == 0, "totals", 0);
    CHECK(totals.usable == expected * 4096, "totals.usable", 0);
}

/* ---- real maps ---------------------------------------------------------- */

#define MAPS "tests/maps"
static char map_names[400][128];
static size_t map_count;

static int find_maps(void **state)
{
    DIR *folder = opendir(MAPS);
    struct dirent *item;

    (void)state;
    if (folder == NULL)
        return -1;
    while ((item = readdir(folder)) != NULL) {
        size_t length = strlen(item->d_name);

        if (length > 4 && length < sizeof map_names[0]
            && strcmp(item->d_name + length - 4, ".map") == 0)
            strcpy(map_names[map_count++], item->d_name);
    }
    closedir(folder);
    qsort(map_names, map_count, sizeof map_names[0],
          (int (*)(const void *, const void *))strcmp);
    return map_count >= 170 ? 0 : -1;
}

/* Reads map number I into the bench. */
static void load(size_t i)
{
    char path[300], machine[160];
    struct memmap_text read;
    size_t size;
    char *text;

    snprintf(path, sizeof path, MAPS "/%s", map_names[i]);
    text = read_whole_file(path, &size);
    read = memmap_parse_text(text, size, bench.entries, ENTRIES_MAX);
    if (!read.ok)
        fail_msg("%s: %s", path, read.sentence);
    if (!memmap_text_machine(text, size, machine, sizeof machine)
        || machine[0] == '\0')
        fail_msg("%s names no machine", path);
    free(text);
    bench.count = read.count;
    assert_true(bench.count > 0);
    snprintf(bench.name, sizeof bench.name, "%s", map_names[i]);
}

static const uint64_t limits[] = { MEMMAP_LIMIT_I686, MEMMAP_LIMIT_X86_64 };

static void test_real_maps(void **state)
{
    (void)state;
    for (size_t i = 0; i < map_count; i++)
        for (int l = 0; l < 2; l++) {
            start(limits[l]);
            load(i);
            build();
            check_invariants(&bench);
        }
}

/* What firmware and loaders have been seen to do to a list, and worse. */
enum damage {
    SHUFFLE, DUPLICATE, ZERO_LENGTH, SPLIT_ODD, OVERLAP_BYTE, OVERLAP_PAGE,
    SWAP_TYPES, WRAP, TRUNCATE, STRANGE_TYPE, DISABLE, SHIFT_BASE, DAMAGES
};
static const char *const damage_names[DAMAGES] = {
    "shuffled", "duplicated", "a length 0", "split at an odd byte",
    "overlapping by a byte", "overlapping by a page", "types swapped",
    "a length wraps", "truncated", "a strange type", "one disabled",
    "a base off by some",
};

static void damage(struct bench *b, enum damage kind, uint64_t *random)
{
    size_t at = random_below(random, b->count);
    size_t other = random_below(random, b->count);
    struct firmware_entry *entry = &b->entries[at];
    struct firmware_entry kept = *entry;

    switch (kind) {
    case SHUFFLE:
        for (size_t i = b->count - 1; i > 0; i--) {
            size_t j = random_below(random, i + 1);
            struct firmware_entry swap = b->entries[i];

            b->entries[i] = b->entries[j];
            b->entries[j] = swap;
        }
        break;
    case DUPLICATE:
        b->entries[b->count++] = kept;
        if (random_next(random) & 1)
            b->entries[b->count - 1].type = 2;
        break;
    case ZERO_LENGTH:
        entry->length = 0;
        break;
    case SPLIT_ODD:
        if (kept.length < 2)
            break;
        entry->length = 1 + random_below(random, kept.length - 1);
        b->entries[b->count++] = (struct firmware_entry){
            kept.base + entry->length, kept.length - entry->length,
            random_next(random) & 1 ? kept.type : 2, false };
        break;
    case OVERLAP_BYTE:
        entry->length += 1;
        break;
    case OVERLAP_PAGE:
        entry->base -= entry->base >= 4096 ? 4096 : 0;
        entry->length += 8192;
        break;
    case SWAP_TYPES:
        entry->type = b->entries[other].type;
        b->entries[other].type = kept.type;
        break;
    case WRAP:
        entry->length = UINT64_MAX - random_below(random, 3) * entry->base / 2;
        break;
    case TRUNCATE:
        b->count = 1 + random_below(random, b->count);
        break;
    case STRANGE_TYPE:
        entry->type = random_next(random) & 1
                          ? (uint32_t)random_next(random)
                          : (uint32_t)random_below(random, 24);
        break;
    case DISABLE:
        entry->disabled = true;
        break;
    case SHIFT_BASE:
        entry->base += random_below(random, 9000) - 4500;
        break;
    case DAMAGES:
        break;
    }
}

static void test_damaged_maps(void **state)
{
    uint64_t random = 20010203;

    (void)state;
    for (size_t i = 0; i < map_count; i++)
        for (int kind = 0; kind < DAMAGES; kind++) {
            start(limits[random_next(&random) >> 63]);
            load(i);
            damage(&bench, (enum damage)kind, &random);
            damage(&bench, SHUFFLE, &random);
            snprintf(bench.name, sizeof bench.name, "%.127s, %s", map_names[i],
                     damage_names[kind]);
            build();
            check_invariants(&bench);
        }
}

/* A range that starts and ends somewhere near the edges of some region. */
static void reserve_somewhere(struct bench *b, enum memmap_reason reason,
                              uint64_t *random)
{
    const struct firmware_entry *near =
        &b->entries[random_below(random, b->count)];
    uint64_t from = near->base + random_below(random, 20000) - 6000;
    uint64_t size = 1 + random_below(random, 300000);

    if (from > UINT64_MAX - size)
        from = 0;
    reserve(from, from + size, reason, "m");
}

static void test_reservations_in_real_maps(void **state)
{
    uint64_t random = 7;

    (void)state;
    for (size_t i = 0; i < map_count; i++)
        for (int l = 0; l < 2; l++) {
            start(limits[l]);
            load(i);
            reserve(0x100000, 0x14c3e1, MEMMAP_KERNEL_IMAGE, NULL);
            reserve(0x14c3e8, 0x14d001, MEMMAP_BOOT_INFORMATION, NULL);
            for (int n = 0; n < 4; n++)
                reserve_somewhere(&bench, MEMMAP_MODULE, &random);
            reserve_somewhere(&bench, MEMMAP_FRAMEBUFFER, &random);
            build();
            check_invariants(&bench);
        }
}

static void test_spoken_maps(void **state)
{
    uint64_t random = 99;

    (void)state;
    for (size_t i = 0; i < map_count; i++) {
        size_t machine = random_below(&random, map_count);

        start(limits[i % 2]);
        load(machine);
        memcpy(bench.machine, bench.entries, sizeof bench.machine);
        bench.machine_count = bench.count;
        bench.has_machine = true;
        load(i);
        if (i % 3 == 0)
            damage(&bench, (enum damage)random_below(&random, DAMAGES),
                   &random);
        build();
        check_invariants(&bench);
    }
}

/* Maps of a few pages with ends anywhere: every byte is asked. */
static void test_tiny_maps_byte_by_byte(void **state)
{
    uint64_t random = 4242;

    (void)state;
    for (int round = 0; round < 60; round++) {
        const uint64_t frames = 10, base = 0x9C000;
        uint64_t expected = 0;
        int count = 1 + (int)random_below(&random, 7);

        start(MEMMAP_LIMIT_I686);
        snprintf(bench.name, sizeof bench.name, "tiny map %d", round);
        for (int i = 0; i < count; i++) {
            uint64_t from = random_below(&random, frames * 4096);
            uint64_t grain = random_next(&random) & 1 ? 4096 : 1;

            add(base + from / grain * grain,
                random_below(&random, frames * 4096 - from + 1)
                    / grain * grain,
                random_below(&random, 3) ? 1
                                         : 1 + (uint32_t)random_below(&random,
                                                                      6));
        }
        if (round % 2)
            reserve(base + 5000, base + 5000 + random_below(&random, 9000),
                    MEMMAP_MODULE, "m");
        build();
        for (uint64_t f = 0; f < frames; f++) {
            bool ours = true;

            for (uint64_t byte = 0; byte < 4096; byte++) {
                uint64_t address = base + f * 4096 + byte;

                ours = ours && is_byte_ours(&bench, address);
                if ((memmap_find(&bench.map, address) != NULL)
                    != is_mentioned(&bench, address))
                    fail_msg("%s: M1 at 0x%llx", bench.name,
                             (unsigned long long)address);
            }
            expected += ours;
            if (is_in_usable_piece(&bench.map, base + f * 4096) != ours)
                fail_msg("%s: frame %d", bench.name, (int)f);
        }
        assert_int_equal(memmap_usable_frames(&bench.map), expected);
        check_invariants(&bench);
    }
}

/* ---- by hand ------------------------------------------------------------ */

static void assert_piece(size_t i, uint64_t from, uint64_t end,
                         enum memmap_reason reason)
{
    if (i >= bench.map.piece_count)
        fail_msg("there are only %d pieces", (int)bench.map.piece_count);
    if (bench.pieces[i].start != from || bench.pieces[i].end != end
        || bench.pieces[i].reason != reason)
        fail_msg("piece %d is [0x%llx, 0x%llx) %s, expected [0x%llx, 0x%llx)"
                 " %s", (int)i, (unsigned long long)bench.pieces[i].start,
                 (unsigned long long)bench.pieces[i].end,
                 memmap_reason_text(bench.pieces[i].reason),
                 (unsigned long long)from, (unsigned long long)end,
                 memmap_reason_text(reason));
}

static void test_qemu_16m(void **state)
{
    struct memmap_totals totals;

    (void)state;
    start(MEMMAP_LIMIT_I686);
    add(0x0, 0x9fc00, 1);
    add(0x9fc00, 0x400, 2);
    add(0xf0000, 0x10000, 2);
    add(0x100000, 0xee0000, 1);
    add(0xfe0000, 0x20000, 2);
    add(0xfffc0000, 0x40000, 2);
    add(0xfd00000000, 0x300000000, 2);
    reserve(0x100000, 0x102800, MEMMAP_KERNEL_IMAGE, NULL);
    reserve(0x102940, 0x102c48, MEMMAP_BOOT_INFORMATION, NULL);
    reserve(0x103000, 0x14c3e0, MEMMAP_MODULE, "mod1");
    build();

    assert_int_equal(bench.map.piece_count, 15);
    assert_piece(0, 0x0, 0x1000, MEMMAP_FRAME_ZERO);
    assert_piece(1, 0x1000, 0x9f000, MEMMAP_USABLE);
    assert_piece(2, 0x9f000, 0x9fc00, MEMMAP_PARTIAL_FRAME);
    assert_piece(3, 0x9fc00, 0xa0000, MEMMAP_RESERVED);
    assert_piece(4, 0xf0000, 0x100000, MEMMAP_RESERVED);
    assert_piece(5, 0x100000, 0x102800, MEMMAP_KERNEL_IMAGE);
    assert_piece(6, 0x102800, 0x102940, MEMMAP_PARTIAL_FRAME);
    assert_piece(7, 0x102940, 0x102c48, MEMMAP_BOOT_INFORMATION);
    assert_piece(8, 0x102c48, 0x103000, MEMMAP_PARTIAL_FRAME);
    assert_piece(9, 0x103000, 0x14c3e0, MEMMAP_MODULE);
    assert_piece(10, 0x14c3e0, 0x14d000, MEMMAP_PARTIAL_FRAME);
    assert_piece(11, 0x14d000, 0xfe0000, MEMMAP_USABLE);
    assert_piece(12, 0xfe0000, 0x1000000, MEMMAP_RESERVED);
    assert_int_equal(bench.pieces[5].entry, 3);
    assert_int_equal(bench.pieces[5].reservation, 0);
    assert_true(bench.pieces[5].is_ram);
    assert_false(bench.pieces[12].is_ram);

    memmap_total(&bench.map, &totals);
    assert_int_equal(totals.ram, 0x9fc00 + 0xee0000);
    assert_int_equal(totals.usable, 0x9e000 + 0xe93000);
    assert_int_equal(totals.of_reason[MEMMAP_MODULE], 0x493e0);
    assert_int_equal(totals.pieces_of_reason[MEMMAP_PARTIAL_FRAME], 4);
}

static void test_overlap_goes_against_us(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        start(MEMMAP_LIMIT_X86_64);
        if (order == 0)
            add(0x200000, 0x10000, 1);
        add(0x204800, 0x1000, 4);
        if (order == 1)
            add(0x200000, 0x10000, 1);
        build();
        assert_int_equal(bench.map.piece_count, 5);
        assert_piece(0, 0x200000, 0x204000, MEMMAP_USABLE);
        assert_piece(1, 0x204000, 0x204800, MEMMAP_PARTIAL_FRAME);
        assert_piece(2, 0x204800, 0x205800, MEMMAP_ACPI_NVS);
        assert_piece(3, 0x205800, 0x206000, MEMMAP_PARTIAL_FRAME);
        assert_piece(4, 0x206000, 0x210000, MEMMAP_USABLE);
        assert_int_equal(bench.pieces[2].entry, order == 0);
        assert_int_equal(bench.pieces[2].overruled, order == 1);
    }
}

static void test_touching_regions_share_a_frame(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);
    add(0x200000, 0x1800, 1);
    add(0x201800, 0x800, 1);
    build();
    assert_int_equal(bench.map.piece_count, 1);
    assert_piece(0, 0x200000, 0x202000, MEMMAP_USABLE);
    assert_int_equal(bench.pieces[0].entry, 0);

    start(MEMMAP_LIMIT_X86_64);     /* ragged ends belong to their regions */
    add(0x200000, 0, 2);
    add(0x202800, 0x1000, 1);
    add(0x200800, 0x2000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 3);
    assert_piece(0, 0x200800, 0x201000, MEMMAP_PARTIAL_FRAME);
    assert_piece(1, 0x201000, 0x203000, MEMMAP_USABLE);
    assert_piece(2, 0x203000, 0x203800, MEMMAP_PARTIAL_FRAME);
    assert_int_equal(bench.pieces[0].entry, 2);
    assert_int_equal(bench.pieces[1].entry, 2);
    assert_int_equal(bench.pieces[2].entry, 1);
}

static void test_region_smaller_than_a_frame(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);
    add(0x200001, 0xfff, 1);        /* up to the end of its frame */
    add(0x300000, 0xfff, 1);        /* from the start of its frame */
    add(0x400800, 0x1000, 1);       /* across, none of them whole */
    add(0x500000, 0x1000, 1);       /* exactly one */
    build();
    assert_int_equal(bench.map.piece_count, 4);
    assert_piece(0, 0x200001, 0x201000, MEMMAP_PARTIAL_FRAME);
    assert_piece(1, 0x300000, 0x300fff, MEMMAP_PARTIAL_FRAME);
    assert_piece(2, 0x400800, 0x401800, MEMMAP_PARTIAL_FRAME);
    assert_piece(3, 0x500000, 0x501000, MEMMAP_USABLE);
}

static void test_across_4_gib(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_I686);
    add(0xfff00000, 0x300000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 2);
    assert_piece(0, 0xfff00000, 0x100000000, MEMMAP_USABLE);
    assert_piece(1, 0x100000000, 0x100200000, MEMMAP_OUT_OF_REACH);
    assert_true(bench.pieces[1].is_ram);

    start(MEMMAP_LIMIT_I686);       /* must not come back as 0x1000 */
    add(0x100001000, 0x5000, 1);
    build();
    assert_int_equal(memmap_usable_frames(&bench.map), 0);

    start(MEMMAP_LIMIT_X86_64);
    add(0xfff00000, 0x300000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 1);
    assert_piece(0, 0xfff00000, 0x100200000, MEMMAP_USABLE);
}

static void test_lengths_that_wrap(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);     /* impossible: nothing of it is believed */
    add(0x200000, UINT64_MAX, 1);
    build();
    assert_int_equal(bench.map.piece_count, 1);
    assert_piece(0, 0x200000, MEMMAP_TOP, MEMMAP_WRAPS);
    assert_string_equal(firmware_entry_remark(&bench.entries[0]),
                        "length wraps past 2^64: not trusted");

    start(MEMMAP_LIMIT_X86_64);     /* reserved: what there is of it counts */
    add(0x200000, UINT64_MAX, 2);
    add(0x1ff000, 0x2000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 3);
    assert_piece(0, 0x1ff000, 0x200000, MEMMAP_USABLE);
    assert_piece(1, 0x200000, 0x201000, MEMMAP_RESERVED);
    assert_piece(2, 0x201000, MEMMAP_TOP, MEMMAP_RESERVED);
    assert_int_equal(bench.pieces[1].overruled, 1);

    start(MEMMAP_LIMIT_X86_64);     /* to 2^64 exactly is possible: a ROM */
    add(0x200000, -(uint64_t)0x200000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 2);
    assert_piece(0, 0x200000, MEMMAP_LIMIT_X86_64, MEMMAP_USABLE);
    assert_piece(1, MEMMAP_LIMIT_X86_64, MEMMAP_TOP, MEMMAP_OUT_OF_REACH);
    assert_null(firmware_entry_remark(&bench.entries[0]));
}

static void test_zero_lengths_mention_nothing(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);
    add(0x200000, 0, 1);
    add(0, 0, 2);
    add(UINT64_MAX, 0, 1);
    build();
    assert_int_equal(bench.map.piece_count, 0);
    assert_string_equal(firmware_entry_remark(&bench.entries[0]),
                        "zero length: ignored");
    add(0x1000, 0x2000, 1);
    add(0x2000, 0, 2);              /* in the middle of it: no matter */
    build();
    assert_int_equal(bench.map.piece_count, 1);
    assert_piece(0, 0x1000, 0x3000, MEMMAP_USABLE);
}

static void test_types(void **state)
{
    static const struct { uint32_t type; enum memmap_reason reason; } rows[] = {
        { 0, MEMMAP_UNKNOWN_TYPE },     { 1, MEMMAP_USABLE },
        { 2, MEMMAP_RESERVED },         { 3, MEMMAP_ACPI_RECLAIMABLE },
        { 4, MEMMAP_ACPI_NVS },         { 5, MEMMAP_BAD },
        { 6, MEMMAP_UNKNOWN_TYPE },     { 7, MEMMAP_PERSISTENT },
        { 12, MEMMAP_PERSISTENT },      { 16, MEMMAP_LOADER_TABLES },
        { 20, MEMMAP_LOADER_TABLES },   { 0x10001, MEMMAP_UNKNOWN_TYPE },
        { UINT32_MAX, MEMMAP_UNKNOWN_TYPE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(MEMMAP_LIMIT_X86_64);
        add(0x200000, 0x1000, rows[i].type);
        build();
        assert_int_equal(bench.map.piece_count, 1);
        assert_piece(0, 0x200000, 0x201000, rows[i].reason);
    }
    start(MEMMAP_LIMIT_X86_64);
    add(0x200000, 0x1000, 1);
    bench.entries[0].disabled = true;
    build();
    assert_piece(0, 0x200000, 0x201000, MEMMAP_DISABLED);
    assert_int_equal(memmap_usable_frames(&bench.map), 0);
}

static void test_first_mebibyte(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_I686);       /* as v86 tells it, and some BIOSes */
    add(0, 0x200000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 4);
    assert_piece(0, 0, 0x1000, MEMMAP_FRAME_ZERO);
    assert_piece(1, 0x1000, 0xa0000, MEMMAP_USABLE);
    assert_piece(2, 0xa0000, 0x100000, MEMMAP_FIRST_MEGABYTE);
    assert_piece(3, 0x100000, 0x200000, MEMMAP_USABLE);
}

static void test_kernel_outside_every_region(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_I686);       /* GRUB's cutmem 1M 2M */
    add(0x200000, 0x100000, 1);
    reserve(0x100000, 0x180000, MEMMAP_KERNEL_IMAGE, NULL);
    build();
    assert_int_equal(bench.map.piece_count, 2);
    assert_piece(0, 0x100000, 0x180000, MEMMAP_KERNEL_IMAGE);
    assert_int_equal(bench.pieces[0].entry, -1);
    assert_false(bench.pieces[0].is_ram);
}

static void test_reservations_that_overlap(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_I686);
    add(0x100000, 0x100000, 1);
    reserve(0x110000, 0x120000, MEMMAP_MODULE, "one");
    reserve(0x118000, 0x128000, MEMMAP_MODULE, "two");
    reserve(0x11f000, 0x121000, MEMMAP_KERNEL_IMAGE, NULL);
    reserve(0x150000, 0x150000, MEMMAP_MODULE, "empty");
    reserve(0x160000, 0x150000, MEMMAP_MODULE, "backwards");
    build();
    assert_int_equal(bench.map.piece_count, 5);
    assert_piece(0, 0x100000, 0x110000, MEMMAP_USABLE);
    assert_piece(1, 0x110000, 0x11f000, MEMMAP_MODULE);
    assert_piece(2, 0x11f000, 0x121000, MEMMAP_KERNEL_IMAGE);
    assert_piece(3, 0x121000, 0x128000, MEMMAP_MODULE);
    assert_piece(4, 0x128000, 0x200000, MEMMAP_USABLE);
    assert_int_equal(bench.pieces[1].reservation, 0);
    assert_int_equal(bench.pieces[3].reservation, 1);
}

static void test_spoken_by_a_file(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);
    add(0x100000, 0x1000000, 1);
    add(0x4000000, 0x1000, 2);
    bench.has_machine = true;
    bench.machine[bench.machine_count++] =
        (struct firmware_entry){ 0x100000, 0x700000, 1, false };
    bench.machine[bench.machine_count++] =
        (struct firmware_entry){ 0x200000, 0x1000, 2, false };
    build();
    assert_int_equal(bench.map.piece_count, 5);
    assert_piece(0, 0x100000, 0x200000, MEMMAP_USABLE);
    assert_piece(1, 0x200000, 0x201000, MEMMAP_ABSENT);
    assert_piece(2, 0x201000, 0x800000, MEMMAP_USABLE);
    assert_piece(3, 0x800000, 0x1100000, MEMMAP_ABSENT);
    assert_piece(4, 0x4000000, 0x4001000, MEMMAP_RESERVED);
    assert_true(bench.pieces[3].is_ram);

    bench.machine_count = 0;        /* a machine that says nothing has none */
    build();
    assert_int_equal(memmap_usable_frames(&bench.map), 0);
}

static void test_known_machines(void **state)
{
    static const struct { const char *name; uint64_t i686, x86_64; } rows[] = {
        { "samsung-500c.map", 0, 0 },   /* its 4 KiB are frame 0 */
        { "qemu-pc-2m.map", 158 + 224, 158 + 224 },
        { "qemu-pc-16m.map", 158 + 3808, 158 + 3808 },
        { "grub-badram.map", 158 + 0x700 + 127 + 0x76e1,
          158 + 0x700 + 127 + 0x76e1 },
        { "qemu-pc-4g.map", 158 + 0xbfee0, 158 + 0xbfee0 + 0x40000 },
    };

    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        size_t i = 0;

        while (i < map_count && strcmp(map_names[i], rows[r].name) != 0)
            i++;
        if (i == map_count)
            fail_msg("%s is gone", rows[r].name);
        for (int l = 0; l < 2; l++) {
            uint64_t expected = l == 0 ? rows[r].i686 : rows[r].x86_64;

            start(limits[l]);
            load(i);
            build();
            if (memmap_usable_frames(&bench.map) != expected)
                fail_msg("%s has 0x%llx usable frames, expected 0x%llx",
                         rows[r].name,
                         (unsigned long long)memmap_usable_frames(&bench.map),
                         (unsigned long long)expected);
        }
    }
}

/* ---- limits of the input and of the room -------------------------------- */

static void test_refuses(void **state)
{
    static struct firmware_entry many[MEMMAP_ENTRIES_MAX + 1];
    static struct memmap_reservation ours[MEMMAP_RESERVATIONS_MAX + 1];
    struct memmap_piece piece;
    struct memmap map;
    struct memmap_input input = {
        .entries = many, .entry_count = MEMMAP_ENTRIES_MAX + 1,
        .limit = MEMMAP_LIMIT_I686,
    };

    (void)state;
    assert_false(memmap_build(&map, &input, &piece, 1));
    assert_int_equal(map.piece_count, 0);
    input.entry_count = MEMMAP_ENTRIES_MAX;
    assert_true(memmap_build(&map, &input, &piece, 1));
    input.machine = many;
    input.machine_count = MEMMAP_ENTRIES_MAX;
    assert_true(memmap_build(&map, &input, &piece, 1));
    input.machine_count = MEMMAP_ENTRIES_MAX + 1;
    assert_false(memmap_build(&map, &input, &piece, 1));
    input.machine_count = 0;
    input.limit++;
    assert_false(memmap_build(&map, &input, &piece, 1));
    input.limit = MEMMAP_LIMIT_X86_64 + 4096;
    assert_false(memmap_build(&map, &input, &piece, 1));
    input.limit = MEMMAP_LIMIT_X86_64;
    input.reservations = ours;
    input.reservation_count = MEMMAP_RESERVATIONS_MAX;
    assert_true(memmap_build(&map, &input, &piece, 1));
    input.reservation_count = MEMMAP_RESERVATIONS_MAX + 1;
    assert_false(memmap_build(&map, &input, &piece, 1));
}

/* With room for fewer pieces: the same ones as far as they go, memory only
 * ever lost, and the loss told. */
static void test_too_little_room(void **state)
{
    static struct memmap_piece all[PIECES_MAX];
    struct memmap_totals totals;

    (void)state;
    for (size_t i = 0; i < map_count; i += 7) {
        struct memmap_input input;
        size_t count;
        uint64_t usable;

        start(MEMMAP_LIMIT_X86_64);
        load(i);
        reserve(0x100000, 0x123456, MEMMAP_KERNEL_IMAGE, NULL);
        build();
        count = bench.map.piece_count;
        usable = memmap_usable_frames(&bench.map) * 4096;
        memcpy(all, bench.pieces, count * sizeof all[0]);
        input = input_of(&bench);
        for (size_t room = 0; room < count; room++) {
            struct memmap_piece *few = malloc(room * sizeof *few);
            struct memmap map;

            assert_true(memmap_build(&map, &input, few, room));
            assert_int_equal(map.piece_count, room);
            assert_true(map.pieces_dropped >= count - room);
            assert_memory_equal(few, all, room * sizeof *few);
            assert_int_equal(memmap_usable_frames(&map) * 4096
                                 + map.usable_bytes_dropped, usable);
            memmap_total(&map, &totals);    /* these read no piece too many */
            assert_true(totals.usable <= usable);
            memmap_find(&map, MEMMAP_TOP - 1);
            free(few);
        }
    }
}

/* The most pieces that N intervals can make: MEMMAP_PIECES_FOR() holds. */
static void test_room_for_the_worst(void **state)
{
    (void)state;
    start(MEMMAP_LIMIT_X86_64);
    for (uint64_t i = 0; i < 300; i++)
        add(0x200800 + i * 0x4000, 0x3000, 1);
    build();
    assert_int_equal(bench.map.piece_count, 900);
    start(MEMMAP_LIMIT_X86_64);
    add(0x200800, 0x1000000, 1);
    for (uint64_t i = 0; i < 300; i++)
        add(0x202800 + i * 0x4000, 0x10, 2);
    build();
    assert_int_equal(bench.map.piece_count, 3 * 301 + 300);
    assert_true(bench.map.piece_count <= MEMMAP_PIECES_FOR(301));
}

static void test_next_usable(void **state)
{
    uint64_t first, end;
    size_t cursor = 0;

    (void)state;
    start(MEMMAP_LIMIT_I686);
    add(0x200000, 0x3000, 1);
    add(0x203000, 0x1000, 2);
    add(0xfffff000, 0x2000, 1);
    build();
    assert_true(memmap_next_usable(&bench.map, &cursor, &first, &end));
    assert_int_equal(first, 0x200);
    assert_int_equal(end, 0x203);
    assert_true(memmap_next_usable(&bench.map, &cursor, &first, &end));
    assert_int_equal(first, 0xfffff);
    assert_int_equal(end, 0x100000);
    assert_false(memmap_next_usable(&bench.map, &cursor, &first, &end));
    assert_false(memmap_next_usable(&bench.map, &cursor, &first, &end));
}

/* ---- words -------------------------------------------------------------- */

static void test_descriptions(void **state)
{
    static const char *const expected[] = {
        "frame 0, kept free: it looks like NULL",
        "usable",
        "screen and ROM below 1 MiB",
        "kernel image",
        "module maps/a?b.map",
        "usable",
        ("reserved by firmware (type 2); "
         "region 0 calls it available: decided against us"),
        "unknown type, so reserved (type 4294967295)",
        "partial frame: the rest is not ours",
        "not in this machine",
        "above 4 GiB: this kernel cannot reach it",
        "length wraps past 2^64: not trusted",
    };
    char out[MEMMAP_DESCRIPTION_SIZE];

    (void)state;
    start(MEMMAP_LIMIT_I686);
    add(0, 0x300000, 1);
    add(0x300000, 0x1000, UINT32_MAX);
    add(0x400100, 0x10, 1);
    add(0x500000, 0x1000, 1);
    add(0x100000000, 0x1000, 1);
    add(0x2ff000, 0x1000, 2);
    add((uint64_t)1 << 60, UINT64_MAX, 1);
    reserve(0x100000, 0x101000, MEMMAP_KERNEL_IMAGE, NULL);
    reserve(0x101000, 0x102000, MEMMAP_MODULE, "maps/a\033b.map");
    bench.has_machine = true;
    bench.machine[0] = (struct firmware_entry){ 0, 0x500000, 1, false };
    bench.machine[1] = (struct firmware_entry){
        0x100000000, 0x1000, 1, false };
    bench.machine_count = 2;
    build();
    assert_int_equal(bench.map.piece_count,
                     sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < bench.map.piece_count; i++) {
        memmap_describe(&bench.map, &bench.pieces[i], out, sizeof out);
        assert_string_equal(out, expected[i]);

        /* In a buffer of every smaller size: the start of the same, ended. */
        for (size_t size = 1; size <= strlen(expected[i]); size++) {
            char *small = malloc(size);

            memmap_describe(&bench.map, &bench.pieces[i], small, size);
            assert_int_equal(strlen(small), size - 1);
            assert_memory_equal(small, expected[i], size - 1);
            free(small);
        }
        memmap_describe(&bench.map, &bench.pieces[i], NULL, 0);
    }
}

static void test_limits_in_words(void **state)
{
    static const struct { uint64_t limit; const char *words; } rows[] = {
        { MEMMAP_LIMIT_I686, "above 4 GiB: this kernel cannot reach it" },
        { MEMMAP_LIMIT_X86_64, "above 16 TiB: this kernel cannot reach it" },
        { (uint64_t)1 << 40, "above 1 TiB: this kernel cannot reach it" },
        { 0x7ffff000, "above 0x7ffff000: this kernel cannot reach it" },
    };
    char out[MEMMAP_DESCRIPTION_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(rows[i].limit);
        add(rows[i].limit, 0x1000, 1);
        build();
        memmap_describe(&bench.map, &bench.pieces[0], out, sizeof out);
        assert_string_equal(out, rows[i].words);
    }
}

/* The longest sentences there are fit. */
static void test_longest_description(void **state)
{
    char out[MEMMAP_DESCRIPTION_SIZE], name[200];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    start(MEMMAP_LIMIT_I686);
    for (int i = 0; i < 500; i++)
        add(0x100000, 0, 1);
    add(0x100000, 0x4000, 1);
    add(0x101000, 0x2000, 0xfffffff0);
    reserve(0x102000, 0x103000, MEMMAP_MODULE, name);
    build();
    for (size_t i = 0; i < bench.map.piece_count; i++) {
        memmap_describe(&bench.map, &bench.pieces[i], out, sizeof out);
        assert_true(strlen(out) < sizeof out - 1);
    }
    memmap_describe(&bench.map, &bench.pieces[2], out, sizeof out);
    assert_non_null(strstr(out, "decided against us"));
}

static void test_every_reason_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < MEMMAP_REASONS; i++) {
        enum memmap_reason reason = (enum memmap_reason)i;

        assert_true(strlen(memmap_reason_text(reason)) > 3);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(
                memmap_reason_text(reason),
                memmap_reason_text((enum memmap_reason)j));
    }
    assert_string_equal(memmap_reason_text((enum memmap_reason)MEMMAP_REASONS),
                        "?");
    assert_string_equal(firmware_type_text(1), "available");
    assert_string_equal(firmware_type_text(99), "unknown");
}

/* ---- maps as text ------------------------------------------------------- */

static struct firmware_entry parsed[16];

/* Parses TEXT from a block of exactly its size, with room for CAPACITY. */
static struct memmap_text parse(const char *text, size_t capacity)
{
    size_t size = strlen(text);
    char *copy = exact_copy(text, size);
    struct firmware_entry *entries =
        malloc(capacity * sizeof *entries);
    struct memmap_text result =
        memmap_parse_text(copy, size, entries, capacity);

    assert_true(result.count <= capacity);
    memcpy(parsed, entries, result.count * sizeof *entries);
    free(entries);
    free(copy);
    return result;
}

static void test_text_good(void **state)
{
    struct memmap_text result;

    (void)state;
    result = parse("# machine: x\n\n  0x1000 0xFFFFffffFFFFffff 1 # end\r\n"
                   "\t18446744073709551615 0 4294967295 disabled\r\n"
                   "0X10 16 2", 3);
    assert_true(result.ok);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.line, 0);
    assert_string_equal(result.sentence, "");
    assert_true(parsed[0].base == 0x1000 && parsed[0].length == UINT64_MAX);
    assert_int_equal(parsed[0].type, 1);
    assert_false(parsed[0].disabled);
    assert_true(parsed[1].base == UINT64_MAX && parsed[1].length == 0);
    assert_true(parsed[1].type == UINT32_MAX && parsed[1].disabled);
    assert_true(parsed[2].base == 16 && parsed[2].length == 16
                && parsed[2].type == 2);
    assert_true(parse("0x1 0X2 3", 1).ok);
    assert_int_equal(parsed[0].length, 2);
    assert_true(parse("", 0).ok);
    assert_true(parse("\n\n# only words", 0).ok);
}

static void test_text_mistakes(void **state)
{
    static const struct { const char *text, *sentence; size_t line; } rows[] = {
        { "0x1000", "line 1: expected BASE LENGTH TYPE, as in 0x100000"
          " 0x700000 1", 1 },
        { "# c\n\n0 1 # 1\n", "line 3: expected BASE LENGTH TYPE, as in"
          " 0x100000 0x700000 1", 3 },
        { "1 2 3\nx 2 3", "line 2: 'x' is no number: write 4096, or 0x1000",
          2 },
        { "1000h 2 3", "line 1: '1000h' is no number: write 4096, or 0x1000",
          1 },
        { "0x 2 3", "line 1: '0x' is no number: write 4096, or 0x1000", 1 },
        { "-1 2 3", "line 1: '-1' is no number: write 4096, or 0x1000", 1 },
        { "1 12g 3", "line 1: '12g' is no number: write 4096, or 0x1000", 1 },
        { "0x10000000000000000 2 3",
          "line 1: '0x10000000000000000' does not fit in 64 bits", 1 },
        { "18446744073709551616 2 3",
          "line 1: '18446744073709551616' does not fit in 64 bits", 1 },
        { "99999999999999999999999 2 3", "line 1: '99999999999999999999...'"
          " does not fit in 64 bits", 1 },
        { "1 2 4294967296",
          "line 1: '4294967296' does not fit: types have 32 bits", 1 },
        { "1 2 3 disable", "line 1: 'disable' after the type: only"
          " 'disabled' may stand there", 1 },
        { "1 2 3 misabled", "line 1: 'misabled' after the type: only"
          " 'disabled' may stand there", 1 },
        { "1 2 3 d", "line 1: 'd' after the type: only"
          " 'disabled' may stand there", 1 },
        { "1 2 3 disabled twice", "line 1: 'twice' after the type: only"
          " 'disabled' may stand there", 1 },
        { "1 2 \033[2J", "line 1: '?[2J' is no number: write 4096, or 0x1000",
          1 },
        { "1 2 3\n1 2 3\n1 2 3\n",
          "line 3: there is room for 2 regions only", 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memmap_text result = parse(rows[i].text, 2);

        assert_false(result.ok);
        assert_string_equal(result.sentence, rows[i].sentence);
        assert_int_equal(result.line, rows[i].line);
    }
}

static void test_text_noise(void **state)
{
    static const char letters[] = "0123456789abcdefxX# \t\r\n\ndisable-\0\377";
    uint64_t random = 31337;

    (void)state;
    for (int round = 0; round < 4000; round++) {
        char text[64], name[24];
        size_t size = random_below(&random, sizeof text);
        struct memmap_text result;
        char *copy;

        for (size_t i = 0; i < size; i++)
            text[i] = letters[random_below(&random, sizeof letters)];
        copy = exact_copy(text, size);
        result = memmap_parse_text(copy, size, parsed, 16);
        assert_int_equal(result.ok, result.sentence[0] == '\0');
        assert_int_equal(result.ok, result.line == 0);
        memmap_text_machine(copy, size, name, sizeof name);
        free(copy);
    }
}

static void test_text_machine(void **state)
{
    static const char text[] = "# source: a\r\n# machine: A B\r\n1 2 3\n";
    char name[32], *copy = exact_copy(text, sizeof text - 1);

    (void)state;
    assert_true(memmap_text_machine(copy, sizeof text - 1, name,
                                    sizeof name));
    assert_string_equal(name, "A B");
    assert_true(memmap_text_machine(copy, sizeof text - 1, name, 3));
    assert_string_equal(name, "A ");
    assert_false(memmap_text_machine(copy, 20, name, sizeof name));
    assert_string_equal(name, "");
    free(copy);
    copy = exact_copy(text, 25);            /* ends in the middle of it */
    assert_true(memmap_text_machine(copy, 25, name, sizeof name));
    assert_string_equal(name, "A");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qemu_16m),
        cmocka_unit_test(test_overlap_goes_against_us),
        cmocka_unit_test(test_touching_regions_share_a_frame),
        cmocka_unit_test(test_region_smaller_than_a_frame),
        cmocka_unit_test(test_across_4_gib),
        cmocka_unit_test(test_lengths_that_wrap),
        cmocka_unit_test(test_zero_lengths_mention_nothing),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_first_mebibyte),
        cmocka_unit_test(test_kernel_outside_every_region),
        cmocka_unit_test(test_reservations_that_overlap),
        cmocka_unit_test(test_spoken_by_a_file),
        cmocka_unit_test(test_known_machines),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_room_for_the_worst),
        cmocka_unit_test(test_next_usable),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_limits_in_words),
        cmocka_unit_test(test_longest_description),
        cmocka_unit_test(test_every_reason_has_words),
        cmocka_unit_test(test_text_good),
        cmocka_unit_test(test_text_mistakes),
        cmocka_unit_test(test_text_noise),
        cmocka_unit_test(test_text_machine),
        cmocka_unit_test(test_real_maps),
        cmocka_unit_test(test_damaged_maps),
        cmocka_unit_test(test_reservations_in_real_maps),
        cmocka_unit_test(test_spoken_maps),
        cmocka_unit_test(test_tiny_maps_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, find_maps, NULL);
}
