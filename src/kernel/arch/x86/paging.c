/* SPDX-License-Identifier: MIT */
/*
 * paging.c - page tables that are found through themselves
 *
 * Theory of operation
 * -------------------
 * A page table is an array of entries in one frame; the tables form a tree,
 * two levels high on i686, four on x86_64 (levels.h has the pictures). To
 * change an entry the kernel needs its address, and page tables may be in
 * any frame. The trick: one slot of the top table names the top table itself.
 * The CPU, walking the tree through that slot, comes by the top table once
 * too often, and so ends one level early: at a page table instead of a page.
 * All last-level entries of the machine thereby appear as one long array at
 * TABLES, indexed by page number:
 *
 *     entry of page P  =  TABLES + (P's number) * size of an entry
 *
 * Since that array is itself made of pages, the same formula applied twice
 * gives the entry of the table one level up, and so on to the top: that is
 * all that entry_of() does.
 *
 * Between any two calls:
 *
 *   P1  An entry is either 0 or present; what is not mapped has no entry.
 *   P2  Entries above the last level allow everything but user access; the
 *       last level alone decides about writing and executing.
 *   P3  No page is mapped for writing and executing both.
 *   P4  Page 0 and the pages below the stacks are not mapped.
 *
 * A new table is cleared through a window before it is linked in: the CPU may
 * walk the tables at any time, also speculatively, and must find no garbage.
 *
 * Reference: Intel SDM vol. 3, chapter 4; 4.10.4 on when to flush the TLB:
 * not when an entry becomes present.
 */
#include "kernel/paging.h"

#include "cpu.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "levels.h"

#include <stddef.h>

enum {
    ENTRY_PRESENT = 1 << 0,
    ENTRY_WRITE = 1 << 1,
    TABLE_ENTRIES = PAGE_SIZE / sizeof(page_entry_t),
};

/* Bit 63 where entries have one and the CPU knows it, else 0. */
static page_entry_t entry_no_execute;

/* Tables until there is a frame allocator: enough for the boot information,
   a few modules and the largest framebuffer. */
enum { EARLY_TABLES = 20 };

/* VGA text, which entry.asm maps so that a fault in it can be seen. */
enum { BOOT_SCREEN = 0xB8000 };

_Alignas(PAGE_SIZE) static unsigned char early_tables[EARLY_TABLES][PAGE_SIZE];
static unsigned early_tables_used;

static pfn_t (*table_frame)(void);
static uint32_t table_count;
static vaddr_t views_next = VIEWS_START;

extern char boot_start[], boot_end[], data_end[];

/* ---- entries ------------------------------------------------------------ */

/* The entry that translates ADDRESS at LEVEL (1 is the last). It may be read
 * only if those at all higher levels are present. */
static page_entry_t *entry_of(vaddr_t address, int level)
{
    while (level-- > 0)
        address = TABLES + ((address & VIRTUAL_MASK) >> PAGE_SHIFT) *
                               sizeof(page_entry_t);
    return (page_entry_t *)address;
}

static bool entry_is_present(const page_entry_t *entry)
{
    return (*entry & ENTRY_PRESENT) != 0;
}

static pfn_t entry_frame(const page_entry_t *entry)
{
    return pfn_of(*entry & ENTRY_FRAME);
}

static page_entry_t entry_make(pfn_t frame, unsigned protection)
{
    page_entry_t entry = (page_entry_t)paddr_of(frame) | ENTRY_PRESENT;

    if (protection & PAGE_WRITE)
        entry |= ENTRY_WRITE;
    if (!(protection & PAGE_EXEC))
        entry |= entry_no_execute;
    return entry;
}

/* The last-level entry of ADDRESS, or NULL where a table is missing. */
static page_entry_t *entry_find(vaddr_t address)
{
    for (int level = PAGING_LEVELS; level > 1; level--)
        if (!entry_is_present(entry_of(address, level)))
            return NULL;
    return entry_of(address, 1);
}

/* ---- tables ------------------------------------------------------------- */

static pfn_t table_frame_early(void)
{
    if (early_tables_used == EARLY_TABLES)
        return PFN_NONE;
    return pfn_of((vaddr_t)early_tables[early_tables_used++] - KERNEL_BASE);
}

/* The last-level entry of ADDRESS, with all tables above it; NULL when there
 * is no frame for one of them. */
static page_entry_t *entry_reach(vaddr_t address)
{
    for (int level = PAGING_LEVELS; level > 1; level--) {
        page_entry_t *entry = entry_of(address, level);

        if (entry_is_present(entry))
            continue;

        pfn_t frame = table_frame();

        if (frame == PFN_NONE)
            return NULL;
        memory_set(paging_window(WINDOW_TABLES, frame), 0, PAGE_SIZE);
        *entry = (page_entry_t)paddr_of(frame) | ENTRY_PRESENT | ENTRY_WRITE;
        table_count += table_frame != table_frame_early;
    }
    return entry_of(address, 1);
}

/* The table that the windows live in has to be there before any window can
 * be used to clear a table: these few come cleared, from .bss. */
static void windows_start(void)
{
    for (int level = PAGING_LEVELS; level > 1; level--) {
        page_entry_t *entry = entry_of(WINDOWS, level);

        if (!entry_is_present(entry))
            *entry = (page_entry_t)paddr_of(table_frame_early()) |
                     ENTRY_PRESENT | ENTRY_WRITE;
    }
}

/* ---- the interface ------------------------------------------------------ */

