/* SPDX-License-Identifier: MIT */
/*
 * memmap.h - which bytes of physical memory are ours to use, and why not
 *
 * The firmware hands over a list of *regions*: base, length, type. The list
 * may be unsorted, its regions may overlap, have no length, or wrap past the
 * end of the address space; and it counts as available what is taken already:
 * our own image, the boot information, the modules. memmap_build() turns it
 * into *pieces* that can be trusted:
 *
 *   firmware  |---- available ----|-- reserved --|---- available -----...
 *                       |-- reserved --|            (an overlap)
 *   ours         |kernel|
 *
 *   pieces    |u |kernel|reserved |reserved      |p| usable            ...
 *                                                 ^ a partial frame
 *
 * What holds for the pieces of every map that memmap_build() made, unless it
 * says that it ran out of room (pieces_dropped > 0, and then M2 and M3 hold
 * for what is there; memory is lost, never invented):
 *
 *   M1  Every byte that a region or a reservation mentions lies in exactly
 *       one piece, and no other byte does.
 *   M2  Pieces are sorted by address and do not overlap.
 *   M3  A usable piece consists of whole frames. Every byte of it is called
 *       available by a region, and by no region anything else; no
 *       reservation touches it; it lies below the limit of the architecture;
 *       and, if the map was spoken by a file rather than by this machine's
 *       firmware, this machine has memory there.
 *   M4  Every frame of which M3 is true lies in a usable piece: nothing is
 *       lost to rounding but parts of frames.
 *
 * Who decides about a byte when several speak: the one whose reason comes
 * first in enum memmap_reason. "Usable" comes last there, so that everyone
 * else wins against it: overlaps are resolved against us.
 *
 * Intervals are half-open, [start, end), in bytes of physical memory, always
 * 64 bits wide. An end that would be 2^64 is written MEMMAP_TOP: one byte is
 * lost that no PC can address.
 *
 * Nothing here allocates, has state, or knows the machine: the same file
 * runs in both kernels, in the shell on the host, and in the tests.
 *
 * This header may be included from src/shell and src/host.
 */

#ifndef HEAPGLASS_KERNEL_MEMMAP_H
#define HEAPGLASS_KERNEL_MEMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what goes in ------------------------------------------------------- */

/* The types that firmware and loaders use; all others are reserved to us. */
enum firmware_type {
    FIRMWARE_AVAILABLE        = 1,
    FIRMWARE_RESERVED         = 2,
    FIRMWARE_ACPI_RECLAIMABLE = 3,  /* tables; free once they are parsed */
    FIRMWARE_ACPI_NVS         = 4,  /* the firmware's own, for ever */
    FIRMWARE_BAD              = 5,
    FIRMWARE_PERSISTENT       = 7,  /* keeps its content without power */
    FIRMWARE_PERSISTENT_OLD   = 12, /* the same, before it had a number */
    FIRMWARE_COREBOOT         = 16, /* coreboot's tables */
    FIRMWARE_GRUB_CODE        = 20, /* GRUB's code under UEFI */
};

/* One region as the firmware gave it: nothing corrected, nothing cut. */
struct firmware_entry {
    uint64_t base;
    uint64_t length;
    uint32_t type;      /* enum firmware_type, or any other number */
    bool     disabled;  /* ACPI 3 gave attributes, and they say: ignore it */
};

/* Why a byte belongs to whom. The order is the order of precedence. */
enum memmap_reason {
    /* Our own reservations. */
    MEMMAP_KERNEL_IMAGE,
    MEMMAP_BOOT_INFORMATION,
    MEMMAP_MODULE,
    MEMMAP_FRAMEBUFFER,
    MEMMAP_FRAME_ZERO,          /* looks like NULL; holds BIOS data */
    /* What the firmware says. */
    MEMMAP_BAD,
    MEMMAP_ACPI_NVS,
    MEMMAP_ACPI_RECLAIMABLE,
    MEMMAP_PERSISTENT,
    MEMMAP_LOADER_TABLES,       /* types 16 and 20 */
    MEMMAP_UNKNOWN_TYPE,
    MEMMAP_RESERVED,
    MEMMAP_DISABLED,
    MEMMAP_WRAPS,               /* "available", with an impossible length */
    /* Ours again, and the last word before a byte is memory. */
    MEMMAP_FIRST_MEGABYTE,      /* [0xA0000, 0x100000): screen and ROM */
    MEMMAP_ABSENT,              /* a map from a file; not in this machine */
    MEMMAP_OUT_OF_REACH,        /* above the limit of the architecture */
    MEMMAP_PARTIAL_FRAME,       /* good, but not all of its frame is */
    MEMMAP_USABLE,
};
enum { MEMMAP_REASONS = MEMMAP_USABLE + 1 };

/* Something of ours that lies in physical memory. */
struct memmap_reservation {
    uint64_t start, end;
    enum memmap_reason reason;  /* one of "our own" above */
    const char *name;           /* of a module; or NULL */
};

enum {
    MEMMAP_FRAME_SIZE = 4096,
    MEMMAP_FIRMWARE_AREA_START = 0xA0000,
    MEMMAP_FIRMWARE_AREA_END   = 0x100000,
};
#define MEMMAP_TOP UINT64_MAX

/* What a kernel can address: i686 without PAE 4 GiB; x86_64 16 TiB, since
 * our frame numbers have 32 bits. */
#define MEMMAP_LIMIT_I686   ((uint64_t)1 << 32)
#define MEMMAP_LIMIT_X86_64 ((uint64_t)1 << 44)

