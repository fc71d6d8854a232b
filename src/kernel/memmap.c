/* SPDX-License-Identifier: MIT */
/*
 * memmap.c - from the firmware's list of regions to pieces to be trusted
 *
 * Theory of operation
 * -------------------
 * Regions and reservations are intervals. Their ends cut physical memory into
 * stretches inside which nothing changes: whoever speaks for the first byte of
 * a stretch speaks for all of it. So we walk from one such boundary to the
 * next; at each we ask everybody who covers this byte, and let the reason
 * that comes first in enum memmap_reason decide:
 *
 *     region 0   |---------- available ---------------|
 *     region 1             |--- reserved ---|
 *     ours          |kernel|
 *                |  |      |                |         |     boundaries
 *                 u  k      r                u              decisions
 *
 * Nothing is sorted and nothing is stored but the result. That asks every
 * region at every boundary, n^2 steps for n regions; real lists have 5 to 160
 * regions, and the answer is easy to believe.
 *
 * Stretches of good memory that touch are one *run*, whichever regions they
 * come from. When a run is over it is rounded inwards: its whole frames are
 * usable, its ragged ends are partial frames.
 *
 *     |..partial..|======= usable =======|..partial..|
 *     run.start   ^ up to a frame        ^ down       run.end
 *
 * The result keeps M1..M4 of memmap.h; tests/unit/test_memmap.c compares it
 * with a slow account, page by page, and tests/maps/oracle.py with another.
 *
 * Where the list contradicts itself we believe the worse news. A region that
 * is "available" and wraps past 2^64 is not cut but distrusted whole: nobody
 * knows what its length was meant to be, and cut, it would call every hole up
 * to the end of the address space memory. (Of one that is reserved, the part
 * below 2^64 stands.)
 */

#include "memmap.h"
#include "text.h"

/* ---- one region --------------------------------------------------------- */

static bool entry_wraps(const struct firmware_entry *entry)
{
    return entry->length != 0 && entry->length - 1 > UINT64_MAX - entry->base;
}

static uint64_t entry_end(const struct firmware_entry *entry)
{
    if (entry->length > UINT64_MAX - entry->base)
        return MEMMAP_TOP;
    return entry->base + entry->length;
}

/* What the region says about each of its bytes; MEMMAP_USABLE if good. */
static enum memmap_reason entry_reason(const struct firmware_entry *entry)
{
    if (entry->disabled)
        return MEMMAP_DISABLED;

    switch (entry->type) {
    case FIRMWARE_AVAILABLE:
        return entry_wraps(entry) ? MEMMAP_WRAPS : MEMMAP_USABLE;
    case FIRMWARE_RESERVED:
        return MEMMAP_RESERVED;
    case FIRMWARE_ACPI_RECLAIMABLE:
        return MEMMAP_ACPI_RECLAIMABLE;
    case FIRMWARE_ACPI_NVS:
        return MEMMAP_ACPI_NVS;
    case FIRMWARE_BAD:
        return MEMMAP_BAD;
    case FIRMWARE_PERSISTENT:
    case FIRMWARE_PERSISTENT_OLD:
        return MEMMAP_PERSISTENT;
    case FIRMWARE_COREBOOT:
    case FIRMWARE_GRUB_CODE:
        return MEMMAP_LOADER_TABLES;
    default:
        return MEMMAP_UNKNOWN_TYPE;
    }
}

/* ---- one byte: who speaks for it, who decides --------------------------- */

struct decision {
    bool mentioned;                 /* by a region or a reservation */
    enum memmap_reason reason;
    bool is_ram;
    int16_t entry, reservation, overruled;
    uint64_t until;                 /* the same holds in [address, until) */
};

/* A boundary at EDGE ends the stretch that DECISION is about. */
static void decision_bound(struct decision *decision, uint64_t address,
                           uint64_t edge)
{
    if (edge > address && edge < decision->until)
        decision->until = edge;
}

/* Bounds DECISION by [START, END). True if ADDRESS lies in there. */
static bool decision_covers(struct decision *decision, uint64_t address,
                            uint64_t start, uint64_t end)
{
    if (start >= end)
        return false;
    decision_bound(decision, address, start);
    decision_bound(decision, address, end);
    return start <= address && address < end;
}

