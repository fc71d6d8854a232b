/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - letters and requested sizes of the live payloads
 *
 * Theory of operation
 * -------------------
 * Every live payload has an entry. An entry keeps its place in the table for
 * life; unused places are threaded through `next`, and the ones above `risen`
 * were never used. Two hashes lead to it, one by the payload's offset, one by
 * its letter. A hash is an array of places that hold an entry's number + 1,
 * or 0: at most half of them are taken.
 *
 * To find a key we start at the place that the key hashes to (its home) and
 * look at one place after the other until we meet the key or an empty place:
 *
 *     place    4     5     6     7     8
 *            +-----+-----+-----+-----+-----+
 *            |  a  |  b  |  c  |     |  d  |       c's home is 4
 *            +-----+-----+-----+-----+-----+
 *
 * To remove b we must not leave a hole between c and its home, or c would
 * never be found again. Marking the place "was used" would do, but the marks
 * pile up until every search is long. Instead we close the gap: whoever
 * behind it has its home at the gap or before it moves into the gap, which
 * leaves a new gap to close, until an empty place ends the run.
 *
 *     place    4     5     6     7     8
 *            +-----+-----+-----+-----+-----+
 *            |  a  |  c  |     |     |  d  |       as if b had never been
 *            +-----+-----+-----+-----+-----+
 *
 * The live entries are also linked in the order of their letters. A newborn
 * has the highest letter so far and goes to the end; only a payload that
 * realloc moved goes to an earlier place.
 *
 * References: Knuth, TAOCP vol. 3, section 6.4, algorithms L and R.
 */
#include "ledger.h"

#include "../mm/ranges.h"

enum hash { BY_OFFSET, BY_LETTER };

/* ---- where things are -------------------------------------------------- */

static uint32_t hash_log2_for(uint32_t capacity)
{
    uint32_t log2 = 1;

    while ((UINT32_C(1) << log2) < 2 * capacity)
        log2++;
    return log2;
}

size_t ledger_bytes(uint32_t capacity)
{
    return sizeof(struct ledger) + capacity * sizeof(struct ledger_entry) +
           ((size_t)2 << hash_log2_for(capacity)) * sizeof(uint32_t);
}

static struct ledger_entry *entries(const struct ledger *ledger)
{
    return (struct ledger_entry *)((uintptr_t)ledger + sizeof *ledger);
}

static uint32_t *places(const struct ledger *ledger, enum hash hash)
{
    uint32_t *first = (uint32_t *)(entries(ledger) + ledger->capacity);

    return first + ((size_t)hash << ledger->hash_log2);
}

/* The entry with NUMBER, from 1. */
static struct ledger_entry *entry_at(const struct ledger *ledger,
                                     uint32_t number)
{
    return &entries(ledger)[number - 1];
}

static uint32_t number_of(const struct ledger *ledger,
                          const struct ledger_entry *entry)
{
    return (uint32_t)(entry - entries(ledger)) + 1;
}

/* ---- the hashes -------------------------------------------------------- */

static uint64_t key_of(const struct ledger_entry *entry, enum hash hash)
{
    return hash == BY_OFFSET ? entry->at : entry->letter;
}

/* The place where the search for KEY starts: 2^64 divided by the golden
 * ratio spreads keys that lie in rows. */
static uint32_t home_of(const struct ledger *ledger, uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >>
                      (64 - ledger->hash_log2));
}

static uint32_t place_after(const struct ledger *ledger, uint32_t place)
{
    return (place + 1) & ((UINT32_C(1) << ledger->hash_log2) - 1);
}

/* The place that holds KEY, or the empty one where it would go. */
static uint32_t hash_search(const struct ledger *ledger, enum hash hash,
                            uint64_t key)
{
    const uint32_t *place = places(ledger, hash);
    uint32_t i = home_of(ledger, key);

    while (place[i] != 0 && key_of(entry_at(ledger, place[i]), hash) != key)
        i = place_after(ledger, i);
    return i;
}

static struct ledger_entry *hash_find(const struct ledger *ledger,
                                      enum hash hash, uint64_t key)
{
    uint32_t number = places(ledger, hash)[hash_search(ledger, hash, key)];

    return number == 0 ? NULL : entry_at(ledger, number);
}

