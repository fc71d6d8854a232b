/* SPDX-License-Identifier: MIT */
/*
 * record.c - listen to a program's malloc and free, and change nothing else
 *
 * Theory of operation
 * -------------------
 * The dynamic linker puts this library before the C library (LD_PRELOAD), so
 * that the program's malloc, free and the others arrive here. Each is passed
 * on to the C library's own, and noted in a *log*: a file that is mapped
 * shared and full of holes, in which an event takes the next place by one
 * atomic addition. tools/record reads the log when the program has ended and
 * writes the trace.
 *
 *   R1  Nothing here allocates, takes a lock or prints. A program gets the
 *       same blocks as without us, and a signal handler may interrupt us.
 *   R2  An event's place is its place in time as far as a block is concerned:
 *       a free is noted before it happens and an alloc after, so that when
 *       two threads pass an address on, the log never shows two owners. A
 *       realloc does both and so is noted twice.
 *   R3  An event's kind is written last. A program may be killed at any
 *       point: a place that was taken and not filled reads LOG_NOTHING.
 *   R4  A log has one process. The page `mine` is wiped by the kernel in a
 *       forked child, which thus notices, whoever forked it and however, and
 *       opens a log of its own that names its parent's and how far that was.
 *       The program that comes after an exec opens another.
 *
 * The log needs no closing: what is written to a shared mapping is in the
 * file, also when the program crashes.
 *
 * What it cannot hear: programs that are linked statically or run setuid;
 * memory that a program gets from its own allocator or from mmap; what the
 * dynamic linker allocates before the C library has its environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The C library's own, under the names that it keeps for them. */
void *__libc_malloc(size_t size);
void __libc_free(void *payload);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *payload, size_t size);
void *__libc_memalign(size_t align, size_t size);

/* ---- the log's format (tools/record reads it) ------------------------------ */

enum log_kind {
    LOG_NOTHING,
    LOG_ALLOC,              /* address and size are the new block's */
    LOG_FREE,               /* address */
    LOG_REALLOC,            /* address of the old block, size wanted */
    LOG_REALLOC_DONE,       /* address of the new block; 0: refused */
};

struct log_event {
    uint64_t address;
    uint64_t size;
    uint32_t thread;        /* 1, 2, ... by first event */
    uint16_t align;         /* log2 of the alignment asked for; 0: none */
    _Atomic uint16_t kind;
};

struct log_head {
    char magic[8];
    uint64_t capacity;      /* in events */
    _Atomic uint64_t next;  /* above capacity: so many were lost */
    uint32_t pid;
    uint32_t serial;        /* the file is PID-SERIAL.log */
    uint32_t parent_pid;    /* 0: nobody's child, as far as we know */
    uint32_t parent_serial;
    uint64_t parent_next;   /* events in the parent's log at the fork */
    char name[16];
    char command[448];      /* words end in NUL */
};

_Static_assert(sizeof(struct log_event) == 24, "tools/record reads 24");
_Static_assert(sizeof(struct log_head) == 512, "tools/record reads 512");

enum { EVENTS_DEFAULT = 4000000 };

/* ---- the log of this process ------------------------------------------------ */

enum state { UNKNOWN, STARTING, RUNNING, OFF };

struct mine {
    _Atomic uint32_t state; /* reads UNKNOWN in a forked child: R4 */
};

static struct mine before_main;         /* until there is a page of its own */
static struct mine *_Atomic mine = &before_main;
static struct log_head *_Atomic log_head;
static _Atomic uint32_t threads;
static __thread uint32_t thread __attribute__((tls_model("initial-exec")));