/* What the regions in ENTRIES say about ADDRESS, the worst news first: the
 * region whose reason precedes, and the first that calls it available. */
static void hear_firmware(const struct firmware_entry *entries, size_t count,
                          uint64_t address, struct decision *decision)
{
    int16_t available = -1;

    for (size_t i = 0; i < count; i++) {
        const struct firmware_entry *entry = &entries[i];
        enum memmap_reason reason = entry_reason(entry);

        if (!decision_covers(decision, address, entry->base,
                             entry_end(entry)))
            continue;
        decision->mentioned = true;
        if (reason == MEMMAP_USABLE && available < 0)
            available = (int16_t)i;
        if (reason < decision->reason || decision->entry < 0) {
            decision->reason = reason;
            decision->entry = (int16_t)i;
        }
    }

    decision->is_ram = decision->mentioned
                       && decision->reason == MEMMAP_USABLE;
    if (!decision->is_ram)
        decision->overruled = available;
}

/* A reason of our own: it decides if it precedes what was decided so far. */
static void hear_us(struct decision *decision, enum memmap_reason reason,
                    int16_t reservation)
{
    if (reason >= decision->reason)
        return;
    decision->reason = reason;
    decision->reservation = reservation;
}

/* Asks everybody about ADDRESS. */
static struct decision decide(const struct memmap_input *input,
                              uint64_t address)
{
    struct decision decision = {
        .reason = MEMMAP_USABLE, .until = MEMMAP_TOP,
        .entry = -1, .reservation = -1, .overruled = -1,
    };

    hear_firmware(input->entries, input->entry_count, address, &decision);

    for (size_t i = 0; i < input->reservation_count; i++) {
        const struct memmap_reservation *ours = &input->reservations[i];

        if (decision_covers(&decision, address, ours->start, ours->end)) {
            decision.mentioned = true;
            hear_us(&decision, ours->reason, (int16_t)i);
        }
    }

    if (decision_covers(&decision, address, 0, MEMMAP_FRAME_SIZE))
        hear_us(&decision, MEMMAP_FRAME_ZERO, -1);
    if (decision_covers(&decision, address, MEMMAP_FIRMWARE_AREA_START,
                        MEMMAP_FIRMWARE_AREA_END))
        hear_us(&decision, MEMMAP_FIRST_MEGABYTE, -1);
    if (decision_covers(&decision, address, input->limit, MEMMAP_TOP))
        hear_us(&decision, MEMMAP_OUT_OF_REACH, -1);

    if (input->machine != NULL) {
        struct decision here = decision;

        here.mentioned = false;
        here.reason = MEMMAP_USABLE;
        here.entry = -1;
        hear_firmware(input->machine, input->machine_count, address, &here);
        decision.until = here.until;
        if (!here.is_ram)
            hear_us(&decision, MEMMAP_ABSENT, -1);
    }
    return decision;
}

/* ---- pieces ------------------------------------------------------------- */

static uint64_t frame_floor(uint64_t address)
{
    return address & ~(uint64_t)(MEMMAP_FRAME_SIZE - 1);
}

/* ADDRESS is at most the limit of a kernel here, so this cannot wrap. */
static uint64_t frame_ceiling(uint64_t address)
{
    return frame_floor(address + (MEMMAP_FRAME_SIZE - 1));
}

/* Appends PIECE, joined to the last one if they tell the same story. */
static void piece_append(struct memmap *map, struct memmap_piece piece)
{
    if (map->piece_count > 0) {
        struct memmap_piece *last = &map->pieces[map->piece_count - 1];

        if (last->end == piece.start && last->reason == piece.reason
            && last->is_ram == piece.is_ram && last->entry == piece.entry
            && last->reservation == piece.reservation
            && last->overruled == piece.overruled) {
            last->end = piece.end;
            return;
        }
    }
    if (map->piece_count == map->piece_capacity) {
        map->pieces_dropped++;
        if (piece.reason == MEMMAP_USABLE)
            map->usable_bytes_dropped += piece.end - piece.start;
        return;
    }
    map->pieces[map->piece_count++] = piece;
}