void paging_start(void)
{
    entry_no_execute = (page_entry_t)cpu_no_execute_bit();
    table_frame = table_frame_early;

    windows_start();

    /* The identity map ends here: slot 0 of the top table was all of it. */
    *entry_of(0, PAGING_LEVELS) = 0;
    cpu_flush_tlb();

    /* The boot code has done its work, and so has its view of the screen. */
    paging_unmap(KERNEL_BASE + BOOT_SCREEN);
    for (vaddr_t page = KERNEL_BASE + (vaddr_t)boot_start;
         page < KERNEL_BASE + (vaddr_t)boot_end; page += PAGE_SIZE)
        paging_unmap(page);
}

void paging_init(pfn_t (*new_table_frame)(void))
{
    table_frame = new_table_frame;
}

bool paging_map(vaddr_t page, pfn_t frame, unsigned protection)
{
    if (page % PAGE_SIZE != 0)
        panic("paging_map: 0x%zx is not the start of a page",
              (size_t)page);
    if ((protection & (PAGE_WRITE | PAGE_EXEC)) == (PAGE_WRITE | PAGE_EXEC))
        panic("paging_map: page 0x%zx would be writable and executable both",
              (size_t)page);

    page_entry_t *entry = entry_reach(page);

    if (entry == NULL)
        return false;
    if (entry_is_present(entry))
        panic("paging_map: page 0x%zx has a frame already; unmap it first",
              (size_t)page);
    *entry = entry_make(frame, protection);
    return true;
}

pfn_t paging_unmap(vaddr_t page)
{
    page_entry_t *entry = entry_find(page);

    if (entry == NULL || !entry_is_present(entry))
        return PFN_NONE;

    pfn_t frame = entry_frame(entry);

    *entry = 0;
    cpu_flush_page(page);
    return frame;
}

static bool table_is_empty(const page_entry_t *table)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        if (entry_is_present(&table[i]))
            return false;
    return true;
}

void paging_trim(vaddr_t page, uint32_t count, void (*give)(pfn_t frame))
{
    const vaddr_t reach = (vaddr_t)TABLE_ENTRIES * PAGE_SIZE;
    vaddr_t last = page + (vaddr_t)(count - 1) * PAGE_SIZE;

    for (vaddr_t at = page & ~(reach - 1); count > 0 && at <= last;
         at += reach) {
        page_entry_t *table = entry_find(at), *above = entry_of(at, 2);

        if (table == NULL || !table_is_empty(table))
            continue;

        pfn_t frame = entry_frame(above);

        *above = 0;
        cpu_flush_page((vaddr_t)table);         /* it was a page as well */
        table_count--;
        give(frame);
    }
}

void paging_protect(vaddr_t page, unsigned protection)
{
    page_entry_t *entry = entry_find(page);

    if (entry == NULL || !entry_is_present(entry))
        panic("paging_protect: page 0x%zx is not mapped", (size_t)page);
    *entry = entry_make(entry_frame(entry), protection);
    cpu_flush_page(page);
}

bool paging_find(vaddr_t address, pfn_t *frame, unsigned *protection)
{
    page_entry_t *entry = entry_find(address);

    if (entry == NULL || !entry_is_present(entry))
        return false;
    if (frame != NULL)
        *frame = entry_frame(entry);
    if (protection != NULL) {
        *protection = PAGE_READ;
        if (*entry & ENTRY_WRITE)
            *protection |= PAGE_WRITE;
        if (!(*entry & entry_no_execute))
            *protection |= PAGE_EXEC;
    }
    return true;
}

uint32_t paging_table_count(void)
{
    return table_count;
}

void *paging_window(enum paging_slot slot, pfn_t frame)
{
    vaddr_t page = WINDOWS + (vaddr_t)slot * PAGE_SIZE;

    *entry_of(page, 1) = entry_make(frame, PAGE_READ | PAGE_WRITE);
    cpu_flush_page(page);
    return (void *)page;
}

void *paging_view(paddr_t physical, uint64_t size, unsigned protection)
{
    paddr_t offset = physical % PAGE_SIZE;
    paddr_t start = physical - offset;

    if (size == 0 || size > PHYSICAL_LIMIT || start > PHYSICAL_LIMIT - size ||
        size > VIEWS_END - views_next - offset)
        return NULL;

    /* 5000 bytes at offset 100: 5100 bytes, two pages */
    vaddr_t pages = (vaddr_t)((offset + size + PAGE_SIZE - 1) >> PAGE_SHIFT);
    vaddr_t first = views_next;

    if (pages > (VIEWS_END - first) >> PAGE_SHIFT)
        return NULL;
    for (vaddr_t i = 0; i < pages; i++) {
        if (!paging_map(first + i * PAGE_SIZE, pfn_of(start) + (pfn_t)i,
                        protection)) {
            while (i-- > 0)
                paging_unmap(first + i * PAGE_SIZE);
            return NULL;
        }
    }
    views_next += pages * PAGE_SIZE;
    return (void *)(first + (vaddr_t)offset);
}

void paging_kernel_image(paddr_t *start, paddr_t *end)
{
    *start = (paddr_t)(vaddr_t)boot_start;
    *end = (paddr_t)((vaddr_t)data_end - KERNEL_BASE);
}

bool paging_can_forbid_execution(void)
{
    return entry_no_execute != 0;
}

void paging_free_space(enum paging_space space, vaddr_t *start, vaddr_t *end)
{
    const vaddr_t unit = 4u << 20;

    if (space == LOWER_SPACE) {
        *start = unit;
        *end = LOWER_SPACE_END;
    } else {
        *start = KERNEL_SPACE_START;
        *end = KERNEL_SPACE_END;
    }
}
