/* SPDX-License-Identifier: MIT */
/*
 * journal.c - what was done to a lab, so that it can be undone
 *
 * Theory of operation
 * -------------------
 * Commands are short and copies are long, so copies are rare, and share what
 * they can: a copy is a table with a number for each page of the lab's room.
 * Number 0 is a page of zeroes; any other is a page of the *pool*, which
 * counts how many copies have it. A page that has not changed since the copy
 * before is not copied again.
 *
 *     copy at 64     | 0 | 1 | 2 | 0 |        pool   1 2 3 4 5
 *     copy at 128    | 0 | 1 | 3 | 4 |        users  2 1 1 2 1
 *     copy at 192    | 0 | 5 | 3'| 4 |
 *
 * When there are too many copies, or the pool has no page left, every other
 * one is dropped and the interval doubles: however long the journal grows,
 * its copies are spread evenly over it, and there are never fewer than half
 * of what there is room for. Looking through a large room takes time, so a
 * large lab begins with a longer interval: a step of a record then pays for a
 * few pages at most.
 *
 *   J1  Entries follow one another: each begins where the last one ends, the
 *       first at moment 0.
 *   J2  Copies are in order of moments, none later than the end.
 *   J3  The lab at moment n, put back from a copy or made by the commands from
 *       moment 0 on, is the same to the byte.
 */
#include "journal.h"

enum {
    ENTRIES_PER_CHUNK = JOURNAL_CHUNK_BYTES / sizeof(struct journal_entry),
    PAGES_PER_CHUNK = 64,
    POOL_HEAD = 4096,           /* of a chunk: users of each of its pages */
    POOL_CHUNK_BYTES = POOL_HEAD + PAGES_PER_CHUNK * MM_PAGE,
    ROOM_PAGES_PER_MOMENT = 4,  /* looked at, on average */
};

/* ---- the pool ----------------------------------------------------------- */

/* How many copies have page NUMBER; of a free page, the next free one. */
static uint32_t *pool_users(const struct journal *journal, uint32_t number)
{
    uint32_t *chunk = journal->pool_chunks[(number - 1) / PAGES_PER_CHUNK];

    return &chunk[(number - 1) % PAGES_PER_CHUNK];
}

static void *pool_page(const struct journal *journal, uint32_t number)
{
    unsigned char *chunk =
        journal->pool_chunks[(number - 1) / PAGES_PER_CHUNK];

    return chunk + POOL_HEAD +
           (size_t)((number - 1) % PAGES_PER_CHUNK) * MM_PAGE;
}

/* A page of the pool, one user's; 0: there is none. */
static uint32_t pool_take(struct journal *journal)
{
    uint32_t number = journal->pool_free;

    if (number != 0) {
        journal->pool_free = *pool_users(journal, number);
    } else {
        uint32_t chunk = journal->pool_pages / PAGES_PER_CHUNK;

        if (chunk == JOURNAL_POOL_CHUNKS)
            return 0;
        if (journal->pool_chunks[chunk] == NULL)
            journal->pool_chunks[chunk] =
                journal->owner.memory(POOL_CHUNK_BYTES);
        if (journal->pool_chunks[chunk] == NULL)
            return 0;
        number = ++journal->pool_pages;
    }
    *pool_users(journal, number) = 1;
    return number;
}

static void pool_drop(struct journal *journal, uint32_t number)
{
    if (number == 0 || --*pool_users(journal, number) > 0)
        return;
    *pool_users(journal, number) = journal->pool_free;
    journal->pool_free = number;
}

/* ---- copies ------------------------------------------------------------- */

/* The numbers of COPY's pages. */
static uint32_t *copy_pages(const struct journal *journal,
                            const struct journal_copy *copy)
{
    return (uint32_t *)(copy->bytes + journal->copy_bytes -
                        journal->room_pages * 4);
}

static void copy_drop(struct journal *journal, uint32_t index)
{
    struct journal_copy *copy = &journal->copies[index];
    uint32_t *pages = copy_pages(journal, copy);

    for (size_t i = 0; i < journal->room_pages; i++)
        pool_drop(journal, pages[i]);
    journal->owner.release(copy->bytes, journal->copy_bytes);
    for (uint32_t i = index; i + 1 < journal->copy_count; i++)
        journal->copies[i] = journal->copies[i + 1];
    journal->copy_count--;
}