/* Good memory, [start, end): stretches that touch, from one region or more. */
struct run {
    uint64_t start, end;                /* empty: start == end */
};

/* Appends [START, END) of a run, as the region at START tells it. */
static void run_append(struct memmap *map, uint64_t start, uint64_t end,
                       enum memmap_reason reason)
{
    if (start >= end)
        return;
    piece_append(map, (struct memmap_piece){
        .start = start, .end = end, .reason = (uint8_t)reason,
        .is_ram = true, .entry = decide(&map->input, start).entry,
        .reservation = -1, .overruled = -1,
    });
}

/* Ends RUN: cuts it in partial frame, whole frames, partial frame. */
static void run_finish(struct memmap *map, struct run *run)
{
    uint64_t whole_start = frame_ceiling(run->start);
    uint64_t whole_end = frame_floor(run->end);

    if (whole_start >= whole_end)       /* no frame fits: it is all partial */
        whole_start = whole_end = run->end;

    run_append(map, run->start, whole_start, MEMMAP_PARTIAL_FRAME);
    run_append(map, whole_start, whole_end, MEMMAP_USABLE);
    run_append(map, whole_end, run->end, MEMMAP_PARTIAL_FRAME);
    run->start = run->end = 0;
}

/* Adds the good stretch [START, END) to RUN, ending RUN if it lies apart. */
static void run_extend(struct memmap *map, struct run *run,
                       uint64_t start, uint64_t end)
{
    if (run->end != start)
        run_finish(map, run);
    if (run->start == run->end)
        run->start = start;
    run->end = end;
}

bool memmap_build(struct memmap *map, const struct memmap_input *input,
                  struct memmap_piece *pieces, size_t capacity)
{
    struct run run = { 0, 0 };
    uint64_t address = 0;

    *map = (struct memmap){
        .input = *input, .pieces = pieces, .piece_capacity = capacity,
    };
    if (input->entry_count > MEMMAP_ENTRIES_MAX
        || input->machine_count > MEMMAP_ENTRIES_MAX
        || input->reservation_count > MEMMAP_RESERVATIONS_MAX
        || input->limit % MEMMAP_FRAME_SIZE != 0
        || input->limit > MEMMAP_LIMIT_X86_64)
        return false;

    while (address < MEMMAP_TOP) {      /* from boundary to boundary */
        struct decision decision = decide(input, address);

        if (decision.mentioned && decision.reason == MEMMAP_USABLE) {
            run_extend(map, &run, address, decision.until);
        } else if (decision.mentioned) {
            run_finish(map, &run);
            piece_append(map, (struct memmap_piece){
                .start = address, .end = decision.until,
                .reason = (uint8_t)decision.reason,
                .is_ram = decision.is_ram,
                .entry = decision.entry,
                .reservation = decision.reservation,
                .overruled = decision.overruled,
            });
        }
        address = decision.until;
    }
    run_finish(map, &run);
    return true;
}

/* ---- questions to a map ------------------------------------------------- */

