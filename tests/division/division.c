/* SPDX-License-Identifier: MIT */
/*
 * division.c - our own 64-bit division against the compiler's
 *
 * Built for 32 bits, with the functions of division.asm renamed from __udivdi3
 * to own_udivdi3 and so on, so that the operators / and % still call libgcc.
 * Tries all pairs of the numbers at the edges (powers of two, one more, one
 * less, their negatives) and many random ones of every length, and shifts by
 * every count.
 */
#include <stdint.h>
#include <stdio.h>

uint64_t own_udivdi3(uint64_t, uint64_t);
uint64_t own_umoddi3(uint64_t, uint64_t);
uint64_t own_udivmoddi4(uint64_t, uint64_t, uint64_t *);
int64_t own_divdi3(int64_t, int64_t);
int64_t own_moddi3(int64_t, int64_t);
int64_t own_divmoddi4(int64_t, int64_t, int64_t *);
uint64_t own_ashldi3(uint64_t, int);
uint64_t own_lshrdi3(uint64_t, int);

enum { EDGES = 64 * 6, RANDOM_PAIRS = 500000 };

static uint64_t edges[EDGES];
static unsigned long tried, wrong;

/* xorshift64: the same numbers in every run. */
static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void report(const char *what, uint64_t a, uint64_t b)
{
    if (wrong++ < 8)
        printf("# %s is wrong for 0x%llx and 0x%llx\n", what,
               (unsigned long long)a, (unsigned long long)b);
}

static void try_unsigned(uint64_t a, uint64_t b)
{
    uint64_t rest;

    if (own_udivdi3(a, b) != a / b)
        report("__udivdi3", a, b);
    if (own_umoddi3(a, b) != a % b)
        report("__umoddi3", a, b);
    if (own_udivmoddi4(a, b, &rest) != a / b || rest != a % b ||
        own_udivmoddi4(a, b, NULL) != a / b)
        report("__udivmoddi4", a, b);
}

static void try_signed(int64_t a, int64_t b)
{
    int64_t rest;

    if (own_divdi3(a, b) != a / b)
        report("__divdi3", (uint64_t)a, (uint64_t)b);
    if (own_moddi3(a, b) != a % b)
        report("__moddi3", (uint64_t)a, (uint64_t)b);
    if (own_divmoddi4(a, b, &rest) != a / b || rest != a % b ||
        own_divmoddi4(a, b, NULL) != a / b)
        report("__divmoddi4", (uint64_t)a, (uint64_t)b);
}

static void try_pair(uint64_t a, uint64_t b)
{
    if (b == 0)
        return;
    tried++;
    try_unsigned(a, b);
    if ((int64_t)a != INT64_MIN || (int64_t)b != -1)    /* overflows */
        try_signed((int64_t)a, (int64_t)b);
}

static void try_shifts(uint64_t a)
{
    for (int by = 0; by < 64; by++) {
        if (own_ashldi3(a, by) != a << by)
            report("__ashldi3", a, (uint64_t)by);
        if (own_lshrdi3(a, by) != a >> by)
            report("__lshrdi3", a, (uint64_t)by);
    }
}

int main(void)
{
    unsigned count = 0;

    for (int bit = 0; bit < 64; bit++)
        for (int off = -1; off <= 1; off++) {
            edges[count++] = ((uint64_t)1 << bit) + (uint64_t)off;
            edges[count++] = -((uint64_t)1 << bit) + (uint64_t)off;
        }
    for (unsigned i = 0; i < count; i++) {
        try_shifts(edges[i]);
        for (unsigned j = 0; j < count; j++)
            try_pair(edges[i], edges[j]);
    }

    for (int i = 0; i < RANDOM_PAIRS; i++) {
        uint64_t a = next_random() >> (next_random() & 63);
        uint64_t b = next_random() >> (next_random() & 63);

        try_shifts(a);
        try_pair(a, b);
        try_pair(a, a / (b | 1));   /* quotients near each other */
        try_pair(a * b, b);         /* no remainder */
        try_pair(a * b - 1, b);     /* the largest remainder */
    }
    printf("%s - our own 64-bit division agrees with libgcc's, %lu pairs\n",
           wrong == 0 ? "ok" : "not ok", tried);
    return wrong != 0;
}