/* Every other copy goes, and the next ones are twice as far apart. */
static void copies_thin(struct journal *journal)
{
    for (uint32_t i = 0; i < journal->copy_count; i++)
        copy_drop(journal, i);
    journal->interval *= 2;
}

/* The bytes of the room that its page PAGE has: the last may be short. */
static size_t page_bytes(size_t room_bytes, size_t page)
{
    size_t left = room_bytes - page * MM_PAGE;

    return left < MM_PAGE ? left : MM_PAGE;
}

/* Whether the words at A and B, or, B being NULL, zeroes, are the same. */
static bool words_are(const uint32_t *a, const uint32_t *b, size_t bytes)
{
    uint32_t differ = 0;

    for (size_t i = 0; i < bytes / 4 && differ == 0; i++)
        differ = a[i] ^ (b == NULL ? 0 : b[i]);
    return differ == 0;
}

/* Fills in the pages of COPY; BEFORE, the copy before it, shares its own. On
 * failure the pool has all pages back. */
static bool copy_room(struct journal *journal, struct journal_copy *copy,
                      const struct journal_copy *before)
{
    uint32_t *pages = copy_pages(journal, copy);
    const uint32_t *shared = before == NULL ? NULL
                                            : copy_pages(journal, before);
    size_t room_bytes;
    const unsigned char *room = lab_room(journal->lab, &room_bytes);

    for (size_t i = 0; i < journal->room_pages; i++) {
        const uint32_t *words = (const uint32_t *)(room + i * MM_PAGE);
        size_t bytes = page_bytes(room_bytes, i);

        if (shared != NULL && shared[i] != 0 &&
            words_are(words, pool_page(journal, shared[i]), bytes)) {
            pages[i] = shared[i];
            ++*pool_users(journal, pages[i]);
        } else if (words_are(words, NULL, bytes)) {
            pages[i] = 0;
        } else {
            pages[i] = pool_take(journal);
            if (pages[i] == 0) {
                while (i-- > 0)
                    pool_drop(journal, pages[i]);
                return false;
            }
            __builtin_memcpy(pool_page(journal, pages[i]), words, bytes);
        }
    }
    return true;
}

/* Keeps a copy of the lab as it is now, if there is room for one. */
static void copy_take(struct journal *journal)
{
    struct journal_copy copy = { .moment = journal->now };

    if (journal->copy_count == JOURNAL_COPIES)
        copies_thin(journal);
    copy.bytes = journal->owner.memory(journal->copy_bytes);
    if (copy.bytes == NULL)
        return;
    while (!copy_room(journal, &copy,
                      journal->copy_count == 0
                          ? NULL
                          : &journal->copies[journal->copy_count - 1])) {
        if (journal->copy_count <= 1) {
            journal->owner.release(copy.bytes, journal->copy_bytes);
            journal->interval *= 2;
            return;
        }
        copies_thin(journal);
    }
    __builtin_memcpy(copy.bytes, journal->extra, journal->extra_bytes);
    lab_fields_get(journal->lab, copy.bytes + journal->extra_bytes);
    journal->copies[journal->copy_count++] = copy;
}

/* Makes the lab what it was when COPY was taken. */
static void copy_restore(struct journal *journal,
                         const struct journal_copy *copy)
{
    const uint32_t *pages = copy_pages(journal, copy);
    size_t room_bytes;
    unsigned char *room = lab_room(journal->lab, &room_bytes);

    __builtin_memcpy(journal->extra, copy->bytes, journal->extra_bytes);
    lab_fields_set(journal->lab, copy->bytes + journal->extra_bytes);
    for (size_t i = 0; i < journal->room_pages; i++) {
        size_t bytes = page_bytes(room_bytes, i);

        if (pages[i] == 0)
            __builtin_memset(room + i * MM_PAGE, 0, bytes);
        else
            __builtin_memcpy(room + i * MM_PAGE, pool_page(journal, pages[i]),
                             bytes);
    }
    lab_room_was_set(journal->lab);
    journal->now = copy->moment;
}

/* A copy, when the time has come for one. */
static void copy_when_due(struct journal *journal)
{
    if (journal->now % journal->interval == 0 &&
        (journal->copy_count == 0 ||
         journal->copies[journal->copy_count - 1].moment < journal->now))
        copy_take(journal);
}

