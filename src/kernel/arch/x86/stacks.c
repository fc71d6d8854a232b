/* SPDX-License-Identifier: MIT */
/*
 * stacks.c - guard pages under the stacks
 */
#include "stacks.h"

#include "kernel/paging.h"

void stacks_start(void)
{
    for (size_t i = 0; i < stack_count; i++)
        paging_unmap(stacks[i].guard);
}

const struct stack *stack_guarded_at(vaddr_t address)
{
    for (size_t i = 0; i < stack_count; i++)
        if (address - stacks[i].guard < PAGE_SIZE)
            return &stacks[i];
    return NULL;
}

const struct stack *stack_containing(vaddr_t address)
{
    for (size_t i = 0; i < stack_count; i++)
        if (address >= stacks[i].guard + PAGE_SIZE && address < stacks[i].top)
            return &stacks[i];
    return NULL;
}
