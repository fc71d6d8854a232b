/* SPDX-License-Identifier: MIT */
/*
 * sentence.c - an event in words, and as a line for programs
 *
 * The printing is our own few lines, because this folder rests on nothing but
 * src/mm. A pattern is copied to the text; these stand for the event's
 * fields:
 *
 *     @ at, as +0x2b0      # size        & other       ? request
 *     ! owner             $ a word that the event's case supplies
 */
#include "sentence.h"

#include "../mm/ranges.h"

struct text {
    char *to;
    size_t size, length;        /* length < size, or nothing is written */
};

static void put(struct text *text, char c)
{
    if (text->length + 1 < text->size)
        text->to[text->length++] = c;
}

static void put_word(struct text *text, const char *word)
{
    while (*word != '\0')
        put(text, *word++);
}

static void put_number(struct text *text, uint64_t n, unsigned base)
{
    char reversed[20];
    unsigned length = 0;

    do
        reversed[length++] = "0123456789abcdef"[n % base];
    while ((n /= base) > 0);
    while (length > 0)
        put(text, reversed[--length]);
}

static void put_pattern(struct text *text, const struct mm_event *event,
                        const char *pattern, const char *word)
{
    for (; *pattern != '\0'; pattern++) {
        switch (*pattern) {
        case '@':
            put_word(text, "+0x");
            put_number(text, event->at, 16);
            break;
        case '#':
            put_number(text, event->size, 10);
            break;
        case '&':
            put_number(text, event->other, 10);
            break;
        case '?':
            put_number(text, event->request, 10);
            break;
        case '!':
            put_number(text, event->owner, 10);
            break;
        case '$':
            put_word(text, word);
            break;
        default:
            put(text, *pattern);
            break;
        }
    }
}

static char *finish(struct text *text)
{
    if (text->size > 0)
        text->to[text->length] = '\0';
    return text->to;
}

const char *range_type_name(uint64_t type)
{
    static const char *const names[RANGE_TYPES] = {
        [RANGE_FREE] = "free", [RANGE_TAGS] = "tags",
        [RANGE_SPAN] = "span", [RANGE_LARGE] = "large",
        [RANGE_LAB] = "lab", [RANGE_STACK] = "stack",
        [RANGE_DEVICE] = "device", [RANGE_OTHER] = "other",
    };

    return type < RANGE_TYPES ? names[type] : "unknown";
}

/* The sentence's pattern; *WORD is what its $ stands for. */
static const char *pattern_of(const struct mm_event *event, const char **word)
{
    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_GROW:
        return " @: a span of # bytes enters the heap, one free block";
    case MM_EVENT_SHRINK:
        return " @: the empty span of # bytes leaves the heap";
    case MM_EVENT_SPLIT:
        return " @: keeps # bytes, the & bytes to the right stay free";
    case MM_EVENT_TAKE:
        return event->use == MM_USE_SLOTS
                   ? " @: # bytes leave the free list to become a slot page"
                   : " @: # bytes leave the free list for a request of ?";
    case MM_EVENT_RELEASE:
        return event->use == MM_USE_SLOTS
                   ? " @: # bytes, a slot page until now, are free"
                   : " @: # bytes are free";
    case MM_EVENT_COALESCE:
        return " @: takes in the & free bytes to its right, # bytes now";
    case MM_EVENT_RESIZE:
        if (event->size == event->other)
            return " @: stays # bytes, for a request of ? now";
        *word = event->size > event->other ? "grows" : "shrinks";
        return " @: $ in place from & to # bytes for a request of ?";
    case MM_EVENT_HOLD:
        return " @: frames are behind these # bytes now";
    case MM_EVENT_TRIM:
        return " @: the frames behind these # bytes are given back";
    case MM_EVENT_REFUSE:
        *word = mm_fault_name((enum mm_fault)event->other);
        return ": a request of ? bytes, because $";
    case MM_EVENT_PAGE_TAKE:
        return " @: becomes a slot page, cut into slots of # bytes";
    case MM_EVENT_PAGE_GIVE:
        return " @: the empty slot page becomes an ordinary block again";
    case MM_EVENT_SLOT_TAKE:
        *word = event->other ? "above the watermark" : "from the page's list";
        return " @: a slot of # bytes $ for a request of ?";
    case MM_EVENT_SLOT_GIVE:
        return " @: the slot of # bytes goes on its page's list";
    case MM_EVENT_MAP:
        *word = range_type_name(event->other);
        return " @: # bytes of pages are a range now, for: $";
    case MM_EVENT_UNMAP:
        return " @: # bytes of pages are free";
    case MM_EVENT_FRAME_TAKE:
        *word = event->other ? "above the watermark" : "off the list";
        return " @: # bytes of frames handed out, $";
    case MM_EVENT_FRAME_GIVE:
        return " @: the frame goes on the list";
    case MM_EVENT_KEEP:
        return " @: # bytes, freed, are kept for the next request";
    case MM_EVENT_REUSE:
        return " @: the kept block of # bytes serves a request of ?";
    case MM_EVENT_REMOTE_PUSH:
        return " @: freed by another thread, waits on the list of heap !";
    case MM_EVENT_REMOTE_DRAIN:
        return ": heap ! takes the # that other threads have freed";
    case MM_EVENT_ADOPT:
        return ": a heap that its thread has left has a new owner";
    case MM_EVENT_WAIT:
        return " @: freed; it waits before it can be used again";
    case MM_EVENT_KINDS:
        break;
    }
    return " @";
}

char *sentence_of(const struct mm_event *event, char *out, size_t size)
{
    struct text text = { .to = out, .size = size };
    const char *word = "";
    const char *pattern = pattern_of(event, &word);

    put_word(&text, mm_event_name((enum mm_event_kind)event->kind));
    put_pattern(&text, event, pattern, word);
    return finish(&text);
}

char *event_line(const struct mm_event *event, char *out, size_t size)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        { ",\"at\":", offsetof(struct mm_event, at) },
        { ",\"size\":", offsetof(struct mm_event, size) },
        { ",\"other\":", offsetof(struct mm_event, other) },
        { ",\"request\":", offsetof(struct mm_event, request) },
    };
    struct text text = { .to = out, .size = size };

    put_word(&text, "{\"event\":\"");
    put_word(&text, mm_event_name((enum mm_event_kind)event->kind));
    put(&text, '"');
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        put_word(&text, fields[i].name);
        put_number(&text, *(const uint64_t *)((const char *)event +
                                              fields[i].offset), 10);
    }
    put_word(&text, ",\"use\":");
    put_number(&text, event->use, 10);
    put_word(&text, ",\"owner\":");
    put_number(&text, event->owner, 10);
    put(&text, '}');
    return finish(&text);
}