static char *append(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *append_number(char *at, uint32_t number)
{
    char digits[11];
    char *first = digits + sizeof(digits) - 1;

    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return append(at, first);
}

/* Opens FOLDER/PID-SERIAL.log, SERIAL the first that is not taken. */
static int log_open(const char *folder, uint32_t pid, uint32_t *serial)
{
    char path[512];

    if (strlen(folder) > sizeof(path) - 40)
        return -1;
    for (*serial = 0; *serial < 100000; ++*serial) {
        char *at = append(append(path, folder), "/");

        append(append_number(append(append_number(at, pid), "-"), *serial),
               ".log");

        int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

static void read_command(struct log_head *log)
{
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

    prctl(PR_GET_NAME, log->name);
    if (file < 0)
        return;
    if (read(file, log->command, sizeof(log->command) - 1) < 0)
        log->command[0] = '\0';
    close(file);
}

/* A page that a forked child finds empty (R4). NULL: not to be had. */
static struct mine *mine_map(void)
{
    long page = sysconf(_SC_PAGESIZE);
    struct mine *map = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || madvise(map, (size_t)page, MADV_WIPEONFORK) != 0)
        return NULL;
    return map;
}

/* Maps a new log for this process. False: there is nowhere to write to. */
static bool log_start(void)
{
    const char *folder = getenv("HEAPGLASS_RECORD");
    const char *events = getenv("HEAPGLASS_RECORD_EVENTS");
    uint64_t capacity = events != NULL ? strtoull(events, NULL, 10) : 0;
    struct log_head *parent = log_head;
    uint32_t pid = (uint32_t)getpid();
    uint32_t serial;

    if (folder == NULL)
        return false;
    if (capacity == 0)
        capacity = EVENTS_DEFAULT;

    int file = log_open(folder, pid, &serial);
    size_t bytes = sizeof(struct log_head) +
                   capacity * sizeof(struct log_event);

    if (file < 0)
        return false;

    struct log_head *log = MAP_FAILED;

    if (ftruncate(file, (off_t)bytes) == 0)
        log = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (log == MAP_FAILED)
        return false;

    log->capacity = capacity;
    log->pid = pid;
    log->serial = serial;
    if (parent != NULL) {
        log->parent_pid = parent->pid;
        log->parent_serial = parent->serial;
        log->parent_next = parent->next;
    }
    read_command(log);
    memcpy(log->magic, "HGLOG 1", 8);
    log_head = log;
    if (parent != NULL)
        munmap(parent, sizeof(struct log_head) +
                       parent->capacity * sizeof(struct log_event));
    return true;
}

/*
 * The log to write to; NULL when there is none. The first caller in a process
 * starts it. A caller that comes while another is starting it goes unheard:
 * only before main and right after a fork, where there is one thread.
 */
static struct log_head *log_get(void)
{
    struct mine *page = mine;
    uint32_t state = page->state;

    if (__builtin_expect(state == RUNNING, 1))
        return log_head;
    if (state != UNKNOWN || environ == NULL)
        return NULL;
    if (!atomic_compare_exchange_strong(&page->state, &state, STARTING))
        return NULL;

    int error = errno;

    if (page == &before_main) {
        struct mine *map = mine_map();

        if (map == NULL) {              /* a child could not notice: R4 */
            page->state = OFF;
            return NULL;
        }
        mine = page = map;
    }
    page->state = log_start() ? RUNNING : OFF;
    errno = error;
    return page->state == RUNNING ? log_head : NULL;
}

static void note(enum log_kind kind, const void *address, size_t size,
                 size_t align)
{
    struct log_head *log = log_get();

    if (log == NULL)
        return;
    if (thread == 0)
        thread = atomic_fetch_add(&threads, 1) + 1;

    uint64_t at = atomic_fetch_add(&log->next, 1);

    if (at >= log->capacity)
        return;

    struct log_event *event = (struct log_event *)(log + 1) + at;

    event->address = (uintptr_t)address;
    event->size = size;
    event->thread = thread;
    event->align = align == 0 ? 0 : (uint16_t)__builtin_ctzl(align);
    atomic_store_explicit(&event->kind, kind, memory_order_release);  /* R3 */
}

/* ---- what the program calls ------------------------------------------------- */

#define PUBLIC __attribute__((visibility("default")))

PUBLIC void *malloc(size_t size)
{
    void *payload = __libc_malloc(size);

    if (payload != NULL)
        note(LOG_ALLOC, payload, size, 0);
    return payload;
}

PUBLIC void free(void *payload)
{
    if (payload != NULL)
        note(LOG_FREE, payload, 0, 0);
    __libc_free(payload);
}

PUBLIC void *calloc(size_t count, size_t size)
{
    void *payload = __libc_calloc(count, size);

    if (payload != NULL)
        note(LOG_ALLOC, payload, count * size, 0);
    return payload;
}

PUBLIC void *realloc(void *payload, size_t size)
{
    if (payload == NULL)
        return malloc(size);
    if (size == 0) {                    /* the C library frees, too */
        free(payload);
        return NULL;
    }
    note(LOG_REALLOC, payload, size, 0);

    void *moved = __libc_realloc(payload, size);

    note(LOG_REALLOC_DONE, moved, size, 0);
    return moved;
}

PUBLIC void *reallocarray(void *payload, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(payload, bytes);
}

PUBLIC void *memalign(size_t align, size_t size)
{
    void *payload = __libc_memalign(align, size);

    if (payload != NULL)
        note(LOG_ALLOC, payload, size,
             (align & (align - 1)) == 0 ? align : 0);
    return payload;
}

PUBLIC void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

PUBLIC int posix_memalign(void **result, size_t align, size_t size)
{
    if (align == 0 || align % sizeof(void *) != 0 ||
        (align & (align - 1)) != 0)
        return EINVAL;

    int error = errno;
    void *payload = memalign(align, size);

    errno = error;
    if (payload == NULL)
        return ENOMEM;
    *result = payload;
    return 0;
}

/*
 * A program that is linked with another allocator would ask that one about
 * the C library's blocks. The C library keeps no second name for its own
 * answer, so we read it where it does: in the word before the payload, whose
 * low three bits are flags, the second of them for a block that is a mapping.
 */
PUBLIC size_t malloc_usable_size(void *payload)
{
    if (payload == NULL)
        return 0;

    size_t word = ((size_t *)payload)[-1];
    size_t bytes = word & ~(size_t)7;

    return bytes - ((word & 2) != 0 ? 2 : 1) * sizeof(size_t);
}

PUBLIC void *valloc(size_t size)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

PUBLIC void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (size > SIZE_MAX - (page - 1)) {
        errno = ENOMEM;
        return NULL;
    }
    return memalign(page, (size + page - 1) & ~(page - 1));
}