const struct memmap_piece *memmap_find(const struct memmap *map,
                                       uint64_t address)
{
    size_t low = 0, high = map->piece_count;

    while (low < high) {        /* pieces [0, low) end at or below ADDRESS */
        size_t middle = low + (high - low) / 2;

        if (map->pieces[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == map->piece_count || map->pieces[low].start > address)
        return NULL;
    return &map->pieces[low];
}

bool memmap_next_usable(const struct memmap *map, size_t *cursor,
                        uint64_t *first, uint64_t *end)
{
    while (*cursor < map->piece_count) {
        const struct memmap_piece *piece = &map->pieces[(*cursor)++];

        if (piece->reason == MEMMAP_USABLE) {
            *first = piece->start / MEMMAP_FRAME_SIZE;
            *end = piece->end / MEMMAP_FRAME_SIZE;
            return true;
        }
    }
    return false;
}

uint64_t memmap_usable_frames(const struct memmap *map)
{
    uint64_t first, end, frames = 0;
    size_t cursor = 0;

    while (memmap_next_usable(map, &cursor, &first, &end))
        frames += end - first;
    return frames;
}

void memmap_total(const struct memmap *map, struct memmap_totals *totals)
{
    *totals = (struct memmap_totals){ 0 };
    for (size_t i = 0; i < map->piece_count; i++) {
        const struct memmap_piece *piece = &map->pieces[i];
        uint64_t bytes = piece->end - piece->start;

        if (piece->is_ram)
            totals->ram += bytes;
        totals->of_reason[piece->reason] += bytes;
        totals->pieces_of_reason[piece->reason]++;
    }
    totals->usable = totals->of_reason[MEMMAP_USABLE];
}

/* ---- words -------------------------------------------------------------- */

const char *memmap_reason_text(enum memmap_reason reason)
{
    static const char *const texts[MEMMAP_REASONS] = {
        [MEMMAP_KERNEL_IMAGE]     = "kernel image",
        [MEMMAP_BOOT_INFORMATION] = "boot information",
        [MEMMAP_MODULE]           = "module",
        [MEMMAP_FRAMEBUFFER]      = "framebuffer",
        [MEMMAP_FRAME_ZERO]       = "frame 0, kept free: it looks like NULL",
        [MEMMAP_BAD]              = "defective memory",
        [MEMMAP_ACPI_NVS]         = "ACPI NVS, the firmware's for ever",
        [MEMMAP_ACPI_RECLAIMABLE] = "ACPI tables, reclaimable",
        [MEMMAP_PERSISTENT]       = "persistent memory, not RAM",
        [MEMMAP_LOADER_TABLES]    = "the loader's own",
        [MEMMAP_UNKNOWN_TYPE]     = "unknown type, so reserved",
        [MEMMAP_RESERVED]         = "reserved by firmware",
        [MEMMAP_DISABLED]         = "marked disabled by its attributes",
        [MEMMAP_WRAPS]            = "length wraps past 2^64: not trusted",
        [MEMMAP_FIRST_MEGABYTE]   = "screen and ROM below 1 MiB",
        [MEMMAP_ABSENT]           = "not in this machine",
        [MEMMAP_OUT_OF_REACH]     = "this kernel cannot reach it",
        [MEMMAP_PARTIAL_FRAME]    = "partial frame",
        [MEMMAP_USABLE]           = "usable",
    };

    if ((unsigned)reason >= MEMMAP_REASONS || texts[reason] == NULL)
        return "?";
    return texts[reason];
}

const char *firmware_type_text(uint32_t type)
{
    switch (type) {
    case FIRMWARE_AVAILABLE:        return "available";
    case FIRMWARE_RESERVED:         return "reserved";
    case FIRMWARE_ACPI_RECLAIMABLE: return "ACPI reclaimable";
    case FIRMWARE_ACPI_NVS:         return "ACPI NVS";
    case FIRMWARE_BAD:              return "bad";
    case FIRMWARE_PERSISTENT:
    case FIRMWARE_PERSISTENT_OLD:   return "persistent";
    case FIRMWARE_COREBOOT:         return "coreboot tables";
    case FIRMWARE_GRUB_CODE:        return "loader code";
    default:                        return "unknown";
    }
}

const char *firmware_entry_remark(const struct firmware_entry *entry)
{
    if (entry->length == 0)
        return "zero length: ignored";
    if (entry_wraps(entry))
        return entry_reason(entry) == MEMMAP_WRAPS
                   ? "length wraps past 2^64: not trusted"
                   : "length wraps past 2^64: cut there";
    if (entry->disabled)
        return "disabled by its attributes";
    if (entry_reason(entry) == MEMMAP_UNKNOWN_TYPE)
        return "unknown type: taken as reserved";
    return NULL;
}

/* 0x100000000 -> "4 GiB"; what is no multiple of 1 GiB in hexadecimal. */
static void text_add_limit(struct text *text, uint64_t limit)
{
    if (limit % ((uint64_t)1 << 40) == 0) {
        text_add_decimal(text, (uint32_t)(limit >> 40));
        text_add(text, " TiB");
    } else if (limit % ((uint64_t)1 << 30) == 0) {
        text_add_decimal(text, (uint32_t)(limit >> 30));
        text_add(text, " GiB");
    } else {
        text_add_hex(text, limit);
    }
}

/* Adds what stands behind the reason: a name, a type, a limit. */
static void describe_detail(struct text *text, const struct memmap *map,
                            const struct memmap_piece *piece)
{
    const struct memmap_input *input = &map->input;

    switch (piece->reason) {
    case MEMMAP_MODULE: {
        const char *name = input->reservations[piece->reservation].name;

        if (name == NULL || name[0] == '\0')
            break;
        text_add_char(text, ' ');
        for (int i = 0; i < 64 && name[i] != '\0'; i++)
            text_add_foreign(text, name[i]);
        break;
    }
    case MEMMAP_BAD:
    case MEMMAP_ACPI_NVS:
    case MEMMAP_ACPI_RECLAIMABLE:
    case MEMMAP_PERSISTENT:
    case MEMMAP_LOADER_TABLES:
    case MEMMAP_UNKNOWN_TYPE:
    case MEMMAP_RESERVED:
        text_add(text, " (type ");
        text_add_decimal(text, input->entries[piece->entry].type);
        text_add_char(text, ')');
        break;
    case MEMMAP_PARTIAL_FRAME:
        text_add(text, ": the rest is not ours");
        break;
    default:
        break;
    }
}

void memmap_describe(const struct memmap *map,
                     const struct memmap_piece *piece,
                     char *out, size_t size)
{
    struct text text = text_in(out, size);

    if (piece->reason == MEMMAP_OUT_OF_REACH) {
        text_add(&text, "above ");
        text_add_limit(&text, map->input.limit);
        text_add(&text, ": ");
    }
    text_add(&text, memmap_reason_text((enum memmap_reason)piece->reason));
    describe_detail(&text, map, piece);
    if (piece->overruled >= 0) {
        text_add(&text, "; region ");
        text_add_decimal(&text, (uint32_t)piece->overruled);
        text_add(&text, " calls it available: decided against us");
    }
}

/* ---- maps as text ------------------------------------------------------- */

/* A word on a line: its first character and its length. */
struct word {
    const char *text;
    size_t length;
};

/* What is left to read of one line. */
struct line {
    const char *at, *end;
};

/* The next line of [*AT, END), without its newline and without a comment;
 * *AT moves behind it. */
static struct line line_next(const char **at, const char *end)
{
    struct line line = { *at, *at };

    while (line.end < end && *line.end != '\n')
        line.end++;
    *at = line.end < end ? line.end + 1 : end;
    for (const char *c = line.at; c < line.end; c++)
        if (*c == '#')
            line.end = c;
    return line;
}

/* Takes the next word from LINE; length 0 if there is none. */
static struct word word_next(struct line *line)
{
    struct word word;

    while (line->at < line->end
           && (*line->at == ' ' || *line->at == '\t' || *line->at == '\r'))
        line->at++;
    word.text = line->at;
    while (line->at < line->end && *line->at != ' ' && *line->at != '\t'
           && *line->at != '\r')
        line->at++;
    word.length = (size_t)(line->at - word.text);
    return word;
}

static bool word_is(struct word word, const char *expected)
{
    size_t i = 0;

    /* A file may have zeros in it: they are no end of ours. */
    while (i < word.length && expected[i] != '\0'
           && expected[i] == word.text[i])
        i++;
    return i == word.length && expected[i] == '\0';
}

/* The digit's value, or a number above 15. */
static unsigned digit_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}

enum number_status { NUMBER_OK, NUMBER_NOT_ONE, NUMBER_TOO_LARGE };

/* Reads WORD, decimal or 0x..., into *NUMBER. */
static enum number_status word_number(struct word word, uint64_t *number)
{
    unsigned base = 10;
    size_t i = 0;
    bool too_large = false;

    *number = 0;
    if (word.length > 2 && word.text[0] == '0'
        && (word.text[1] == 'x' || word.text[1] == 'X')) {
        base = 16;
        i = 2;
    }
    if (i == word.length)
        return NUMBER_NOT_ONE;
    for (; i < word.length; i++) {
        unsigned digit = digit_of(word.text[i]);
        uint64_t most = base == 16 ? UINT64_MAX / 16 : UINT64_MAX / 10;

        if (digit >= base)
            return NUMBER_NOT_ONE;
        if (*number > most || *number * base > UINT64_MAX - digit)
            too_large = true;
        *number = *number * base + digit;
    }
    return too_large ? NUMBER_TOO_LARGE : NUMBER_OK;
}

/* Adds 'WORD', shortened if it is long. */
static void text_add_word(struct text *text, struct word word)
{
    text_add_char(text, '\'');
    for (size_t i = 0; i < word.length && i < 20; i++)
        text_add_foreign(text, word.text[i]);
    text_add(text, word.length > 20 ? "...'" : "'");
}

/* Reads one number of a region. False, and the mistake in WHY, if the word
 * is none, or exceeds MOST. */
static bool read_number(struct line *line, uint64_t most, uint64_t *number,
                        struct text *why)
{
    struct word word = word_next(line);
    enum number_status status;

    if (word.length == 0) {
        text_add(why, "expected BASE LENGTH TYPE, as in 0x100000 0x700000 1");
        return false;
    }
    status = word_number(word, number);
    if (status == NUMBER_NOT_ONE) {
        text_add_word(why, word);
        text_add(why, " is no number: write 4096, or 0x1000");
        return false;
    }
    if (status == NUMBER_TOO_LARGE || *number > most) {
        text_add_word(why, word);
        text_add(why, most == UINT32_MAX ? " does not fit: types have 32 bits"
                                         : " does not fit in 64 bits");
        return false;
    }
    return true;
}

/* Reads the region that LINE, which is not blank, tells. */
static bool read_entry(struct line *line, struct firmware_entry *entry,
                       struct text *why)
{
    uint64_t type;
    struct word word;

    *entry = (struct firmware_entry){ 0 };
    if (!read_number(line, UINT64_MAX, &entry->base, why)
        || !read_number(line, UINT64_MAX, &entry->length, why)
        || !read_number(line, UINT32_MAX, &type, why))
        return false;
    entry->type = (uint32_t)type;

    word = word_next(line);
    if (word.length > 0 && word_is(word, "disabled")) {
        entry->disabled = true;
        word = word_next(line);
    }
    if (word.length > 0) {
        text_add_word(why, word);
        text_add(why, " after the type: only 'disabled' may stand there");
        return false;
    }
    return true;
}

struct memmap_text memmap_parse_text(const char *text, size_t size,
                                     struct firmware_entry *entries,
                                     size_t capacity)
{
    struct memmap_text result = { .ok = true };
    const char *at = text, *end = text + size;
    size_t number = 0;

    while (at < end) {
        struct line line = line_next(&at, end);
        struct line ahead = line;
        struct firmware_entry entry;
        struct text why = text_in(result.sentence, sizeof result.sentence);

        number++;
        if (word_next(&ahead).length == 0)      /* blank, or a comment */
            continue;
        text_add(&why, "line ");
        text_add_decimal(&why, (uint32_t)number);
        text_add(&why, ": ");
        result.ok = read_entry(&line, &entry, &why);
        if (result.ok && result.count == capacity) {
            text_add(&why, "there is room for ");
            text_add_decimal(&why, (uint32_t)capacity);
            text_add(&why, " regions only");
            result.ok = false;
        }
        if (!result.ok) {
            result.line = number;
            return result;
        }
        entries[result.count++] = entry;
    }
    result.sentence[0] = '\0';
    return result;
}

bool memmap_text_machine(const char *text, size_t size,
                         char *out, size_t out_size)
{
    static const char key[] = "# machine: ";
    const size_t key_length = sizeof key - 1;
    struct text name = text_in(out, out_size);
    const char *at = text, *end = text + size;

    while (at < end) {
        const char *c = at;
        size_t matched = 0;

        while (matched < key_length && c < end && *c == key[matched]) {
            matched++;
            c++;
        }
        if (matched == key_length) {
            for (; c < end && *c != '\n' && *c != '\r'; c++)
                text_add_foreign(&name, *c);
            return true;
        }
        while (at < end && *at++ != '\n')
            ;
    }
    return false;
}