/* ---- entries ------------------------------------------------------------ */

static struct journal_entry *entry_at(const struct journal *journal,
                                      uint64_t index)
{
    struct journal_entry *chunk =
        journal->entry_chunks[index / ENTRIES_PER_CHUNK];

    return &chunk[index % ENTRIES_PER_CHUNK];
}

const struct journal_entry *journal_entry(const struct journal *journal,
                                          uint64_t index)
{
    return entry_at(journal, index);
}

const struct journal_entry *journal_find(const struct journal *journal,
                                         uint64_t moment, uint32_t *step)
{
    uint64_t low = 0, high = journal->entry_count;

    if (moment == 0 || moment > journal->end)
        return NULL;
    while (high - low > 1) {            /* the last that begins before it */
        uint64_t middle = low + (high - low) / 2;

        if (entry_at(journal, middle)->first < moment)
            low = middle;
        else
            high = middle;
    }
    *step = (uint32_t)(moment - 1 - entry_at(journal, low)->first);
    return entry_at(journal, low);
}

/* A new entry at the end, or NULL. */
static struct journal_entry *entry_new(struct journal *journal)
{
    uint64_t chunk = journal->entry_count / ENTRIES_PER_CHUNK;

    if (chunk == JOURNAL_CHUNKS)
        return NULL;
    if (journal->entry_chunks[chunk] == NULL)
        journal->entry_chunks[chunk] =
            journal->owner.memory(JOURNAL_CHUNK_BYTES);
    if (journal->entry_chunks[chunk] == NULL)
        return NULL;
    return entry_at(journal, journal->entry_count);
}

/* A copy of TEXT, in the journal's own memory, or NULL. */
static char *text_keep(struct journal *journal, const char *text)
{
    size_t bytes = __builtin_strlen(text) + 1;
    char *to;

    if (bytes > JOURNAL_CHUNK_BYTES)
        return NULL;
    if (journal->text_used + bytes > JOURNAL_CHUNK_BYTES) {
        if (journal->text_chunk + 1 == JOURNAL_CHUNKS)
            return NULL;
        journal->text_chunk++;
        journal->text_used = 0;
    }
    if (journal->text_chunks[journal->text_chunk] == NULL)
        journal->text_chunks[journal->text_chunk] =
            journal->owner.memory(JOURNAL_CHUNK_BYTES);
    to = journal->text_chunks[journal->text_chunk];
    if (to == NULL)
        return NULL;
    to += journal->text_used;
    __builtin_memcpy(to, text, bytes);
    journal->text_used += (uint32_t)bytes;
    return to;
}

/* Forgets what lies behind now. The texts of it stay where they are. */
static void future_forget(struct journal *journal)
{
    uint32_t step;

    if (journal->now == journal->end)
        return;
    while (journal->copy_count > 0 &&
           journal->copies[journal->copy_count - 1].moment > journal->now)
        copy_drop(journal, journal->copy_count - 1);
    while (journal->entry_count > 0 &&
           entry_at(journal, journal->entry_count - 1)->first >= journal->now)
        journal->entry_count--;
    if (journal_find(journal, journal->now, &step) != NULL)
        entry_at(journal, journal->entry_count - 1)->count = step + 1;
    journal->end = journal->now;
}

/* The lab is at the next moment, which ENTRY has led to, unless it is NULL:
 * then this cannot be undone. */
static void moment_add(struct journal *journal, bool noted)
{
    if (!noted) {
        journal->full = true;
        return;
    }
    journal->end = ++journal->now;
    copy_when_due(journal);
}

void journal_add(struct journal *journal, const char *text)
{
    struct journal_entry *entry;

    if (journal->lab == NULL || journal->full)
        return;
    future_forget(journal);
    entry = entry_new(journal);
    text = entry == NULL ? NULL : text_keep(journal, text);
    if (text != NULL) {
        *entry = (struct journal_entry){
            .first = journal->now, .count = 1, .text = text };
        journal->entry_count++;
    }
    moment_add(journal, text != NULL);
}