static void hash_insert(struct ledger *ledger, enum hash hash,
                        const struct ledger_entry *entry)
{
    uint32_t i = hash_search(ledger, hash, key_of(entry, hash));

    places(ledger, hash)[i] = number_of(ledger, entry);
}

static void hash_remove(struct ledger *ledger, enum hash hash,
                        const struct ledger_entry *entry)
{
    uint32_t *place = places(ledger, hash);
    uint32_t mask = (UINT32_C(1) << ledger->hash_log2) - 1;
    uint32_t gap = hash_search(ledger, hash, key_of(entry, hash));

    for (uint32_t i = place_after(ledger, gap); place[i] != 0;
         i = place_after(ledger, i)) {
        uint32_t home = home_of(ledger,
                                key_of(entry_at(ledger, place[i]), hash));

        /* going round the array, is the gap on the way from home to i? */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            place[gap] = place[i];
            gap = i;
        }
    }
    place[gap] = 0;
}

/* ---- entries, in the order of their letters ----------------------------- */

static void order_remove(struct ledger *ledger, struct ledger_entry *entry)
{
    if (entry->previous != 0)
        entry_at(ledger, entry->previous)->next = entry->next;
    else
        ledger->first = entry->next;
    if (entry->next != 0)
        entry_at(ledger, entry->next)->previous = entry->previous;
    else
        ledger->last = entry->previous;
}

/* Time: the live entries with a higher letter. */
static void order_insert(struct ledger *ledger, struct ledger_entry *entry)
{
    uint32_t after = 0, before = ledger->last;

    while (before != 0 && entry_at(ledger, before)->letter > entry->letter) {
        after = before;
        before = entry_at(ledger, before)->previous;
    }
    entry->previous = before;
    entry->next = after;
    if (before != 0)
        entry_at(ledger, before)->next = number_of(ledger, entry);
    else
        ledger->first = number_of(ledger, entry);
    if (after != 0)
        entry_at(ledger, after)->previous = number_of(ledger, entry);
    else
        ledger->last = number_of(ledger, entry);
}

/* An entry that is not in use, or NULL. */
static struct ledger_entry *entry_take(struct ledger *ledger)
{
    uint32_t number = ledger->spare;

    if (number != 0)
        ledger->spare = entry_at(ledger, number)->next;
    else if (ledger->risen < ledger->capacity)
        number = ++ledger->risen;
    else
        return NULL;
    ledger->count++;
    return entry_at(ledger, number);
}

/* ---- births and deaths -------------------------------------------------- */

static void remember_freed(struct ledger *ledger,
                           const struct ledger_entry *entry)
{
    ledger->freed[ledger->freed_next] = (struct ledger_freed){
        .at = entry->at, .request = entry->request,
        .letter = entry->letter, .kind = entry->kind,
        .birth = entry->birth, .death = ledger->operations,
    };
    ledger->freed_next = (ledger->freed_next + 1) % LEDGER_FREED;
}

static void entry_bury(struct ledger *ledger, struct ledger_entry *entry)
{
    uint32_t number = number_of(ledger, entry);

    remember_freed(ledger, entry);
    hash_remove(ledger, BY_OFFSET, entry);
    hash_remove(ledger, BY_LETTER, entry);
    order_remove(ledger, entry);
    ledger->requested -= entry->request;
    *entry = (struct ledger_entry){ .next = ledger->spare };
    ledger->spare = number;
    ledger->count--;
}

static void payload_born(struct ledger *ledger, uint64_t at,
                         uint64_t request, enum ledger_kind kind)
{
    struct ledger_entry *entry = hash_find(ledger, BY_OFFSET, at);

    /* A damaged heap may hand out what is live already: the new one counts. */
    if (entry != NULL)
        entry_bury(ledger, entry);
    entry = entry_take(ledger);
    if (entry == NULL) {
        ledger->unknown++;
        return;
    }
    *entry = (struct ledger_entry){
        .at = at, .request = request, .letter = ledger->letters++,
        .birth = ledger->operations, .kind = kind,
    };
    hash_insert(ledger, BY_OFFSET, entry);
    hash_insert(ledger, BY_LETTER, entry);
    order_insert(ledger, entry);
    ledger->requested += request;
}