/*
 * Everything that memmap_build() looks at. The arrays stay the caller's, and
 * must stay as they are while the map is in use (memmap_describe() reads the
 * types and names again).
 *
 * Frame 0 and [0xA0000, 0x100000) need no reservation: they are always
 * reserved, as MEMMAP_FRAME_ZERO and MEMMAP_FIRST_MEGABYTE. These two are
 * cut to what some region or reservation mentions, so that M1 stays true.
 */
struct memmap_input {
    const struct firmware_entry *entries;
    size_t entry_count;
    const struct memmap_reservation *reservations;
    size_t reservation_count;
    uint64_t limit;                         /* MEMMAP_LIMIT_... */

    /* With a map from a file (`make run MAP=...`), ENTRIES is the file's
     * list, and this is what this machine's firmware said; else NULL, 0. */
    const struct firmware_entry *machine;
    size_t machine_count;
};

/* ---- what comes out ----------------------------------------------------- */

struct memmap_piece {
    uint64_t start, end;
    uint8_t  reason;        /* enum memmap_reason */
    bool     is_ram;        /* called available, and nothing else, by all
                               who mention it: RAM, if not always ours */
    int16_t  entry;         /* the region that decided; where something of
                               ours did, the one below it; -1: none. Where
                               good regions were joined, the first one */
    int16_t  reservation;   /* the reservation that decided, or -1 */
    int16_t  overruled;     /* a region that called it available, though the
                               firmware contradicts itself; or -1 */
};

/* Indexes above have 16 bits: what is beyond is not looked at, so it is
 * refused (memmap_build() answers false). */
enum { MEMMAP_ENTRIES_MAX = 4096, MEMMAP_RESERVATIONS_MAX = 1024 };

/* Pieces that N regions and reservations can need, at the very most. */
#define MEMMAP_PIECES_FOR(n) (4 * (size_t)(n) + 8)

struct memmap {
    struct memmap_input input;
    struct memmap_piece *pieces;    /* the caller's array */
    size_t piece_count;
    size_t piece_capacity;
    size_t pieces_dropped;          /* at most, for which it had no room */
    uint64_t usable_bytes_dropped;  /* ... and what memory that cost */
};

/*
 * Builds MAP from INPUT in PIECES, which has room for CAPACITY; see M1..M4.
 * When the room is spent the highest addresses are left out, and MAP counts
 * what that cost. False, with an empty map, if the input breaks a limit above
 * (too many entries, a limit that is no multiple of the frame size).
 *
 * Time: O((regions + reservations)^2), no matter how much memory there is.
 */
bool memmap_build(struct memmap *map, const struct memmap_input *input,
                  struct memmap_piece *pieces, size_t capacity);

/* The piece that contains ADDRESS, or NULL if nothing mentions it. O(log n) */
const struct memmap_piece *memmap_find(const struct memmap *map,
                                       uint64_t address);

/*
 * Walks the usable pieces in address order. Start with *CURSOR = 0; false
 * when there are no more. Gives frame numbers, [*FIRST, *END).
 */
bool memmap_next_usable(const struct memmap *map, size_t *cursor,
                        uint64_t *first, uint64_t *end);

/* How many frames are usable in all. */
uint64_t memmap_usable_frames(const struct memmap *map);

struct memmap_totals {
    uint64_t ram;                       /* bytes the firmware calls RAM */
    uint64_t usable;                    /* bytes we may hand out */
    uint64_t of_reason[MEMMAP_REASONS]; /* bytes; they sum to all pieces */
    size_t   pieces_of_reason[MEMMAP_REASONS];
};
void memmap_total(const struct memmap *map, struct memmap_totals *totals);

/* ---- words -------------------------------------------------------------- */

/* A reason in general, as in totals: "usable", "reserved by firmware". */
const char *memmap_reason_text(enum memmap_reason reason);

/* What the firmware's type number means: "available", "ACPI NVS"; numbers
 * without a meaning are "unknown". */
const char *firmware_type_text(uint32_t type);

/* What is odd about one region by itself: "zero length: ignored", "wraps past
 * 2^64: not trusted", ...; NULL when nothing is. */
const char *firmware_entry_remark(const struct firmware_entry *entry);

/*
 * One line (no newline) that says what became of PIECE and why, such as
 *   usable
 *   module boot/surface.map
 *   reserved by firmware (type 2); region 3 calls it available: decided
 *   against us
 *   above 4 GiB: this kernel cannot reach it
 * At most SIZE - 1 characters and a '\0'; 160 are always enough.
 */
enum { MEMMAP_DESCRIPTION_SIZE = 160 };
void memmap_describe(const struct memmap *map,
                     const struct memmap_piece *piece,
                     char *out, size_t size);

/* ---- maps as text ------------------------------------------------------- */

/*
 * A map can come as a text, one region a line (tests/maps/README.md):
 *
 *   # machine: QEMU i440FX, 16 MiB
 *   0x0000000000000000 0x000000000009fc00 1
 *   0x0000000000100000 0x0000000000ee0000 1 disabled
 *
 * base, length, type; numbers are decimal, or hexadecimal after 0x; blank
 * lines and what follows a # do not count.
 */
struct memmap_text {
    bool   ok;
    size_t count;           /* regions read */
    size_t line;            /* of the mistake, from 1; 0 when ok */
    char   sentence[96];    /* what was wrong and what would be right */
};

/* Reads SIZE bytes at TEXT (no '\0' needed) into ENTRIES. Stops at the first
 * mistake; then count says how many regions came before it. */
struct memmap_text memmap_parse_text(const char *text, size_t size,
                                     struct firmware_entry *entries,
                                     size_t capacity);

/* The machine that a map's "# machine: ..." line names, copied to OUT (SIZE
 * bytes with the '\0'); false, and an empty string, if there is none. */
bool memmap_text_machine(const char *text, size_t size,
                         char *out, size_t out_size);

#endif