void journal_add_step(struct journal *journal, uint32_t position)
{
    struct journal_entry *last, *entry;

    if (journal->lab == NULL || journal->full)
        return;
    future_forget(journal);
    last = journal->entry_count == 0
               ? NULL : entry_at(journal, journal->entry_count - 1);
    if (last != NULL && last->text == NULL &&
        last->position + last->count == position) {
        last->count++;
        moment_add(journal, true);
        return;
    }
    entry = entry_new(journal);
    if (entry != NULL) {
        *entry = (struct journal_entry){
            .first = journal->now, .count = 1, .position = position };
        journal->entry_count++;
    }
    moment_add(journal, entry != NULL);
}

bool journal_copy_entries(struct journal *to, const struct journal *from)
{
    to->owner = from->owner;
    for (uint64_t i = 0; i < from->entry_count; i++) {
        const struct journal_entry *entry = entry_at(from, i);
        struct journal_entry *copy;

        if (entry->first >= from->now)
            break;
        copy = entry_new(to);
        if (copy == NULL)
            return false;
        *copy = *entry;
        if (copy->first + copy->count > from->now)
            copy->count = (uint32_t)(from->now - copy->first);
        if (entry->text != NULL)
            copy->text = text_keep(to, entry->text);
        if (entry->text != NULL && copy->text == NULL)
            return false;
        to->entry_count++;
    }
    to->now = to->end = from->now;
    return true;
}

/* ---- going -------------------------------------------------------------- */

/* The last copy before MOMENT, or NULL. */
static const struct journal_copy *copy_before(const struct journal *journal,
                                              uint64_t moment)
{
    const struct journal_copy *copy = NULL;

    for (uint32_t i = 0; i < journal->copy_count &&
                         journal->copies[i].moment < moment; i++)
        copy = &journal->copies[i];
    return copy;
}

bool journal_go(struct journal *journal, uint64_t moment)
{
    const struct journal_copy *copy = copy_before(journal, moment);

    if (journal->lab == NULL || journal->full || moment > journal->end)
        return false;
    if (journal->now >= moment ||
        (copy != NULL && copy->moment > journal->now)) {
        if (copy != NULL) {
            copy_restore(journal, copy);
        } else {
            journal->owner.restart(journal->owner.context);
            journal->now = 0;
        }
    }
    while (journal->now < moment) {
        uint32_t step;
        const struct journal_entry *entry =
            journal_find(journal, journal->now + 1, &step);

        journal->owner.redo(journal->owner.context, entry, step);
        journal->now++;
        copy_when_due(journal);
    }
    return true;
}

/* ---- from the beginning to the end -------------------------------------- */

void journal_open(struct journal *journal, const struct journal_owner *owner,
                  struct lab *lab, void *extra, size_t extra_bytes)
{
    size_t room_bytes, fields = (lab_fields_bytes(lab) + 7) / 8 * 8;

    __builtin_memset(journal, 0, sizeof(*journal));
    journal->owner = *owner;
    journal->lab = lab;
    journal->extra = extra;
    journal->extra_bytes = extra_bytes;
    lab_room(lab, &room_bytes);
    journal->room_pages = (room_bytes + MM_PAGE - 1) / MM_PAGE;
    journal->copy_bytes =
        (extra_bytes + 7) / 8 * 8 + fields + journal->room_pages * 4;
    journal->interval = JOURNAL_INTERVAL;
    while (journal->interval * ROOM_PAGES_PER_MOMENT < journal->room_pages)
        journal->interval *= 2;
}

/* Gives back COUNT chunks of BYTES each. */
static void chunks_release(struct journal *journal, void **chunks,
                           unsigned count, size_t bytes)
{
    for (unsigned i = 0; i < count; i++) {
        if (chunks[i] != NULL)
            journal->owner.release(chunks[i], bytes);
        chunks[i] = NULL;
    }
}

void journal_close(struct journal *journal)
{
    while (journal->copy_count > 0)
        copy_drop(journal, journal->copy_count - 1);
    chunks_release(journal, journal->entry_chunks, JOURNAL_CHUNKS,
                   JOURNAL_CHUNK_BYTES);
    chunks_release(journal, journal->text_chunks, JOURNAL_CHUNKS,
                   JOURNAL_CHUNK_BYTES);
    chunks_release(journal, journal->pool_chunks, JOURNAL_POOL_CHUNKS,
                   POOL_CHUNK_BYTES);
    __builtin_memset(journal, 0, sizeof(*journal));
}