static void payload_freed(struct ledger *ledger, uint64_t at)
{
    struct ledger_entry *entry = hash_find(ledger, BY_OFFSET, at);

    if (entry != NULL)
        entry_bury(ledger, entry);
    else if (ledger->unknown > 0)
        ledger->unknown--;
}

static void payload_resized(struct ledger *ledger, uint64_t at,
                            uint64_t request)
{
    struct ledger_entry *entry = hash_find(ledger, BY_OFFSET, at);

    if (entry == NULL)
        return;
    ledger->requested += request - entry->request;
    entry->request = request;
}

/* Whether this TAKE is of the range that was mapped just before. */
static bool is_large(const struct ledger *ledger,
                     const struct mm_event *event)
{
    return ledger->large_at != LEDGER_NOWHERE &&
           event->at > ledger->large_at &&
           event->at - ledger->large_at < event->size;
}

/* ---- the interface ------------------------------------------------------ */

struct ledger *ledger_init(void *memory, uint32_t capacity)
{
    struct ledger *ledger = memory;

    *ledger = (struct ledger){
        .capacity = capacity, .hash_log2 = hash_log2_for(capacity),
        .large_at = LEDGER_NOWHERE,
    };
    for (uint32_t i = 0; i < capacity; i++)
        entries(ledger)[i] = (struct ledger_entry){ 0 };
    for (size_t i = 0; i < (size_t)2 << ledger->hash_log2; i++)
        places(ledger, BY_OFFSET)[i] = 0;
    return ledger;
}

/* The payload at AT was given back. Of what another thread freed, its owner
 * says so again, later: by then it has no entry any more. */
static void payload_given(struct ledger *ledger, uint64_t at)
{
    ledger->late = ledger->waiting > 0 &&
                   hash_find(ledger, BY_OFFSET, at) == NULL;
    if (ledger->late) {
        ledger->waiting--;
        return;
    }
    ledger->operations++;
    payload_freed(ledger, at);
}

void ledger_event(struct ledger *ledger, const struct mm_event *event)
{
    bool callers = event->use == MM_USE_CALLER;

    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_TAKE:
        if (!callers)
            break;
        ledger->operations++;
        payload_born(ledger, event->at, event->request,
                     is_large(ledger, event) ? LEDGER_LARGE : LEDGER_BLOCK);
        ledger->large_at = LEDGER_NOWHERE;
        break;
    case MM_EVENT_REUSE:
        ledger->operations++;
        payload_born(ledger, event->at, event->request, LEDGER_BLOCK);
        break;
    case MM_EVENT_SLOT_TAKE:
        ledger->operations++;
        payload_born(ledger, event->at, event->request, LEDGER_SLOT);
        break;
    case MM_EVENT_RELEASE:
        if (callers)
            payload_given(ledger, event->at);
        break;
    case MM_EVENT_KEEP:
    case MM_EVENT_SLOT_GIVE:
        payload_given(ledger, event->at);
        break;
    case MM_EVENT_WAIT:                 /* or it waits for the second time */
        ledger->late = hash_find(ledger, BY_OFFSET, event->at) == NULL;
        if (ledger->late)
            break;
        ledger->waiting++;
        ledger->operations++;
        payload_freed(ledger, event->at);
        break;
    case MM_EVENT_REMOTE_PUSH:
        ledger->waiting++;
        ledger->late = false;
        ledger->operations++;
        payload_freed(ledger, event->at);
        break;
    case MM_EVENT_RESIZE:
        ledger->operations++;
        ledger->large_at = LEDGER_NOWHERE;
        payload_resized(ledger, event->at, event->request);
        break;
    case MM_EVENT_REFUSE:
        ledger->operations++;
        ledger->large_at = LEDGER_NOWHERE;
        break;
    case MM_EVENT_MAP:
        if (event->other == RANGE_LARGE)    /* a page of tags may follow */
            ledger->large_at = event->at;
        break;
    case MM_EVENT_UNMAP:
        ledger->large_at = LEDGER_NOWHERE;
        break;
    default:
        break;
    }
}

/* The remembered death of the payload FROM that had an entry, or NULL. */
static struct ledger_freed *last_death(struct ledger *ledger, uint64_t from)
{
    uint32_t i = (ledger->freed_next + LEDGER_FREED - 1) % LEDGER_FREED;
    struct ledger_freed *freed = &ledger->freed[i];

    return freed->death != 0 && freed->at == from ? freed : NULL;
}

void ledger_move(struct ledger *ledger, uint64_t from, uint64_t to)
{
    struct ledger_freed *old = last_death(ledger, from);
    struct ledger_entry *entry = hash_find(ledger, BY_OFFSET, to);

    if (old == NULL || entry == NULL)
        return;                         /* one of them is unknown to us */

    if (entry->letter + 1 == ledger->letters)
        ledger->letters--;
    hash_remove(ledger, BY_LETTER, entry);
    order_remove(ledger, entry);
    entry->letter = old->letter;
    entry->birth = old->birth;
    hash_insert(ledger, BY_LETTER, entry);
    order_insert(ledger, entry);

    ledger->operations--;
    ledger->freed_next = (uint32_t)(old - ledger->freed);
    *old = (struct ledger_freed){ 0 };  /* it did not die, it moved */
}

void ledger_forget(struct ledger *ledger, uint32_t letter)
{
    if (ledger->letters <= letter ||
        (ledger->last != 0 && entry_at(ledger, ledger->last)->letter >= letter))
        return;
    ledger->letters = letter;
    for (uint32_t i = 0; i < LEDGER_FREED; i++)
        if (ledger->freed[i].letter >= letter)
            ledger->freed[i] = (struct ledger_freed){ 0 };
}

const struct ledger_entry *ledger_find(const struct ledger *ledger,
                                       uint64_t at)
{
    return hash_find(ledger, BY_OFFSET, at);
}

const struct ledger_entry *ledger_find_letter(const struct ledger *ledger,
                                              uint32_t letter)
{
    return hash_find(ledger, BY_LETTER, letter);
}

const struct ledger_entry *ledger_first(const struct ledger *ledger)
{
    return ledger->first == 0 ? NULL : entry_at(ledger, ledger->first);
}

const struct ledger_entry *ledger_next(const struct ledger *ledger,
                                       const struct ledger_entry *entry)
{
    return entry->next == 0 ? NULL : entry_at(ledger, entry->next);
}

/* The remembered death number I, 0 the latest; NULL where there is none. */
static const struct ledger_freed *death(const struct ledger *ledger,
                                        uint32_t i)
{
    uint32_t place = (ledger->freed_next + 2 * LEDGER_FREED - 1 - i) %
                     LEDGER_FREED;

    return ledger->freed[place].death == 0 ? NULL : &ledger->freed[place];
}

const struct ledger_freed *ledger_find_freed(const struct ledger *ledger,
                                             uint64_t at)
{
    for (uint32_t i = 0; i < LEDGER_FREED; i++) {
        const struct ledger_freed *freed = death(ledger, i);

        if (freed != NULL && freed->at == at)
            return freed;
    }
    return NULL;
}

const struct ledger_freed *ledger_find_freed_letter(
    const struct ledger *ledger, uint32_t letter)
{
    for (uint32_t i = 0; i < LEDGER_FREED; i++) {
        const struct ledger_freed *freed = death(ledger, i);

        if (freed != NULL && freed->letter == letter)
            return freed;
    }
    return NULL;
}

/* ---- letters and their text --------------------------------------------- */

/* Letters count like the columns of a spreadsheet: a = 1 ... z = 26,
 * aa = 27, with no digit zero. Our numbers start at 0. */
char *ledger_letter_text(uint32_t letter, char text[LEDGER_LETTER_CHARS])
{
    uint64_t n = (uint64_t)letter + 1;
    char reversed[LEDGER_LETTER_CHARS];
    unsigned length = 0;

    for (; n > 0; n = (uint32_t)(n - 1) / 26)
        reversed[length++] = (char)('a' + (uint32_t)(n - 1) % 26);
    for (unsigned i = 0; i < length; i++)
        text[i] = reversed[length - 1 - i];
    text[length] = '\0';
    return text;
}

bool ledger_letter_number(const char *text, size_t length, uint32_t *letter)
{
    uint64_t n = 0;

    if (length == 0 || length >= LEDGER_LETTER_CHARS)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < 'a' || text[i] > 'z')
            return false;
        n = n * 26 + (uint64_t)(text[i] - 'a') + 1;
    }
    if (n - 1 > UINT32_MAX)
        return false;
    *letter = (uint32_t)(n - 1);
    return true;
}
